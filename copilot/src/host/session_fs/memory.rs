//! The files of sessions in memory.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use super::path::names;
#[cfg(feature = "sqlite")]
use super::sqlite::Databases;
use super::{FsEntry, FsError, FsKind, FsLayout, FsMkdir, FsRm, FsStat, FsWrite, SessionFs};
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
    trees: Arc<Mutex<HashMap<SessionId, Node>>>,
    #[cfg(feature = "sqlite")]
    databases: Option<Databases>,
}

#[derive(Clone)]
struct Node {
    modified: SystemTime,
    created: SystemTime,
    content: Content,
}

#[derive(Clone)]
enum Content {
    File(Vec<u8>),
    Directory(BTreeMap<String, Node>),
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
    /// Statements cannot reach files. A database has at most 256 MiB, a result 64 MiB, and a statement takes at most 30
    /// seconds. Values of the type
    /// `BLOB` are returned as base64.
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
        fn walk(directory: &BTreeMap<String, Node>, path: &str, separator: char, paths: &mut Vec<String>) {
            for (name, node) in directory {
                let path = match path {
                    "" if separator == '\\' => name.clone(),
                    _ => format!("{path}{separator}{name}"),
                };
                match &node.content {
                    Content::File(_) => paths.push(path),
                    Content::Directory(entries) => walk(entries, &path, separator, paths),
                }
            }
        }
        let mut paths = Vec::new();
        let separator = if self.layout.conventions == super::FsConventions::Windows { '\\' } else { '/' };
        if let Some(Content::Directory(entries)) = self.trees().get(session).map(|root| &root.content) {
            walk(entries, "", separator, &mut paths);
        }
        paths
    }

    /// The content of a session's file, if it is there.
    pub fn content(&self, session: &SessionId, path: &str) -> Option<Vec<u8>> {
        let names = names(path, &self.layout.conventions).ok()?;
        match &find(self.trees().get(session)?, &names)?.content {
            Content::File(content) => Some(content.clone()),
            Content::Directory(_) => None,
        }
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
        act: impl FnOnce(&mut Node, &[&str]) -> Result<T, FsError>,
    ) -> Result<T, FsError> {
        let names = names(path, &self.layout.conventions)?;
        let mut trees = self.trees();
        let root = match trees.get_mut(session) {
            Some(root) => root,
            None => {
                let root = self.first_tree()?;
                trees.entry(session.clone()).or_insert(root)
            }
        };
        act(root, &names)
    }

    fn first_tree(&self) -> Result<Node, FsError> {
        let mut root = Node::directory();
        make_directories(&mut root, &names(&self.layout.initial_cwd, &self.layout.conventions)?)?;
        for (path, content) in &self.first_files {
            let names = names(path, &self.layout.conventions)?;
            let (_, above) = names.split_last().ok_or_else(|| is_directory(path))?;
            make_directories(&mut root, above)?;
            write(&mut root, path, &names, content, false)?;
        }
        Ok(root)
    }

    fn trees(&self) -> MutexGuard<'_, HashMap<SessionId, Node>> {
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
        self.within(session, path, |root, names| match &existing(root, path, names)?.content {
            Content::File(content) => Ok(content.clone()),
            Content::Directory(_) => Err(is_directory(path)),
        })
    }

    async fn write_file(&self, session: &SessionId, file: FsWrite<'_>) -> Result<(), FsError> {
        self.within(session, file.path, |root, names| write(root, file.path, names, file.content, false))
    }

    async fn append_file(&self, session: &SessionId, file: FsWrite<'_>) -> Result<(), FsError> {
        self.within(session, file.path, |root, names| write(root, file.path, names, file.content, true))
    }

    async fn stat(&self, session: &SessionId, path: &str) -> Result<FsStat, FsError> {
        self.within(session, path, |root, names| {
            let node = existing(root, path, names)?;
            let stat = match &node.content {
                Content::File(content) => FsStat::file(content.len() as u64),
                Content::Directory(_) => FsStat::directory(),
            };
            Ok(stat.modified(node.modified).created(node.created))
        })
    }

    async fn mkdir(&self, session: &SessionId, mkdir: FsMkdir<'_>) -> Result<(), FsError> {
        let FsMkdir { path, recursive, .. } = mkdir;
        self.within(session, path, |root, names| {
            if recursive {
                return make_directories(root, names);
            }
            let (name, above) = names.split_last().ok_or_else(|| exists_already(path))?;
            let entries = directory(root, path, above)?;
            if entries.contains_key(*name) {
                return Err(exists_already(path));
            }
            entries.insert((*name).to_owned(), Node::directory());
            Ok(())
        })
    }

    async fn readdir(&self, session: &SessionId, path: &str) -> Result<Vec<FsEntry>, FsError> {
        self.within(session, path, |root, names| {
            let entries = directory(root, path, names)?.iter();
            Ok(entries.map(|(name, node)| FsEntry { name: name.clone(), kind: node.kind() }).collect())
        })
    }

    async fn rm(&self, session: &SessionId, rm: FsRm<'_>) -> Result<(), FsError> {
        let FsRm { path, recursive, force } = rm;
        self.within(session, path, |root, names| {
            let (name, above) = names.split_last().ok_or_else(|| FsError::new("the root stays"))?;
            let entries = match directory(root, path, above) {
                Err(error) if error.is_not_found() && force => return Ok(()),
                entries => entries?,
            };
            match entries.get(*name).map(Node::kind) {
                None if force => return Ok(()),
                None => return Err(FsError::not_found(path)),
                Some(FsKind::Directory) if !recursive => return Err(is_directory(path)),
                Some(_) => drop(entries.remove(*name)),
            }
            Ok(())
        })
    }

    async fn rename(&self, session: &SessionId, from: &str, to: &str) -> Result<(), FsError> {
        let target = names(to, &self.layout.conventions)?;
        self.within(session, from, |root, names| {
            let (name, above) = names.split_last().ok_or_else(|| FsError::new("the root stays"))?;
            let (new_name, new_above) = target.split_last().ok_or_else(|| FsError::new("the root stays"))?;
            if target.starts_with(names) && target.len() > names.len() {
                return Err(FsError::new(format!("{from} cannot be moved into itself")));
            }
            let kind = existing(root, from, names)?.kind();
            match directory(root, to, new_above)?.get(*new_name).map(Node::kind) {
                Some(FsKind::Directory) if target != names => return Err(is_directory(to)),
                Some(FsKind::File) if kind == FsKind::Directory => return Err(exists_already(to)),
                _ => {}
            }
            let node = directory(root, from, above)?.remove(*name).ok_or_else(|| FsError::not_found(from))?;
            directory(root, to, new_above)?.insert((*new_name).to_owned(), node);
            Ok(())
        })
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

impl Node {
    fn directory() -> Self {
        Self::new(Content::Directory(BTreeMap::new()))
    }

    fn new(content: Content) -> Self {
        let now = SystemTime::now();
        Self { modified: now, created: now, content }
    }

    fn kind(&self) -> FsKind {
        match self.content {
            Content::File(_) => FsKind::File,
            Content::Directory(_) => FsKind::Directory,
        }
    }
}

fn find<'a>(root: &'a Node, names: &[&str]) -> Option<&'a Node> {
    names.iter().try_fold(root, |node, name| match &node.content {
        Content::Directory(entries) => entries.get(*name),
        Content::File(_) => None,
    })
}

