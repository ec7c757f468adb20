//! What the CLI waits for: running tool calls and questions, by the id they are answered under.
//!
//! The table owns their tasks: what leaves the table without having answered is aborted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::task::{self, Task};
use crate::tools::{Cancellation, Tool};

/// The running calls of one session.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    running: HashMap<Arc<str>, Running>,
    closed: bool,
}

#[derive(Debug)]
struct Running {
    what: What,
    cancel: Cancellation,
    _task: Task,
}

/// What the CLI waits for.
#[derive(Debug)]
pub(crate) enum What {
    Tool(Tool),
    /// What is asked.
    Question(String),
}

impl Calls {
    /// Runs `work` under `id`, unless something with this id runs already or the session is closed.
    ///
    /// `work` must call [`Calls::finish`] when it has answered, as its last act.
    pub(crate) fn start<F>(&self, id: Arc<str>, what: What, cancel: Cancellation, work: F) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // Held while the task is spawned, so that its `finish` finds the entry.
        let mut state = self.state();
        if state.closed {
            return false;
        }
        let Entry::Vacant(entry) = state.running.entry(id) else { return false };
        entry.insert(Running { what, cancel, _task: task::spawn(work) });
        true
    }

    /// Takes out a call that has answered.
    pub(crate) fn finish(&self, id: &str) {
        let finished = self.state().running.remove(id);
        drop(finished);
    }

    /// The CLI no longer waits for this one: it was answered elsewhere, or the work was aborted.
    pub(crate) fn cancel(&self, id: &str) {
        if let Some(running) = self.state().running.get(id) {
            running.cancel.cancel();
        }
    }

    /// The CLI waits for none of them any more.
    pub(crate) fn cancel_all(&self) {
        for running in self.state().running.values() {
            running.cancel.cancel();
        }
    }

    /// Cancels all and takes no more.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        for running in state.running.values() {
            running.cancel.cancel();
        }
    }

    /// Cancels all that runs, and goes on taking more; says what it was.
    pub(crate) fn interrupt(&self) -> Vec<String> {
        self.cancel_all();
        self.describe()
    }

    /// Aborts what still runs.
    pub(crate) fn abort(&self) {
        let running = std::mem::take(&mut self.state().running);
        drop(running);
    }

    /// How many tools run.
    pub(crate) fn tools_running(&self) -> usize {
        self.state().running.values().filter(|running| matches!(running.what, What::Tool(_))).count()
    }

    /// What runs, for a person to read.
    pub(crate) fn describe(&self) -> Vec<String> {
        let state = self.state();
        let running = state.running.iter().map(|(id, running)| match &running.what {
            What::Tool(tool) => format!("{} ({id})", tool.name()),
            What::Question(question) => format!("{question} ({id})"),
        });
        let mut all: Vec<String> = running.collect();
        all.sort();
        all
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
