//! What the CLI waits for: running tool calls and questions, by the id they are answered under.
//!
//! The table owns their tasks: what leaves the table without having answered is aborted. It also knows what came
//! lately, because an event that asks may come twice.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::rpc::AskedId;
use crate::task::{self, Task};
use crate::tools::{Cancellation, Tool};

/// The running calls of one session.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    running: HashMap<Arc<str>, Running>,
    /// The events that asked lately.
    recent: Recent,
    /// Takes requests of the CLI only, which it still makes while it lets go of the session.
    closed: bool,
    /// Takes nothing more.
    ended: bool,
    /// How many CLIs were lost.
    lost: u32,
    /// When the last tool ended that did.
    tool_ended: Option<Instant>,
}

#[derive(Debug)]
struct Running {
    what: What,
    cancel: Cancellation,
    /// The request that asked, which the CLI may take back; none where an event asked.
    asked: Option<AskedId>,
    /// How many CLIs were lost before it came.
    lost: u32,
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

/// How a question came, and the id that it runs under.
#[derive(Debug)]
pub(crate) enum By {
    /// By an event, which may come twice.
    Event(Arc<str>),
    /// By a request that calls a tool or wants a permission.
    Call(Arc<str>, AskedId),
    /// By another request, which the CLI also makes while the session is closed.
    Request(Arc<str>, AskedId),
}

impl By {
    /// The id that it runs under.
    pub(crate) fn id(&self) -> &Arc<str> {
        match self {
            Self::Event(id) | Self::Call(id, _) | Self::Request(id, _) => id,
        }
    }
}

impl Calls {
    /// Runs `work` for a question that came as `asked`, unless the table does not take it: then nothing runs.
    ///
    /// `work` must call [`Calls::finish`] when it has answered, as its last act.
    pub(crate) fn start<F>(&self, asked: By, what: What, cancel: Cancellation, work: F) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut state = self.state();
        let (id, asked) = match asked {
            By::Event(id) if !state.closed && state.recent.is_new(&id) => (id, None),
            By::Call(id, asked) if !state.closed => (id, Some(asked)),
            By::Request(id, asked) if !state.ended => (id, Some(asked)),
            _ => return false,
        };
        let lost = state.lost;
        let Entry::Vacant(entry) = state.running.entry(id) else { return false };
        // With the state locked, so that the `finish` of the task finds the entry.
        entry.insert(Running { what, cancel, asked, lost, _task: task::spawn(work) });
        true
    }

    /// Takes out a call that has answered.
    pub(crate) fn finish(&self, id: &str) {
        let mut state = self.state();
        let finished = state.running.remove(id);
        if finished.as_ref().is_some_and(|running| matches!(running.what, What::Tool(_))) {
            state.tool_ended = Some(Instant::now());
        }
        drop(state);
        drop(finished);
    }

    /// The CLI no longer waits for this one: it was answered elsewhere, or the work was aborted. Says whether it ran.
    pub(crate) fn cancel(&self, id: &str) -> bool {
        let state = self.state();
        let running = state.running.get(id);
        if let Some(running) = running {
            running.cancel.cancel();
        }
        running.is_some()
    }

    /// The CLI has taken a request back.
    pub(crate) fn take_back(&self, asked: AskedId) {
        for running in self.state().running.values().filter(|running| running.asked == Some(asked)) {
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

    /// The CLI that asked is lost. Unless it goes on, all that runs is cancelled; says what that was.
    pub(crate) fn interrupt(&self, goes_on: bool) -> Vec<String> {
        let mut state = self.state();
        state.lost += 1;
        // No event of that CLI comes twice now. What was answered may be asked again, for the answer may be lost too.
        let State { running, recent, .. } = &mut *state;
        *recent = Recent::default();
        for id in running.keys() {
            recent.is_new(id);
        }
        drop(state);
        if goes_on {
            return Vec::new();
        }
        self.cancel_all();
        self.describe()
    }

    /// Cancels what a lost CLI has asked for, but for these; says what that was.
    pub(crate) fn cancel_others(&self, wanted: &[&str]) -> Vec<String> {
        let state = self.state();
        let unwanted = state.running.iter().filter(|(id, running)| {
            running.lost < state.lost && !running.cancel.is_cancelled() && !wanted.contains(&&***id)
        });
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

    /// Until when a tool has run: `now` while one does, and nothing before the first.
    pub(crate) fn tools_active(&self, now: Instant) -> Option<Instant> {
        let state = self.state();
        let runs = state.running.values().any(|running| matches!(running.what, What::Tool(_)));
        if runs { Some(now) } else { state.tool_ended }
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

/// How many events that asked are remembered: more than can be on their way.
const RECENT: usize = 256;

/// Which events have asked lately, as the hashes of their ids: a few bytes each, and none where nothing was asked.
#[derive(Debug, Default)]
struct Recent {
    hashes: Vec<u64>,
    /// The place of the oldest, once there are [`RECENT`].
    oldest: usize,
    hasher: RandomState,
}

impl Recent {
    /// Whether this id has not come lately; from here on it has.
    fn is_new(&mut self, id: &str) -> bool {
        let hash = self.hasher.hash_one(id);
        if self.hashes.contains(&hash) {
            return false;
        }
        if self.hashes.len() < RECENT {
            self.hashes.push(hash);
        } else {
            self.hashes[self.oldest] = hash;
            self.oldest = (self.oldest + 1) % RECENT;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_ids_are_remembered_and_the_memory_is_bounded() {
        let mut recent = Recent::default();
        for id in 0..2 * RECENT {
            assert!(recent.is_new(&id.to_string()));
            assert!(!recent.is_new(&id.to_string()));
        }
        assert_eq!(recent.hashes.len(), RECENT);
        assert!(!recent.is_new(&RECENT.to_string()));
        assert!(recent.is_new("0"), "what is long past is forgotten");
    }
}
