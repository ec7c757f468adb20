//! Sessions in a bucket: any machine can continue a session, and one at a time writes it. (Feature
//! `object-store`.)
//!
//! [`BucketFs`] is a [`SessionFs`] over any store of the crate
//! [`object_store`]: S3, Google Cloud Storage, Azure, a directory, memory. The program adds that crate to its
//! dependencies with the features of its store; its version is that of [`object_store`](mod@object_store)
//! here. The store must create objects conditionally ([`PutMode::Create`](object_store::PutMode::Create)),
//! which all of these do and `HttpStore` does not. The guide [beyond one
//! machine](crate::docs::beyond_one_machine) shows how programs share sessions.
//!
//! # One writer
//!
//! The files of a session are a log of numbered objects. Each change is the next number, and the store
//! creates it only if there is no such object. So the log itself is the fence: a process that takes a session
//! over writes the next number, where every later write of the earlier holder fails, however late it arrives.
//!
//! A holder writes at least every third of its [lease](BucketFs::lease): a change, or a sign of life while
//! there are none. Another process takes the session over when it has seen neither for the whole lease and a
//! tenth more, by its own clock; the clocks of machines are never compared. A holder that was only slow finds
//! out at its next write, at the latest. Then every file operation fails with [`BucketError::Lost`], the turn
//! of the agent ends with an error, and [`Lease::lost`] completes.
//!
//! The file system has no SQLite database, so the agent has no tool `sql`. Records are not encrypted: the
//! rules of the store decide who reads a conversation.
//!
//! # Losses of a crash
//!
//! An append is answered when it is in the store, with all changes before it. The CLI appends the events of a
//! session to its file before it calls a tool of the program and before it ends a turn. Other changes (the
//! agent's files, the CLI's settings of the session) wait for the next append for at most 200 ms
//! ([`coalesce_for`](BucketFs::coalesce_for)) or 256 KiB, which is what a crash can lose. With
//! [`write_behind`](BucketFs::write_behind) appends wait as well, for fewer requests.
//!
//! # Costs
//!
//! A turn with a tool call is two or three requests to the store, one for each append. An idle session that
//! is held costs two small requests in a third of the lease; release those that are not in use. A takeover
//! reads the newest snapshot of the files and the records after it, at most about as many bytes again. The
//! files of a held session are in memory, up to [`max_session_bytes`](BucketFs::max_session_bytes), and a
//! snapshot needs twice that for a moment. Of each takeover a record of some 150 bytes stays in the store, as
//! the fence for processes that were paused.

mod candidate;
mod change;
mod error;
mod holder;
mod journal;
mod lease;
mod listing;
mod record;
mod takeover;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::object_store::ObjectStore;
use ::object_store::path::Path;
use tokio::sync::{mpsc, oneshot, watch};

use super::session_fs::path::names;
use super::session_fs::tree::Tree;
use super::session_fs::{FsEntry, FsError, FsLayout, FsMkdir, FsRange, FsRm, FsStat, FsWrite, SessionFs};
use crate::protocol::SessionId;
use crate::task::{self, Task, lock};
use candidate::Candidate;
use change::{Action, Change};
use holder::{Answer, Holder, Request, Settings};
use journal::Journal;

pub use ::object_store;
pub use error::BucketError;
pub use lease::Lease;
pub use listing::StoredSession;

/// Requests that may wait for one session. The CLI waits for most answers, so few do.
const MAX_WAITING: usize = 64;

/// Keeps the files of sessions in a bucket or a shared directory.
///
/// Clones with the same [`prefix`](Self::prefix) share the sessions that they hold, each with the settings of
/// the clone that opened it; those with different prefixes share none.
///
/// The module's page says what makes sure that one process writes a session, what a crash can lose, and what
/// it costs. It needs the time and I/O of a Tokio runtime, and does its work in tasks of that on which a
/// session is first used. Drop of the last clone is as a crash: [`release_all`](Self::release_all) comes
/// before it.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use copilot::host::object_store::BucketFs;
/// use copilot::host::object_store::object_store::local::LocalFileSystem;
/// use copilot::{Client, SessionId};
///
/// // For a bucket: `AmazonS3Builder::from_env().build()?`, with the feature `aws` of `object_store`.
/// let store = LocalFileSystem::new_with_prefix("/mnt/shared")?;
/// let files = BucketFs::new(store);
/// let client = Client::builder().session_fs(files.clone()).start().await?;
/// let id = SessionId::from("order-42");
/// let lease = files.acquire(&id).await?;
/// let session = client.session().id(id.clone()).start().await?;
/// tokio::select! {
///     reply = session.ask("Check the order.") => println!("{}", reply?),
///     loss = lease.lost() => println!("{loss}"),
/// }
/// session.close().await?;
/// files.release(&id).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct BucketFs {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    layout: FsLayout,
    settings: Settings,
    open: Arc<Mutex<HashMap<Key, Arc<Open>>>>,
}

