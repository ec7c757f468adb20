//! The work that the CLI waits for: running tool calls and requests, by the id of their answer.
//!
//! The table owns their tasks: work that leaves the table without an answer is aborted. The table also knows the ids of
//! recent events, because the CLI may send an event twice.

use std::collections::hash_map;
use std::hash::BuildHasher;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::time::Instant;

use crate::hash::{BuildIdHasher, IdMap};
use crate::rpc::{BackupResponder, IncomingId, Responder};
use crate::task::{self, Task, lock};
use crate::tools::{CancellationToken, Tool};

/// The work in flight of one session.
#[derive(Debug, Default)]
pub(crate) struct InFlight(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    running: IdMap<Arc<str>, Running>,
    /// Boxed, because most sessions are idle.
    recent: Option<Box<RecentIds>>,
    /// Admits requests of the CLI only, which it still sends while it detaches the session.
    closed: bool,
    /// Admits nothing more.
    ended: bool,
    /// The number of CLIs that were lost.
    lost: u32,
    /// When the last tool ended.
    tool_ended: Option<Instant>,
    /// When the last work ended.
    work_ended: Option<Instant>,
    /// The number of admissions.
    admitted: u64,
}

#[derive(Debug)]
struct Running {
    work: Work,
    cancel: CancellationToken,
    /// The response to a request, which the CLI may cancel; `None` where an event is the cause.
    response: Option<SafeResponse>,
    /// Whether a sub-agent waits for it.
    is_of_sub_agent: bool,
    /// The number of CLIs that were lost before the admission.
    lost: u32,
    /// Distinguishes work under an id that is used again.
    number: u64,
    /// `None` until the task is spawned.
    task: Option<Task>,
}

impl Running {
    fn is_tool(&self) -> bool {
        matches!(self.work, Work::Tool(_))
    }
}

/// The response that a request of the CLI waits for, and the safe one that is sent where the work is aborted.
#[derive(Debug)]
pub(crate) struct SafeResponse {
    backup: BackupResponder,
    send: fn(Responder),
}

impl SafeResponse {
    pub(crate) fn new(responder: &Responder, send: fn(Responder)) -> Self {
        Self { backup: responder.backup(), send }
    }

    /// Sends the safe response, unless there was another one.
    fn send(self) {
        (self.send)(self.backup.into_responder());
    }
}

/// The kind of work that the CLI waits for.
#[derive(Debug)]
pub(crate) enum Work {
    Tool(Tool),
    /// A request, with its description for errors and events.
    Request(String),
}

impl Work {
    fn describe(&self, id: &str) -> String {
        match self {
            Self::Tool(tool) => format!("{} ({id})", tool.name()),
            Self::Request(description) => format!("{description} ({id})"),
        }
    }
}

/// The message that causes work, and the id that the work runs under.
#[derive(Debug)]
pub(crate) enum Cause {
    /// An event, which the CLI may send twice.
    Event(Arc<str>),
    /// A request that calls a tool or asks for a permission.
    Call(Arc<str>, SafeResponse),
    /// Another request, which the CLI also sends while the session is closed.
    Request(Arc<str>, SafeResponse),
}

impl Cause {
    /// Returns the id that the work runs under.
    pub(crate) fn id(&self) -> &Arc<str> {
        match self {
            Self::Event(id) | Self::Call(id, _) | Self::Request(id, _) => id,
        }
    }
}

impl InFlight {
    /// Admits work and returns its number; `None` where the work must not run here.
    ///
    /// With a number, the caller calls [`own`](Self::own) with the task, and [`finish`](Self::finish) when that task has
    /// ended in any way.
    fn admit(&self, cause: Cause, work: Work, cancel: CancellationToken) -> Option<u64> {
        let mut table = self.table();
        let (id, response) = match cause {
            Cause::Event(id) if !table.closed && table.recent.get_or_insert_default().insert(&id) => {
                (id, None)
            }
            Cause::Call(id, response) if !table.closed => (id, Some(response)),
            Cause::Request(id, response) if !table.ended => (id, Some(response)),
            _ => return None,
        };
        let (lost, number) = (table.lost, table.admitted + 1);
        let hash_map::Entry::Vacant(entry) = table.running.entry(id) else { return None };
        entry.insert(Running { work, cancel, response, is_of_sub_agent: false, lost, number, task: None });
        table.admitted = number;
        Some(number)
    }

