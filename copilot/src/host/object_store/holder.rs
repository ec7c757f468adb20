//! The task that holds one session: its files in memory, the changes that are not in the store yet, the
//! lease.
//!
//! It owns all of this, and handles one request after the other. A change counts when its record is created.
//! Where the outcome of a record is unknown, nothing else is served until it is known, so the CLI never reads
//! a change that may not last.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::candidate::{Beats, Candidate};
use super::change::{Action, Change};
use super::error::BucketError;
use super::journal::{Created, Journal, transfer};
use super::record::{Changes, Draft, Kind};
use super::takeover::{Taken, take};
use crate::host::session_fs::FsError;
use crate::host::session_fs::tree::Tree;
use crate::protocol::SessionId;
use crate::task::{self, Task};

/// Changes of this size are written without waiting for more.
const MAX_WAITING_BYTES: usize = 256 * 1024;

/// A snapshot is written after this many records, where these are not small beside the files, and after
/// [`MAX_RECORDS`] in any case.
const RECORDS: u64 = 64;
const MAX_RECORDS: u64 = 1000;

/// Records up to this size together need no snapshot.
const SMALL: u64 = 1024 * 1024;

/// The settings of all sessions of a file system.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) me: Candidate,
    /// The directory that a new session begins with.
    pub(super) first_directory: Vec<String>,
    pub(super) delay: Duration,
    pub(super) write_behind: bool,
    pub(super) max_bytes: u64,
}

/// A request to the task.
pub(super) enum Request {
    /// Reads the files.
    Read(Reader),
    Change(Change, Answer<FsError>),
    /// Takes the session, and returns the epoch.
    Acquire(Answer<BucketError, u64>),
    Flush(Answer<BucketError>),
    Release(Answer<BucketError>),
    Delete(Answer<BucketError>),
}

pub(super) type Reader = Box<dyn FnOnce(Result<&Tree, FsError>) + Send>;

pub(super) type Answer<E, T = ()> = oneshot::Sender<Result<T, E>>;

/// The task of one session.
pub(super) struct Holder {
    session: SessionId,
    journal: Journal,
    settings: Settings,
    phase: Phase,
    loss: watch::Sender<Option<BucketError>>,
    /// Removes records before the snapshot.
    removal: Option<Task>,
}

enum Phase {
    /// Not opened yet, or not successfully.
    Closed,
    Held(Box<Held>),
    Lost(BucketError),
    /// Released or deleted by this process.
    Ended,
}

/// A session that this process holds.
struct Held {
    tree: Tree,
    head: u64,
    epoch: u64,
    base: u64,
    fences: Vec<u64>,
    records: u64,
    bytes_since: u64,
    changes: Changes,
    /// When the changes are written at the latest.
    due: Option<Instant>,
    /// When the holder shows next that it lives.
    next_beat: Instant,
    in_flight: Option<InFlight>,
}

/// A record that is being written.
struct InFlight {
    kind: Kind,
    object: Bytes,
    since: Instant,
    /// Whether an attempt has failed already.
    failed: bool,
}

impl Holder {
    pub(super) fn new(
        session: SessionId,
        journal: Journal,
        settings: Settings,
        loss: watch::Sender<Option<BucketError>>,
    ) -> Self {
        Self { session, journal, settings, phase: Phase::Closed, loss, removal: None }
    }

