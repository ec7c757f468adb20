//! The files of sessions in memory.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use super::path::names;
#[cfg(feature = "sqlite")]
use super::sqlite::Databases;
use super::tree::Tree;
use super::{FsEntry, FsError, FsLayout, FsMkdir, FsRm, FsStat, FsWrite, SessionFs};
#[cfg(feature = "sqlite")]
use super::{SqlError, SqlRows, SqlStatement};
use crate::protocol::SessionId;
use crate::task::lock;

/// Keeps the files of sessions in memory; clones share them.
///
/// Each session has a separate tree, which begins with its working directory and the files given to
/// [`file`](Self::file). It stays until it is [removed](Self::remove_session), so a session can be resumed, by another
/// client too. Times are those of the writing.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> copilot::Result<()> {
/// use copilot::Client;
/// use copilot::host::session_fs::MemoryFs;
///
/// let files = MemoryFs::new().file("/workspace/notes.md", "Buy milk.");
/// let client = Client::builder().session_fs(files.clone()).start().await?;
/// let session = client.session().start().await?;
/// session.ask("What is in my notes?").await?;
/// for path in files.paths(session.id()) {
///     println!("{path}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MemoryFs {
    layout: FsLayout,
    first_files: BTreeMap<String, Vec<u8>>,
    trees: Arc<Mutex<HashMap<SessionId, Tree>>>,
    #[cfg(feature = "sqlite")]
    databases: Option<Databases>,
}

impl MemoryFs {
    /// Creates a file system without files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the layout of each tree. Default: [`FsLayout::default`].
    #[must_use]
    pub fn layout(mut self, layout: FsLayout) -> Self {
        self.layout = layout;
        self
    }

    /// Adds a SQLite database to each session, in memory too, so that the agent has the tool `sql`. Default: none.
    ///
    /// Statements cannot reach files. A database has at most 256 MiB, its temporary tables 64 MiB, a value 1 MiB, a result
    /// 64 MiB, and a statement takes at most 30 seconds. A `PRAGMA` that sets another limit, or names a file, is refused.
    /// Values of the type `BLOB` are returned as base64.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::host::session_fs::MemoryFs;
    ///
    /// let files = MemoryFs::new().with_sqlite();
    /// # drop(files);
    /// ```
    #[cfg(feature = "sqlite")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
    #[must_use]
    pub fn with_sqlite(mut self) -> Self {
        self.databases = Some(Databases::default());
        self
    }

    /// Adds a file that every session begins with, with the directories above it. It counts for sessions whose tree is
    /// not there yet, of this handle and those that are cloned from it.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        self.first_files.insert(path.into(), content.into());
        self
    }

    /// The sessions that have files, sorted.
    pub fn sessions(&self) -> Vec<SessionId> {
        let mut sessions: Vec<_> = self.trees().keys().cloned().collect();
        sessions.sort();
        sessions
    }

    /// The paths of all files of a session, sorted.
    pub fn paths(&self, session: &SessionId) -> Vec<String> {
        let windows = self.layout.conventions == super::FsConventions::Windows;
        let path = |names: &[&str]| if windows { names.join("\\") } else { format!("/{}", names.join("/")) };
        let trees = self.trees();
        let listed = trees.get(session).map(Tree::list).unwrap_or_default();
        listed.iter().filter(|listed| listed.content.is_some()).map(|file| path(&file.names)).collect()
    }

    /// The content of a session's file, if it is there.
    pub fn content(&self, session: &SessionId, path: &str) -> Option<Vec<u8>> {
        let names = names(path, &self.layout.conventions).ok()?;
        Some(self.trees().get(session)?.file(&names)?.to_vec())
    }

    /// Removes a session's files, and its database; `false` where there are no files.
    pub fn remove_session(&self, session: &SessionId) -> bool {
        #[cfg(feature = "sqlite")]
        if let Some(databases) = &self.databases {
            databases.remove(session);
        }
        let removed = self.trees().remove(session);
        removed.is_some()
    }

    /// Runs an operation in a session's tree, which is created if it does not exist.
    fn within<T>(
        &self,
        session: &SessionId,
        path: &str,
        act: impl FnOnce(&mut Tree, &[&str]) -> Result<T, FsError>,
    ) -> Result<T, FsError> {
        let names = names(path, &self.layout.conventions)?;
        let mut trees = self.trees();
        let tree = match trees.get_mut(session) {
            Some(tree) => tree,
            None => {
                let tree = self.first_tree()?;
                trees.entry(session.clone()).or_insert(tree)
            }
        };
        act(tree, &names)
    }

    fn first_tree(&self) -> Result<Tree, FsError> {
        let now = SystemTime::now();
        let mut tree = Tree::new(now);
        tree.mkdir_all(&names(&self.layout.initial_cwd, &self.layout.conventions)?, now)?;
        for (path, content) in &self.first_files {
            let names = names(path, &self.layout.conventions)?;
            if let Some((_, above)) = names.split_last() {
                tree.mkdir_all(above, now)?;
            }
            tree.write(path, &names, content, now)?;
        }
        Ok(tree)
    }

    fn trees(&self) -> MutexGuard<'_, HashMap<SessionId, Tree>> {
        // A tree is only touched by code that leaves it whole.
        lock(&self.trees)
    }
}