    /// Moves the task of admitted work into the table. One whose work has ended, or is not wanted any more, is aborted.
    ///
    /// The task is not spawned under the lock: a runtime that shuts down drops it immediately, which calls `finish`.
    fn own(&self, id: &str, number: u64, task: Task) {
        let mut table = self.table();
        let unwanted = match table.running.get_mut(id).filter(|running| running.number == number) {
            Some(running) => running.task.replace(task),
            None => Some(task),
        };
        drop(table);
        drop(unwanted);
    }

    /// Removes work whose task ends.
    fn finish(&self, id: &str, number: u64) {
        let mut table = self.table();
        let is_own = table.running.get(id).is_some_and(|running| running.number == number);
        let finished = if is_own { table.running.remove(id) } else { None };
        if let Some(finished) = &finished {
            let now = Some(Instant::now());
            table.work_ended = now;
            if finished.is_tool() {
                table.tool_ended = now;
            }
        }
        drop(table);
        drop(finished);
    }

    /// Returns whether work with this id runs, or was admitted a short time ago because of an event.
    pub(in crate::session) fn knows(&self, id: &str) -> bool {
        let table = self.table();
        table.running.contains_key(id) || table.recent.as_ref().is_some_and(|recent| recent.contains(id))
    }

    /// Returns whether a handler of the program is being asked.
    pub(in crate::session) fn is_consulted(&self) -> bool {
        self.table().running.values().any(|running| matches!(running.work, Work::Request(_)))
    }

    /// Cancels work that the CLI does not wait for any more. Returns whether it was running.
    pub(crate) fn cancel(&self, id: &str) -> bool {
        let table = self.table();
        let running = table.running.get(id);
        if let Some(running) = running {
            running.cancel.cancel();
        }
        running.is_some()
    }

    /// Cancels the work of a request that the CLI has cancelled.
    pub(crate) fn cancel_request(&self, id: IncomingId) {
        let is_of_request = |running: &&Running| {
            running.response.as_ref().is_some_and(|response| response.backup.request() == id)
        };
        for running in self.table().running.values().filter(is_of_request) {
            running.cancel.cancel();
        }
    }

    /// Marks work that a sub-agent waits for.
    pub(super) fn set_of_sub_agent(&self, id: &str) {
        if let Some(running) = self.table().running.get_mut(id) {
            running.is_of_sub_agent = true;
        }
    }

    /// Cancels all work.
    fn cancel_all(&self) {
        for running in self.table().running.values() {
            running.cancel.cancel();
        }
    }

    /// Cancels all work, except that which a sub-agent waits for.
    pub(crate) fn cancel_own(&self) {
        for running in self.table().running.values().filter(|running| !running.is_of_sub_agent) {
            running.cancel.cancel();
        }
    }

    /// Cancels all work and admits only requests of the CLI.
    pub(crate) fn close(&self) {
        let mut table = self.table();
        table.closed = true;
        for running in table.running.values() {
            running.cancel.cancel();
        }
    }

    /// Records the loss of the CLI. Cancels all work, unless it may continue, and returns what was cancelled.
    pub(crate) fn interrupt(&self, may_continue: bool) -> Vec<String> {
        let mut table = self.table();
        table.lost += 1;
        // No event of the lost CLI arrives twice now. Answered requests may come again, because answers may be lost too.
        let Table { running, recent, .. } = &mut *table;
        let mut still = RecentIds::default();
        for id in running.keys() {
            still.insert(id);
        }
        *recent = Some(Box::new(still));
        drop(table);
        if may_continue {
            return Vec::new();
        }
        self.cancel_all();
        self.describe()
    }

    /// Cancels work of a lost CLI, except under these ids; returns what was cancelled.
    pub(crate) fn cancel_others(&self, wanted: &[&str]) -> Vec<String> {
        let table = self.table();
        let unwanted = table.running.iter().filter(|(id, running)| {
            running.lost < table.lost && !running.cancel.is_cancelled() && !wanted.contains(&&***id)
        });
        let mut cancelled: Vec<String> = unwanted
            .map(|(id, running)| {
                running.cancel.cancel();
                running.work.describe(id)
            })
            .collect();
        cancelled.sort();
        cancelled
    }