/// The prefix and the id of a session.
type Key = (Path, SessionId);

/// A session that is open here.
struct Open {
    requests: mpsc::Sender<Request>,
    loss: watch::Receiver<Option<BucketError>>,
    /// Set when the task ends with a release or a deletion, before the channel closes.
    released: Arc<AtomicBool>,
    _task: Task,
}

impl Open {
    fn is_released(&self) -> bool {
        self.released.load(Ordering::Acquire)
    }
}

/// The longest time that can be set, so that the sum of two times and the present can be represented.
const YEAR: Duration = Duration::from_secs(365 * 86_400);

impl BucketFs {
    /// Creates a file system over a store, with the sessions below `sessions/`.
    pub fn new(store: impl ObjectStore) -> Self {
        let me = Candidate { holder: crate::random::id(), lease: Duration::from_secs(15) };
        Self {
            store: Arc::new(store),
            prefix: Path::from("sessions"),
            layout: FsLayout::default(),
            settings: Settings {
                me,
                first_directory: Vec::new(),
                delay: Duration::from_millis(200),
                write_behind: false,
                max_bytes: 256 * 1024 * 1024,
            },
            open: Arc::default(),
        }
    }

    /// Sets the folder of the sessions in the store, such as one for each tenant. All operations, also those
    /// on all sessions, see only the sessions of this folder. Default: `sessions`.
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.prefix = Path::from(prefix);
        self
    }

    /// Sets the layout of each tree, which must be the same for all programs that share sessions. Default:
    /// [`FsLayout::default`].
    pub fn layout(mut self, layout: FsLayout) -> Self {
        self.layout = layout;
        self
    }

    /// Sets the name of this process in errors and lists; a random text follows it. Default: only that.
    pub fn holder_name(mut self, name: &str) -> Self {
        self.settings.me.holder = format!("{name}/{}", crate::random::id());
        self
    }

    /// Sets the time after which another process may take over the sessions of this one, if it shows no life.
    /// It is also the time for which a failing store is waited for. A request to the store may take half of
    /// it, but at least 1 and at most 30 seconds, and one second more for each MiB; the holder shows life while
    /// it transfers a large object. Default: 15 seconds. At least 100 ms, at most a year.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.me.lease = lease.clamp(Duration::from_millis(100), YEAR);
        self
    }

    /// Sets for how long a change may wait for others. Default: 200 ms. At most a year.
    pub fn coalesce_for(mut self, delay: Duration) -> Self {
        self.settings.delay = delay.min(YEAR);
        self
    }

    /// Answers appends before they are in the store, as other changes. A crash may then lose the end of a
    /// conversation, and the takeover repeats tool calls that it does not know of. Default: off.
    pub fn write_behind(mut self) -> Self {
        self.settings.write_behind = true;
        self
    }

    /// Sets the limit for all files of a session together, which are in memory while it is held. A change
    /// after which they would be larger than that, and larger than before, fails. Default: 256 MiB.
    pub fn max_session_bytes(mut self, limit: u64) -> Self {
        self.settings.max_bytes = limit;
        self
    }

    /// Takes a session, which need not exist yet, and holds it until it is released. The first file operation
    /// of a session takes it as well; use this to wait for a takeover before a session is opened, and to
    /// watch the lease.
    ///
    /// Where another process holds the session, this waits until that one has shown life, which is an error,
    /// has shown none for its whole lease, or has released or deleted the session.
    ///
    /// # Errors
    ///
    /// [`BucketError::Held`] where another process holds the session and lives, [`BucketError::Lost`] where
    /// this process has lost it and not released it since, and failures of the store.
    ///
    /// # Cancel safety
    ///
    /// The session may be taken although the future was dropped; [`release`](Self::release) gives it up.
    pub async fn acquire(&self, session: &SessionId) -> Result<Lease, BucketError> {
        let open = self.open(session)?;
        let epoch = request(&open, Request::Acquire).await??;
        Ok(Lease { session: session.clone(), epoch, loss: open.loss.clone() })
    }

    /// Writes the changes of a session that wait. One that is not held is not an error.
    ///
    /// # Errors
    ///
    /// [`BucketError::Lost`], and failures of the store.
    ///
    /// # Cancel safety
    ///
    /// The changes are written although the future was dropped.
    pub async fn flush(&self, session: &SessionId) -> Result<(), BucketError> {
        match self.get(session) {
            Some(open) => self.finish(session, &open, Request::Flush).await,
            None => Ok(()),
        }
    }

    /// Writes the changes of a session that wait, and gives it up, so that another process can take it
    /// immediately. Call it after the session is closed. A session that was lost is forgotten; one that is
    /// not held is not an error.
    ///
    /// # Errors
    ///
    /// [`BucketError::Lost`] where this finds out that another process has taken the session over; it is
    /// forgotten all the same. So is one whose runtime has ended: changes that waited are lost, and another
    /// process takes it after the lease. Failures of the store, after which the session is still held.
    ///
    /// # Cancel safety
    ///
    /// The session is released although the future was dropped.
    pub async fn release(&self, session: &SessionId) -> Result<(), BucketError> {
        let Some(open) = self.get(session) else { return Ok(()) };
        let released = self.finish(session, &open, Request::Release).await;
        if released.as_ref().err().is_none_or(BucketError::is_lost) {
            self.forget(session, &open);
        }
        released
    }

    /// Releases all sessions of the [`prefix`](Self::prefix), such as before the program ends.
    ///
    /// # Errors
    ///
    /// The first failure; the other sessions are released all the same.
    ///
    /// # Cancel safety
    ///
    /// The sessions that it has come to are released although the future was dropped.
    pub async fn release_all(&self) -> Result<(), BucketError> {
        let mut result = Ok(());
        for session in self.held() {
            result = result.and(self.release(&session).await);
        }
        result
    }

    /// Removes a session and its files from the store. One that does not exist is not an error. The records
    /// that fence earlier holders stay, with the note that the session is deleted; they have nothing of its
    /// files. A new session may have the same id.
    ///
    /// # Errors
    ///
    /// [`BucketError::Held`] where another process holds the session and lives, and failures of the store.
    ///
    /// # Cancel safety
    ///
    /// The session is deleted although the future was dropped, if it was polled once.
    pub async fn delete(&self, session: &SessionId) -> Result<(), BucketError> {
        loop {
            let open = self.open(session)?;
            match request(&open, Request::Delete).await {
                // A concurrent release was before it.
                Err(_) if open.is_released() => {}
                Err(ended) => return Err(ended),
                Ok(deleted) => {
                    if deleted.is_ok() {
                        self.forget(session, &open);
                    }
                    return deleted;
                }
            }
        }
    }

    /// Sends a request that has nothing to do where the session was released. A task that has ended is
    /// forgotten.
    async fn finish(
        &self,
        session: &SessionId,
        open: &Arc<Open>,
        request_of: impl FnOnce(Answer<BucketError>) -> Request,
    ) -> Result<(), BucketError> {
        let done = match request(open, request_of).await {
            Ok(done) => done,
            Err(_) if open.is_released() => Ok(()),
            Err(ended) => Err(ended),
        };
        if open.requests.is_closed() {
            self.forget(session, open);
        }
        done
    }

    fn key(&self, session: &SessionId) -> Key {
        (self.prefix.clone(), session.clone())
    }

    fn get(&self, session: &SessionId) -> Option<Arc<Open>> {
        lock(&self.open).get(&self.key(session)).cloned()
    }

    /// The sessions of this prefix that are open here.
    fn held(&self) -> Vec<SessionId> {
        let all = lock(&self.open);
        all.keys().filter(|(prefix, _)| *prefix == self.prefix).map(|(_, session)| session.clone()).collect()
    }

    fn forget(&self, session: &SessionId, open: &Arc<Open>) {
        let (mut all, key) = (lock(&self.open), self.key(session));
        if all.get(&key).is_some_and(|now| Arc::ptr_eq(now, open)) {
            all.remove(&key);
        }
    }

    fn journal(&self, session: &SessionId) -> Result<Journal, BucketError> {
        let id = session.as_str();
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
            return Err(BucketError::InvalidId { session: session.clone() });
        }
        let patience = (self.settings.me.lease / 2).clamp(Duration::from_secs(1), Duration::from_secs(30));
        Ok(Journal::new(Arc::clone(&self.store), self.prefix.clone().join(id), patience))
    }

    /// The session, with a task that holds it.
    fn open(&self, session: &SessionId) -> Result<Arc<Open>, BucketError> {
        let (journal, key) = (self.journal(session)?, self.key(session));
        let mut all = lock(&self.open);
        // The task ends with its runtime, or a release; another one reads the session again.
        if let Some(open) = all.get(&key).filter(|open| !open.requests.is_closed()) {
            return Ok(Arc::clone(open));
        }
        let first = names(&self.layout.initial_cwd, &self.layout.conventions).unwrap_or_default();
        let first_directory = first.into_iter().map(str::to_owned).collect();
        let settings = Settings { first_directory, ..self.settings.clone() };
        let (requests, mut receiver) = mpsc::channel(MAX_WAITING);
        let (sender, loss) = watch::channel(None);
        let holder = Holder::new(session.clone(), journal, settings, sender);
        let released = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&released);
        let task = task::spawn(async move {
            ended.store(holder.run(&mut receiver).await, Ordering::Release);
            drop(receiver);
        });
        let open = Arc::new(Open { requests, loss, released, _task: task });
        all.insert(key, Arc::clone(&open));
        Ok(open)
    }

    /// Reads a session's files.
    async fn read<T: Send + 'static>(
        &self,
        session: &SessionId,
        path: &str,
        read: impl FnOnce(&Tree, &str, &[&str]) -> Result<T, FsError> + Send + 'static,
    ) -> Result<T, FsError> {
        let open = self.open(session)?;
        let (path, conventions) = (path.to_owned(), self.layout.conventions.clone());
        let request_of = |answer: oneshot::Sender<Result<T, FsError>>| {
            Request::Read(Box::new(move |tree| {
                let result = tree.and_then(|tree| read(tree, &path, &names(&path, &conventions)?));
                // A reader that was dropped does not miss it.
                drop(answer.send(result));
            }))
        };
        request(&open, request_of).await?
    }

    async fn change(&self, session: &SessionId, change: Change) -> Result<(), FsError> {
        let open = self.open(session)?;
        request(&open, |answer| Request::Change(change, answer)).await?
    }

    fn names(&self, path: &str) -> Result<Vec<String>, FsError> {
        let names = names(path, &self.layout.conventions)?;
        // A slash separates names in the store, and cannot be in one; on Windows neither can a backslash.
        Ok(names.into_iter().map(str::to_owned).collect())
    }
}

