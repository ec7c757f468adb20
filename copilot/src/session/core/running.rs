//! What the CLI waits for: running tool calls and questions, by the id they are answered under.
//!
//! The table owns their tasks: what leaves the table without having answered is aborted. It also knows what came
//! lately, because an event that asks may come twice.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::time::Instant;

use crate::rpc::{BackupResponder, IncomingId, Responder};
use crate::task::Task;
use crate::task::lock;
use crate::tools::{CancellationToken, Tool};

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
    /// How many were admitted.
    admitted: u64,
}

#[derive(Debug)]
struct Running {
    what: What,
    cancel: CancellationToken,
    /// The request that asked, which the CLI may take back; none where an event asked.
    owed: Option<Owed>,
    /// How many CLIs were lost before it came.
    lost: u32,
    /// Which one it is, as an id may be used again.
    number: u64,
    /// None until it is spawned.
    task: Option<Task>,
}

/// The answer that a request of the CLI waits for, and the safe one that is given where the work is aborted.
#[derive(Debug)]
pub(crate) struct Owed {
    backup: BackupResponder,
    safe: fn(Responder),
}

impl Owed {
    pub(crate) fn new(responder: &Responder, safe: fn(Responder)) -> Self {
        Self { backup: responder.backup(), safe }
    }

    /// Gives the safe answer, unless there was one.
    fn settle(self) {
        (self.safe)(self.backup.into_responder());
    }
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
    Call(Arc<str>, Owed),
    /// By another request, which the CLI also makes while the session is closed.
    Request(Arc<str>, Owed),
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
    /// Takes in a question that came as `asked`, and gives its number; none where it is not to be answered here.
    ///
    /// With a number, the caller calls [`own`](Self::own) with the task that answers, and [`finish`](Self::finish) when
    /// that task has ended in any way.
    pub(in crate::session) fn admit(&self, asked: By, what: What, cancel: CancellationToken) -> Option<u64> {
        let mut state = self.state();
        let (id, owed) = match asked {
            By::Event(id) if !state.closed && state.recent.is_new(&id) => (id, None),
            By::Call(id, owed) if !state.closed => (id, Some(owed)),
            By::Request(id, owed) if !state.ended => (id, Some(owed)),
            _ => return None,
        };
        let (lost, number) = (state.lost, state.admitted + 1);
        let Entry::Vacant(entry) = state.running.entry(id) else { return None };
        entry.insert(Running { what, cancel, owed, lost, number, task: None });
        state.admitted = number;
        Some(number)
    }

    /// Gives the table the task that answers. One that has ended already, or is not wanted any more, is aborted.
    ///
    /// Not spawned with the table locked: a runtime that shuts down drops it there and then, which calls `finish`.
    pub(in crate::session) fn own(&self, id: &str, number: u64, task: Task) {
        let mut state = self.state();
        let unwanted = match state.running.get_mut(id).filter(|running| running.number == number) {
            Some(running) => running.task.replace(task),
            None => Some(task),
        };
        drop(state);
        drop(unwanted);
    }

    /// Takes out a call whose task ends.
    pub(in crate::session) fn finish(&self, id: &str, number: u64) {
        let mut state = self.state();
        let is_own = state.running.get(id).is_some_and(|running| running.number == number);
        let finished = if is_own { state.running.remove(id) } else { None };
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
    pub(crate) fn cancel_request(&self, asked: IncomingId) {
        let is_asked =
            |running: &&Running| running.owed.as_ref().is_some_and(|owed| owed.backup.request() == asked);
        for running in self.state().running.values().filter(is_asked) {
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

    /// Aborts what still runs, and takes nothing more. Requests that wait get their safe answer here, as the task of a
    /// tool that never pauses cannot be ended.
    pub(crate) fn abort(&self) {
        let running = {
            let mut state = self.state();
            state.ended = true;
            std::mem::take(&mut state.running)
        };
        for mut running in running.into_values() {
            running.owed.take().into_iter().for_each(Owed::settle);
        }
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
        lock(&self.0)
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
    use crate::rpc::Peer;

    /// A call that was admitted, with its number.
    fn start(calls: &Calls, by: By) -> Option<(CancellationToken, u64)> {
        let cancel = CancellationToken::default();
        let what = What::Question("a question".to_owned());
        let number = calls.admit(by, what, cancel.clone())?;
        Some((cancel, number))
    }

    fn event(id: &str) -> By {
        By::Event(id.into())
    }

    /// A request of the CLI, and what it is called.
    fn owed(peer: &Peer, id: &str) -> (Owed, IncomingId) {
        let responder = Responder::with_id(peer, id);
        let owed = Owed::new(&responder, |responder| responder.ok(&()));
        let asked = owed.backup.request();
        std::mem::forget(responder);
        (owed, asked)
    }

    #[test]
    fn a_closed_table_takes_only_requests_and_an_ended_one_nothing() {
        let peer = Peer::new(Box::new(tokio::io::sink()));
        let calls = Calls::default();
        let (running, _) = start(&calls, event("a")).unwrap();
        calls.close();
        assert!(running.is_cancelled());
        assert!(start(&calls, event("b")).is_none());
        assert!(start(&calls, By::Call("c".into(), owed(&peer, "1").0)).is_none());
        assert!(start(&calls, By::Request("d".into(), owed(&peer, "2").0)).is_some());
        calls.abort();
        assert!(start(&calls, By::Request("e".into(), owed(&peer, "3").0)).is_none());
        assert!(calls.describe().is_empty());
    }

    #[test]
    fn taking_back_a_request_cancels_no_other() {
        let peer = Peer::new(Box::new(tokio::io::sink()));
        let calls = Calls::default();
        let (first, second) = (owed(&peer, "1"), owed(&peer, "2"));
        let (one, _) = start(&calls, By::Call("a".into(), first.0)).unwrap();
        let (two, _) = start(&calls, By::Request("b".into(), second.0)).unwrap();
        let (event, _) = start(&calls, event("c")).unwrap();
        calls.cancel_request(second.1);
        assert!(two.is_cancelled() && !one.is_cancelled() && !event.is_cancelled());
    }

    #[tokio::test]
    async fn after_a_loss_what_runs_is_not_run_again_and_what_was_answered_is() {
        let calls = Calls::default();
        let (_, runs) = start(&calls, event("runs")).unwrap();
        let (_, answered) = start(&calls, event("answered")).unwrap();
        calls.finish("answered", answered);
        assert!(start(&calls, event("answered")).is_none());
        assert!(calls.interrupt(true).is_empty());
        assert!(start(&calls, event("answered")).is_some());
        calls.finish("runs", runs);
        assert!(start(&calls, event("runs")).is_none());
    }

    #[test]
    fn a_task_that_ends_late_does_not_end_the_next_call_of_its_id() {
        let peer = Peer::new(Box::new(tokio::io::sink()));
        let calls = Calls::default();
        let (_, first) = start(&calls, By::Call("a".into(), owed(&peer, "1").0)).unwrap();
        calls.finish("a", first);
        let (_, second) = start(&calls, By::Call("a".into(), owed(&peer, "2").0)).unwrap();
        calls.finish("a", first);
        assert_eq!(calls.describe().len(), 1);
        calls.finish("a", second);
        assert!(calls.describe().is_empty());
    }

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