    /// Aborts all work and admits nothing more. Waiting requests get their safe response here, because the task of a
    /// tool that never yields cannot be ended.
    pub(crate) fn abort(&self) {
        let running = {
            let mut table = self.table();
            table.ended = true;
            std::mem::take(&mut table.running)
        };
        for mut running in running.into_values() {
            running.response.take().into_iter().for_each(SafeResponse::send);
        }
    }

    /// Returns when a tool was last running, and when a tool or a handler was: `now` while one runs, and `None` before
    /// the first.
    pub(crate) fn last_active(&self, now: Instant) -> (Option<Instant>, Option<Instant>) {
        let table = self.table();
        let tools = if table.running.values().any(Running::is_tool) { Some(now) } else { table.tool_ended };
        (tools, if table.running.is_empty() { table.work_ended } else { Some(now) })
    }

    /// Returns whether nothing runs.
    pub(crate) fn is_empty(&self) -> bool {
        self.table().running.is_empty()
    }

    /// Returns a description of each piece of work, sorted.
    pub(crate) fn describe(&self) -> Vec<String> {
        let table = self.table();
        let mut all: Vec<String> =
            table.running.iter().map(|(id, running)| running.work.describe(id)).collect();
        all.sort();
        all
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.0)
    }
}

/// The owner of a table of work in flight.
pub(crate) trait Owner: Send + Sync + 'static {
    /// Returns the table.
    fn in_flight(&self) -> &InFlight;
}

/// The entry of running work in the table of its owner; its drop removes it from the table.
pub(crate) struct Entry<O: Owner> {
    owner: Arc<O>,
    id: Arc<str>,
    number: u64,
}

impl<O: Owner> Entry<O> {
    /// Returns the id that the work runs under.
    pub(in crate::session) fn id(&self) -> &Arc<str> {
        &self.id
    }
}

impl<O: Owner> Deref for Entry<O> {
    type Target = Arc<O>;

    fn deref(&self) -> &Arc<O> {
        &self.owner
    }
}

impl<O: Owner> Drop for Entry<O> {
    fn drop(&mut self) {
        self.owner.in_flight().finish(&self.id, self.number);
    }
}

/// Starts work in a separate task, unless the table does not admit it: then nothing runs. Returns whether it runs.
///
/// The work owns its entry in the table, so the entry ends with the work in any case.
pub(in crate::session) fn run<O: Owner, F>(
    owner: &Arc<O>,
    cause: Cause,
    work: Work,
    cancel: CancellationToken,
    future: impl FnOnce(Entry<O>) -> F,
) -> bool
where
    F: Future<Output = ()> + Send + 'static,
{
    let Some(entry) = enter(owner, cause, work, cancel) else { return false };
    let (id, number) = (Arc::clone(&entry.id), entry.number);
    start(owner, &id, number, future(entry));
    true
}

fn enter<O: Owner>(owner: &Arc<O>, cause: Cause, work: Work, cancel: CancellationToken) -> Option<Entry<O>> {
    let id = Arc::clone(cause.id());
    let number = owner.in_flight().admit(cause, work, cancel)?;
    Some(Entry { owner: Arc::clone(owner), id, number })
}

fn start<O: Owner>(owner: &Arc<O>, id: &str, number: u64, work: impl Future<Output = ()> + Send + 'static) {
    owner.in_flight().own(id, number, task::spawn_unboxed(work));
}

/// The number of ids that are remembered: more than can be on their way.
const RECENT: usize = 256;

/// The ids of recent events, as hashes: a few bytes each, and none where no event came.
#[derive(Debug, Default)]
struct RecentIds {
    hashes: Vec<u64>,
    /// The lowest byte of each hash, which are quicker to search.
    bytes: Vec<u8>,
    /// The index of the oldest, once there are [`RECENT`].
    oldest: usize,
}

impl RecentIds {
    fn contains(&self, id: &str) -> bool {
        self.has(BuildIdHasher::default().hash_one(id))
    }

    fn has(&self, hash: u64) -> bool {
        memchr::memchr_iter(hash as u8, &self.bytes).any(|at| self.hashes[at] == hash)
    }