    /// Serves requests until the session is given up, or there is no sender of them. Returns whether it was
    /// given up.
    pub(super) async fn run(mut self, requests: &mut mpsc::Receiver<Request>) -> bool {
        loop {
            let wake = self.wake();
            tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => self.serve(request).await,
                    None => return false,
                },
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => self.tick().await,
            }
            if matches!(self.phase, Phase::Ended) {
                return true;
            }
            self.shorten().await;
        }
    }

    /// When there is something to do without a request.
    fn wake(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Held(held) if held.head > 0 => {
                Some(held.due.map_or(held.next_beat, |due| due.min(held.next_beat)))
            }
            _ => None,
        }
    }

    // An answer whose receiver was dropped is not missed.
    async fn serve(&mut self, request: Request) {
        match request {
            Request::Read(reader) => match self.held().await {
                Ok(held) => reader(Ok(&held.tree)),
                Err(error) => reader(Err(error.into())),
            },
            Request::Change(change, answer) => drop(answer.send(self.change(&change).await)),
            Request::Acquire(answer) => drop(answer.send(self.acquire().await)),
            Request::Flush(answer) => drop(answer.send(self.flush().await)),
            Request::Release(answer) => drop(answer.send(self.release().await)),
            Request::Delete(answer) => drop(answer.send(self.delete().await)),
        }
    }

    /// The session, opened where it was not, with every earlier record known to stand.
    async fn held(&mut self) -> Result<&mut Held, BucketError> {
        match &self.phase {
            // One that did not exist may have been created by another process since.
            Phase::Held(held) if held.head == 0 => self.open().await?,
            Phase::Held(_) => self.settle().await?,
            Phase::Closed => self.open().await?,
            Phase::Lost(_) | Phase::Ended => {}
        }
        self.now_held()
    }

    fn now_held(&mut self) -> Result<&mut Held, BucketError> {
        match &mut self.phase {
            Phase::Held(held) => Ok(held),
            Phase::Lost(loss) => Err(loss.clone()),
            Phase::Closed | Phase::Ended => {
                Err(BucketError::store_message("the session was released".into()))
            }
        }
    }

    async fn open(&mut self) -> Result<(), BucketError> {
        let taken = take(&self.journal, &self.settings.me, &self.session).await?;
        let Taken { mut tree, head, epoch, base, fences, bytes_since, is_new, leftovers } = taken;
        let first: Vec<&str> = self.settings.first_directory.iter().map(String::as_str).collect();
        let (now, mut changes) = (SystemTime::now(), Changes::default());
        if is_new {
            tree.mkdir_all(&first, now).map_err(|error| BucketError::store_message(error.to_string()))?;
            changes.mkdir(&first, now);
        }
        // It is recorded with the first change.
        self.remove(leftovers);
        let mut held = Held {
            tree,
            head,
            epoch,
            base,
            fences,
            records: head - base,
            bytes_since,
            changes,
            due: None,
            next_beat: Instant::now(),
            in_flight: None,
        };
        held.show_life(&self.settings);
        self.phase = Phase::Held(Box::new(held));
        Ok(())
    }

    /// The session, created where it does not exist.
    async fn own(&mut self) -> Result<&mut Held, BucketError> {
        let settings = self.settings.clone();
        let held = self.held().await?;
        if held.head > 0 {
            return self.now_held();
        }
        let object = Draft { epoch: 1, ..held.draft(Kind::Acquire, &settings) }.encode(Changes::default());
        if self.journal.create(1, &object, settings.me.lease).await? == Created::Taken {
            // Another process was faster. There was nothing to lose.
            self.phase = Phase::Closed;
            return self.held().await;
        }
        let held = self.now_held()?;
        (held.head, held.epoch, held.records, held.fences) = (1, 1, 1, vec![1]);
        held.show_life(&settings);
        Ok(held)
    }

    async fn acquire(&mut self) -> Result<u64, BucketError> {
        Ok(self.own().await?.epoch)
    }

    async fn change(&mut self, change: &Change) -> Result<(), FsError> {
        let settings = self.settings.clone();
        let held = self.own().await?;
        let before = held.tree.bytes();
        let bytes = before - change.replaced(&held.tree) + change.added();
        if bytes > settings.max_bytes && bytes > before {
            return Err(BucketError::TooLarge { bytes, limit: settings.max_bytes }.into());
        }
        change.apply(&mut held.tree, &mut held.changes)?;
        let waits = settings.write_behind || !matches!(change.action, Action::Append(_));
        if waits && held.changes.size() < MAX_WAITING_BYTES {
            if !held.changes.is_empty() {
                held.due.get_or_insert_with(|| Instant::now() + settings.delay);
            }
            return Ok(());
        }
        Ok(self.flush().await?)
    }

    /// Writes the changes that wait.
    async fn flush(&mut self) -> Result<(), BucketError> {
        match &self.phase {
            Phase::Held(held) if held.head > 0 => {}
            Phase::Lost(loss) => return Err(loss.clone()),
            Phase::Held(_) | Phase::Closed | Phase::Ended => return Ok(()),
        }
        let settings = self.settings.clone();
        let held = self.held().await?;
        held.due = None;
        if held.changes.is_empty() {
            return Ok(());
        }
        let changes = std::mem::take(&mut held.changes);
        let object = held.draft(Kind::Changes, &settings).encode(changes);
        held.put(Kind::Changes, object);
        self.settle().await
    }

    /// Gives the session up. One that is lost is forgotten.
    async fn release(&mut self) -> Result<(), BucketError> {
        let mut released = Ok(());
        if !matches!(self.phase, Phase::Lost(_)) {
            released = self.flush().await;
            if released.is_ok() {
                released = self.end(Kind::Release).await;
            }
        }
        if released.as_ref().is_err_and(|error| !error.is_lost()) {
            return released;
        }
        self.phase = Phase::Ended;
        if let Some(mut removal) = self.removal.take() {
            removal.join().await;
        }
        released
    }

    /// Removes all files of the session from the store, and gives it up.
    async fn delete(&mut self) -> Result<(), BucketError> {
        let held = self.held().await?;
        if held.head > 0 {
            held.tree = Tree::new(SystemTime::now());
            (held.changes, held.due) = (Changes::default(), None);
            self.end(Kind::Deleted).await?;
            self.removal = None;
            let held = self.now_held()?;
            let (head, fences) = (held.head, std::mem::take(&mut held.fences));
            self.phase = Phase::Ended;
            let listed = self.journal.list().await?;
            let is_removed = |number: &u64| *number != head && !fences.contains(number);
            self.journal.remove(listed.into_keys().filter(is_removed).collect()).await?;
            self.journal.remove_beat().await?;
        }
        self.phase = Phase::Ended;
        Ok(())
    }

    /// Writes the last record.
    async fn end(&mut self, kind: Kind) -> Result<(), BucketError> {
        let settings = &self.settings;
        let Phase::Held(held) = &mut self.phase else { return Ok(()) };
        if held.head == 0 {
            return Ok(());
        }
        let object = held.draft(kind, settings).encode(Changes::default());
        held.put(kind, object);
        self.settle().await
    }

    /// Gets the record in flight into the store. One that has not failed before is tried for the length of
    /// the lease and its transfer, one that has failed is tried once. The holder shows meanwhile that it
    /// lives.
    async fn settle(&mut self) -> Result<(), BucketError> {
        let Phase::Held(held) = &mut self.phase else { return Ok(()) };
        let Some(next) = &mut held.in_flight else { return Ok(()) };
        let (me, transfer) = (&self.settings.me, transfer(next.object.len() as u64));
        let time = if next.failed { Duration::ZERO } else { me.lease + transfer };
        // The last repetition has its transfer too.
        let end = next.since + me.lease + transfer * 2;
        let beats = Beats { journal: &self.journal, me, epoch: held.epoch };
        match beats.during(self.journal.create(held.head + 1, &next.object, time), end).await {
            Ok(Created::Ours) => {
                let removed = held.written();
                held.show_life(&self.settings);
                self.remove(removed);
                Ok(())
            }
            Ok(Created::Taken) => Err(self.lose().await),
            Err(error) => {
                next.failed = true;
                Err(error)
            }
        }
    }

    /// Another process has the session now.
    async fn lose(&mut self) -> BucketError {
        let Phase::Held(held) = &self.phase else {
            return BucketError::Lost { session: self.session.clone(), holder: None };
        };
        // Where it cannot be read, its name is unknown; the loss is certain.
        let winner = self.journal.read(held.head + 1, 0).await.ok().flatten();
        let holder = winner.map(|record| record.header.holder);
        let lost = usize::from(held.in_flight.is_some()) + usize::from(!held.changes.is_empty());
        let loss = BucketError::Lost { session: self.session.clone(), holder };
        tracing::error!(session = %self.session, records = lost, "{loss}");
        self.phase = Phase::Lost(loss.clone());
        self.loss.send_replace(Some(loss.clone()));
        loss
    }

    /// Does what is due: writes changes, and shows that this process lives.
    async fn tick(&mut self) {
        let Phase::Held(held) = &mut self.phase else { return };
        let (now, lease) = (Instant::now(), self.settings.me.lease);
        let done = if held.due.is_some_and(|due| due <= now) {
            self.flush().await
        } else if held.next_beat > now {
            Ok(())
        } else if held.in_flight.is_none() {
            self.beat().await
        } else {
            self.settle().await
        };
        let Err(error) = done else { return };
        tracing::warn!(%error, session = %self.session, "the store was not reached; the lease may end");
        if let Phase::Held(held) = &mut self.phase {
            held.due = None;
            held.next_beat = Instant::now() + lease / 6;
        }
    }

    async fn beat(&mut self) -> Result<(), BucketError> {
        let Phase::Held(held) = &mut self.phase else { return Ok(()) };
        if self.journal.exists(held.head + 1).await? {
            return Err(self.lose().await);
        }
        Beats { journal: &self.journal, me: &self.settings.me, epoch: held.epoch }.beat().await?;
        held.show_life(&self.settings);
        Ok(())
    }

    /// Writes a snapshot in place of many records.
    async fn shorten(&mut self) {
        let Phase::Held(held) = &mut self.phase else { return };
        if !held.is_long() || held.in_flight.is_some() || !held.changes.is_empty() {
            return;
        }
        let changes = Changes::of(&held.tree);
        let object = held.draft(Kind::Snapshot, &self.settings).encode(changes);
        held.put(Kind::Snapshot, object);
        if let Err(error) = self.settle().await {
            tracing::warn!(%error, session = %self.session, "a snapshot was not written");
        }
    }

    /// Removes records in the background. Those that stay are removed when the session is opened next.
    fn remove(&mut self, numbers: Vec<u64>) {
        if numbers.is_empty() {
            return;
        }
        let (journal, session) = (self.journal.clone(), self.session.clone());
        self.removal = Some(task::spawn(async move {
            if let Err(error) = journal.remove(numbers).await {
                tracing::debug!(%error, %session, "records before a snapshot stay until the next start");
            }
        }));
    }
}