impl SessionFs for MemoryFs {
    fn layout(&self) -> FsLayout {
        self.layout.clone()
    }

    #[cfg(feature = "sqlite")]
    fn has_sqlite(&self) -> bool {
        self.databases.is_some()
    }

    #[cfg(feature = "sqlite")]
    async fn sqlite_query(&self, session: &SessionId, statement: &SqlStatement) -> Result<SqlRows, FsError> {
        match &self.databases {
            Some(databases) => databases.query(session, statement).await,
            None => {
                Err(FsError::new("this file system has no SQLite database; `MemoryFs::with_sqlite` adds one"))
            }
        }
    }

    #[cfg(feature = "sqlite")]
    async fn sqlite_transaction(
        &self,
        session: &SessionId,
        statements: &[SqlStatement],
    ) -> Result<Vec<SqlRows>, SqlError> {
        match &self.databases {
            Some(databases) => databases.transaction(session, statements).await,
            None => Err(SqlError::fatal(
                "this file system has no SQLite database; `MemoryFs::with_sqlite` adds one",
            )),
        }
    }

    #[cfg(feature = "sqlite")]
    async fn sqlite_exists(&self, session: &SessionId) -> Result<bool, FsError> {
        Ok(self.databases.as_ref().is_some_and(|databases| databases.exists(session)))
    }

    async fn read_file(&self, session: &SessionId, path: &str) -> Result<Vec<u8>, FsError> {
        self.within(session, path, |tree, names| tree.read(path, names).map(<[u8]>::to_vec))
    }

    async fn write_file(&self, session: &SessionId, file: FsWrite<'_>) -> Result<(), FsError> {
        let FsWrite { path, content, .. } = file;
        self.within(session, path, |tree, names| tree.write(path, names, content, SystemTime::now()))
    }

    async fn append_file(&self, session: &SessionId, file: FsWrite<'_>) -> Result<(), FsError> {
        let FsWrite { path, content, .. } = file;
        self.within(session, path, |tree, names| tree.append(path, names, content, SystemTime::now()))
    }

    async fn stat(&self, session: &SessionId, path: &str) -> Result<FsStat, FsError> {
        self.within(session, path, |tree, names| tree.stat(path, names))
    }

    async fn mkdir(&self, session: &SessionId, mkdir: FsMkdir<'_>) -> Result<(), FsError> {
        let FsMkdir { path, recursive, .. } = mkdir;
        self.within(session, path, |tree, names| match recursive {
            true => tree.mkdir_all(names, SystemTime::now()),
            false => tree.mkdir(path, names, SystemTime::now()),
        })
    }

    async fn readdir(&self, session: &SessionId, path: &str) -> Result<Vec<FsEntry>, FsError> {
        self.within(session, path, |tree, names| tree.readdir(path, names))
    }

    async fn rm(&self, session: &SessionId, rm: FsRm<'_>) -> Result<(), FsError> {
        self.within(session, rm.path, |tree, names| tree.rm(names, rm))
    }

    async fn rename(&self, session: &SessionId, from: &str, to: &str) -> Result<(), FsError> {
        let target = names(to, &self.layout.conventions)?;
        self.within(session, from, |tree, names| tree.rename((from, names), (to, &target)))
    }
}

impl fmt::Debug for MemoryFs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryFs")
            .field("layout", &self.layout)
            .field("sessions", &self.sessions())
            .finish_non_exhaustive()
    }
}