    /// Inserts an id; returns whether it was new.
    fn insert(&mut self, id: &str) -> bool {
        let hash = BuildIdHasher::default().hash_one(id);
        if self.has(hash) {
            return false;
        }
        if self.hashes.len() < RECENT {
            self.hashes.push(hash);
            self.bytes.push(hash as u8);
        } else {
            (self.hashes[self.oldest], self.bytes[self.oldest]) = (hash, hash as u8);
            self.oldest = (self.oldest + 1) % RECENT;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::Peer;

    #[derive(Default)]
    struct Owned {
        calls: InFlight,
    }

    impl Owner for Owned {
        fn in_flight(&self) -> &InFlight {
            &self.calls
        }
    }

    /// A call that was admitted, with its number.
    fn start(calls: &InFlight, cause: Cause) -> Option<(CancellationToken, u64)> {
        let cancel = CancellationToken::default();
        let work = Work::Request("a question".to_owned());
        let number = calls.admit(cause, work, cancel.clone())?;
        Some((cancel, number))
    }

    fn event(id: &str) -> Cause {
        Cause::Event(id.into())
    }

    /// A request of the CLI, and its id.
    fn request(peer: &Peer, id: &str) -> (SafeResponse, IncomingId) {
        let responder = Responder::with_id(peer, id);
        let safe_response = SafeResponse::new(&responder, |responder| responder.ok(&()));
        let asked = safe_response.backup.request();
        std::mem::forget(responder);
        (safe_response, asked)
    }

    #[test]
    fn a_closed_table_takes_only_requests_and_an_ended_one_nothing() {
        let peer = Peer::new(Box::new(tokio::io::sink()));
        let calls = InFlight::default();
        let (running, _) = start(&calls, event("a")).unwrap();
        calls.close();
        assert!(running.is_cancelled());
        assert!(start(&calls, event("b")).is_none());
        assert!(start(&calls, Cause::Call("c".into(), request(&peer, "1").0)).is_none());
        assert!(start(&calls, Cause::Request("d".into(), request(&peer, "2").0)).is_some());
        calls.abort();
        assert!(start(&calls, Cause::Request("e".into(), request(&peer, "3").0)).is_none());
        assert!(calls.describe().is_empty());
    }

    #[test]
    fn cancelling_a_request_cancels_no_other() {
        let peer = Peer::new(Box::new(tokio::io::sink()));
        let calls = InFlight::default();
        let (first, second) = (request(&peer, "1"), request(&peer, "2"));
        let (one, _) = start(&calls, Cause::Call("a".into(), first.0)).unwrap();
        let (two, _) = start(&calls, Cause::Request("b".into(), second.0)).unwrap();
        let (event, _) = start(&calls, event("c")).unwrap();
        calls.cancel_request(second.1);
        assert!(two.is_cancelled() && !one.is_cancelled() && !event.is_cancelled());
    }

    #[tokio::test]
    async fn after_a_loss_running_work_is_not_started_twice_and_answered_work_is() {
        let calls = InFlight::default();
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
    fn the_latest_ids_are_remembered_and_the_memory_is_bounded() {
        let mut recent = RecentIds::default();
        for id in 0..2 * RECENT {
            assert!(recent.insert(&id.to_string()));
            assert!(!recent.insert(&id.to_string()));
        }
        assert_eq!((recent.hashes.len(), recent.bytes.len()), (RECENT, RECENT));
        assert!(!recent.insert(&RECENT.to_string()));
        assert!(recent.insert("0"), "the oldest id is forgotten");
    }

    #[tokio::test]
    async fn no_entry_of_running_work_outlives_its_task() {
        let owner = Arc::new(Owned::default());
        let run = |id: &str, panics: bool| {
            let (cause, work) = (Cause::Event(id.into()), Work::Request("q".to_owned()));
            run(&owner, cause, work, CancellationToken::default(), |entry| async move {
                let _entry = entry;
                assert!(!panics, "the work panics");
                std::future::pending::<()>().await;
            })
        };
        assert!(run("panics", true));
        assert!(run("pending", false));
        tokio::task::yield_now().await;
        assert_eq!(owner.calls.describe(), ["q (pending)"]);
        let weak = Arc::downgrade(&owner);
        owner.calls.abort();
        assert!(owner.calls.describe().is_empty());
        tokio::task::yield_now().await;
        // The task of aborted work has ended and has dropped its values.
        assert_eq!(weak.strong_count(), 1);
    }
}
