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
    /// Takes requests of the CLI only, which it still makes while it lets go of the session.
    closed: bool,
    /// Takes nothing more.
    ended: bool,
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

impl What {
    fn describe(&self, id: &str) -> String {
        match self {
            Self::Tool(tool) => format!("{} ({id})", tool.name()),
            Self::Question(question) => format!("{question} ({id})"),
        }
    }
}

impl Calls {
    /// Runs `work` under `id`, unless something with this id runs already or the session is closed.
    ///
    /// `work` must call [`Calls::finish`] when it has answered, as its last act.
    pub(crate) fn start<F>(&self, id: Arc<str>, what: What, cancel: Cancellation, work: F) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let state = self.state();
        !state.closed && insert(state, id, what, cancel, work)
    }

    /// The same for a request of the CLI that is no tool call, which is also taken while the session is closed.
    pub(crate) fn start_request<F>(&self, id: Arc<str>, what: What, cancel: Cancellation, work: F) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let state = self.state();
        !state.ended && insert(state, id, what, cancel, work)
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

    /// Cancels all and takes no more, but for requests of the CLI.
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

    /// Cancels all but these; says what that was.
    pub(crate) fn cancel_others(&self, wanted: &[&str]) -> Vec<String> {
        let state = self.state();
        let unwanted = state
            .running
            .iter()
            .filter(|(id, running)| !running.cancel.is_cancelled() && !wanted.contains(&&***id));
        let mut cancelled: Vec<String> = unwanted
            .map(|(id, running)| {
                running.cancel.cancel();
                running.what.describe(id)
            })
            .collect();
        cancelled.sort();
        cancelled
    }

    /// Aborts what still runs, and takes nothing more.
    pub(crate) fn abort(&self) {
        let running = {
            let mut state = self.state();
            state.ended = true;
            std::mem::take(&mut state.running)
        };
        drop(running);
    }

    /// How many tools run.
    pub(crate) fn tools_running(&self) -> usize {
        self.state().running.values().filter(|running| matches!(running.what, What::Tool(_))).count()
    }

    /// What runs, for a person to read.
    pub(crate) fn describe(&self) -> Vec<String> {
        let state = self.state();
        let mut all: Vec<String> =
            state.running.iter().map(|(id, running)| running.what.describe(id)).collect();
        all.sort();
        all
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the state locked, so that the `finish` of the task finds the entry.
fn insert<F>(
    mut state: MutexGuard<'_, State>,
    id: Arc<str>,
    what: What,
    cancel: Cancellation,
    work: F,
) -> bool
where
    F: Future<Output = ()> + Send + 'static,
{
    let Entry::Vacant(entry) = state.running.entry(id) else { return false };
    entry.insert(Running { what, cancel, _task: task::spawn(work) });
    true
}