/// Sends a request to the task of a session, and waits for the answer.
async fn request<T>(
    open: &Open,
    request: impl FnOnce(oneshot::Sender<T>) -> Request,
) -> Result<T, BucketError> {
    let ended = || {
        let reason = match open.is_released() {
            true => "the session was released meanwhile",
            false => "the task that held the session has ended without a release, such as with its runtime",
        };
        BucketError::store_message(reason.into())
    };
    let (answer, answered) = oneshot::channel();
    open.requests.send(request(answer)).await.map_err(|_| ended())?;
    answered.await.map_err(|_| ended())
}

impl SessionFs for BucketFs {
    fn layout(&self) -> FsLayout {
        self.layout.clone()
    }

    async fn read_file(&self, session: &SessionId, path: &str) -> Result<Vec<u8>, FsError> {
        self.read(session, path, |tree, path, names| tree.read(path, names).map(<[u8]>::to_vec)).await
    }

    async fn read_file_range(&self, session: &SessionId, range: FsRange<'_>) -> Result<Vec<u8>, FsError> {
        let FsRange { path, offset, length } = range;
        let part = move |tree: &Tree, path: &str, names: &[&str]| {
            let content = tree.read(path, names)?;
            let at = |byte: u64| usize::try_from(byte).map_or(content.len(), |byte| byte.min(content.len()));
            let end = length.map_or(content.len(), |length| at(offset.saturating_add(length)));
            Ok(content[at(offset)..end].to_vec())
        };
        self.read(session, path, part).await
    }