impl Held {
    fn show_life(&mut self, settings: &Settings) {
        self.next_beat = Instant::now() + settings.me.lease / 3;
    }

    fn draft(&self, kind: Kind, settings: &Settings) -> Draft {
        let holds_all = matches!(kind, Kind::Snapshot | Kind::Deleted);
        Draft {
            kind,
            epoch: self.epoch,
            holder: settings.me.holder.clone(),
            lease: settings.me.lease,
            base: if holds_all { self.head + 1 } else { self.base },
            bytes: self.tree.bytes(),
            fences: if holds_all { self.fences.clone() } else { Vec::new() },
        }
    }

    fn put(&mut self, kind: Kind, object: Bytes) {
        self.in_flight = Some(InFlight { kind, object, since: Instant::now(), failed: false });
    }

    /// Notes that the first record in flight stands; returns the numbers of those that it makes superfluous.
    fn written(&mut self) -> Vec<u64> {
        self.head += 1;
        let Some(InFlight { kind, object, .. }) = self.in_flight.take() else { return Vec::new() };
        self.records += 1;
        self.bytes_since += object.len() as u64;
        if !matches!(kind, Kind::Snapshot | Kind::Deleted) {
            return Vec::new();
        }
        let before = self.base.max(1)..self.head;
        (self.base, self.records, self.bytes_since) = (self.head, 0, 0);
        before.filter(|number| !self.fences.contains(number)).collect()
    }

    /// Whether a snapshot is worth its size.
    fn is_long(&self) -> bool {
        let files = self.tree.bytes();
        self.records >= MAX_RECORDS
            || (self.records >= RECORDS && self.bytes_since >= files / 4)
            || self.bytes_since >= files.max(SMALL)
    }
}