fn existing<'a>(root: &'a Node, path: &str, names: &[&str]) -> Result<&'a Node, FsError> {
    find(root, names).ok_or_else(|| FsError::not_found(path))
}

/// The entries of the directory at `names`, which is `path` or above it.
fn directory<'a>(
    root: &'a mut Node,
    path: &str,
    names: &[&str],
) -> Result<&'a mut BTreeMap<String, Node>, FsError> {
    let mut node = root;
    for name in names {
        node = match &mut node.content {
            Content::Directory(entries) => entries.get_mut(*name).ok_or_else(|| FsError::not_found(path))?,
            Content::File(_) => return Err(FsError::not_found(path)),
        };
    }
    match &mut node.content {
        Content::Directory(entries) => Ok(entries),
        Content::File(_) => Err(FsError::new(format!("{path}: a file is not a directory"))),
    }
}

fn make_directories(root: &mut Node, names: &[&str]) -> Result<(), FsError> {
    let mut node = root;
    for name in names {
        let Content::Directory(entries) = &mut node.content else {
            return Err(FsError::new(format!("there is a file where {name} is to be")));
        };
        node = entries.entry((*name).to_owned()).or_insert_with(Node::directory);
    }
    match node.content {
        Content::Directory(_) => Ok(()),
        Content::File(_) => Err(FsError::new("there is a file where a directory is to be")),
    }
}

fn write(root: &mut Node, path: &str, names: &[&str], added: &[u8], append: bool) -> Result<(), FsError> {
    let (name, above) = names.split_last().ok_or_else(|| is_directory(path))?;
    let entries = directory(root, path, above)?;
    let Some(node) = entries.get_mut(*name) else {
        entries.insert((*name).to_owned(), Node::new(Content::File(added.to_vec())));
        return Ok(());
    };
    let Content::File(content) = &mut node.content else { return Err(is_directory(path)) };
    if !append {
        content.clear();
    }
    content.extend_from_slice(added);
    node.modified = SystemTime::now();
    Ok(())
}

fn is_directory(path: &str) -> FsError {
    FsError::new(format!("{path} is a directory"))
}

fn exists_already(path: &str) -> FsError {
    FsError::new(format!("{path} exists already"))
}