    async fn write_file(&self, session: &SessionId, write: FsWrite<'_>) -> Result<(), FsError> {
        self.change(session, Change::write(write, self.names(write.path)?)).await
    }

    async fn append_file(&self, session: &SessionId, write: FsWrite<'_>) -> Result<(), FsError> {
        self.change(session, Change::append(write, self.names(write.path)?)).await
    }

    async fn stat(&self, session: &SessionId, path: &str) -> Result<FsStat, FsError> {
        self.read(session, path, Tree::stat).await
    }

    async fn mkdir(&self, session: &SessionId, mkdir: FsMkdir<'_>) -> Result<(), FsError> {
        self.change(session, Change::mkdir(mkdir, self.names(mkdir.path)?)).await
    }

    async fn readdir(&self, session: &SessionId, path: &str) -> Result<Vec<FsEntry>, FsError> {
        self.read(session, path, Tree::readdir).await
    }

    async fn rm(&self, session: &SessionId, rm: FsRm<'_>) -> Result<(), FsError> {
        self.change(session, Change::rm(rm, self.names(rm.path)?)).await
    }

    async fn rename(&self, session: &SessionId, from: &str, to: &str) -> Result<(), FsError> {
        let action = Action::Rename { to: to.into(), names: self.names(to)? };
        self.change(session, Change { path: from.into(), names: self.names(from)?, action }).await
    }
}

impl fmt::Debug for BucketFs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut held = self.held();
        held.sort();
        f.debug_struct("BucketFs")
            .field("prefix", &self.prefix.as_ref())
            .field("holder", &self.settings.me.holder)
            .field("lease", &self.settings.me.lease)
            .field("held", &held)
            .finish_non_exhaustive()
    }
}
