//! The files of sessions, kept by the program.
//!
//! With [`ClientBuilder::session_fs`](crate::ClientBuilder::session_fs) the CLI reads and writes what belongs to a
//! session through a [`SessionFs`]: its own files (conversation, plans, checkpoints), and those that the agent's tools
//! `view`, `create` and `edit` work on. [`MemoryFs`] and [`DirectoryFs`] are ready, and [`WithWorkspace`] keeps only
//! the CLI's own files in one of them, beside a real directory to work in.
//!
//! **Paths** are virtual. The [`FsLayout`] says where a session works and where the CLI keeps its files of it, in the
//! same place in the tree of each session. The CLI asks for other absolute paths as well, such as
//! `~/.copilot/session-state/...` and a session's `working_directory`; both ready file systems have them in the
//! session's own tree as any other path, and never on the real one.
//!
//! **Not virtual** are shells and searches (`bash`, `grep`, `glob`) of the agent, which run on the real machine, and
//! the CLI's own settings, logs and index below its state directory. `list_sessions`, `session_info` and
//! `delete_session` look there too, so they know nothing of these sessions: remove one from the file system itself.
//! (Seen on CLI 1.0.102.)
//!
//! **Older CLIs** keep less there. Up to 1.0.82 a session's working directory must exist on the real machine as well,
//! as that of [`WithWorkspace`] does, and 1.0.32 keeps only the conversation.
//!
//! A session is resumed by any client whose file system has its tree.

mod directory;
mod disk;
mod memory;
pub(super) mod path;
mod queues;
pub(crate) mod serve;
#[cfg(feature = "sqlite")]
mod sql_functions;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg_attr(not(feature = "object-store"), allow(dead_code, reason = "sessions in a store use all of it"))]
pub(super) mod tree;
mod workspace;

use std::fmt;
use std::io;
use std::time::SystemTime;

use crate::protocol::SessionId;

pub use crate::protocol::session_fs::{
    FsConventions, FsErrorCode, FsKind, SqlErrorClass, SqlKind, SqlRows, SqlStatement,
};
pub use directory::DirectoryFs;
pub use memory::MemoryFs;
pub use workspace::WithWorkspace;

/// A file system for the sessions of a CLI.
///
/// Each session has a separate tree; `session` says whose tree `path` is in. The operations of one session run in
/// sequence, as the CLI requests them, those of different sessions concurrently. One that panics fails with
/// [`FsErrorCode::Unknown`]. One that the CLI cancels is not started; once started it runs to its end, also where the
/// CLI is lost meanwhile.
///
/// # Examples
///
/// One that shows every session the same notes, and can do nothing else:
///
/// ```
/// use copilot::SessionId;
/// use copilot::host::session_fs::{
///     FsEntry, FsError, FsMkdir, FsRm, FsStat, FsWrite, SessionFs,
/// };
///
/// struct Notes(String);
///
/// impl SessionFs for Notes {
///     async fn read_file(&self, _: &SessionId, path: &str) -> Result<Vec<u8>, FsError> {
///         match path {
///             "/workspace/notes.md" => Ok(self.0.clone().into_bytes()),
///             _ => Err(FsError::not_found(path)),
///         }
///     }
///     async fn stat(&self, _: &SessionId, path: &str) -> Result<FsStat, FsError> {
///         match path {
///             "/workspace/notes.md" => Ok(FsStat::file(self.0.len() as u64)),
///             "/workspace" => Ok(FsStat::directory()),
///             _ => Err(FsError::not_found(path)),
///         }
///     }
///     async fn readdir(&self, _: &SessionId, path: &str) -> Result<Vec<FsEntry>, FsError> {
///         match path {
///             "/workspace" => Ok(vec![FsEntry::file("notes.md")]),
///             _ => Err(FsError::not_found(path)),
///         }
///     }
///     async fn write_file(&self, _: &SessionId, _: FsWrite<'_>) -> Result<(), FsError> {
///         Err(FsError::new("these notes are only read"))
///     }
///     async fn append_file(&self, _: &SessionId, _: FsWrite<'_>) -> Result<(), FsError> {
///         Err(FsError::new("these notes are only read"))
///     }
///     async fn mkdir(&self, _: &SessionId, _: FsMkdir<'_>) -> Result<(), FsError> {
///         Err(FsError::new("these notes are only read"))
///     }
///     async fn rm(&self, _: &SessionId, _: FsRm<'_>) -> Result<(), FsError> {
///         Err(FsError::new("these notes are only read"))
///     }
///     async fn rename(&self, _: &SessionId, _: &str, _: &str) -> Result<(), FsError> {
///         Err(FsError::new("these notes are only read"))
///     }
/// }
/// # let builder = copilot::Client::builder().session_fs(Notes("Buy milk.".into()));
/// ```
///
/// Wire: `sessionFs.*`, from the CLI.
pub trait SessionFs: Send + Sync + 'static {
    /// Returns the layout of each session's tree. Called once.
    fn layout(&self) -> FsLayout {
        FsLayout::default()
    }

    /// Returns whether the `sqlite_…` methods work. Called once; without them the agent has no tool `sql`.
    fn has_sqlite(&self) -> bool {
        false
    }

    /// Reads a file. Where the CLI requests text and the content is not UTF-8, it gets an error.
    fn read_file(
        &self,
        session: &SessionId,
        path: &str,
    ) -> impl Future<Output = Result<Vec<u8>, FsError>> + Send;

    /// Reads a part of a file, which is shorter where the file ends before the part does. Reads the whole file unless
    /// implemented.
    fn read_file_range(
        &self,
        session: &SessionId,
        range: FsRange<'_>,
    ) -> impl Future<Output = Result<Vec<u8>, FsError>> + Send {
        async move {
            let content = self.read_file(session, range.path).await?;
            let length = content.len();
            let at = |byte: u64| usize::try_from(byte).map_or(length, |byte| byte.min(length));
            let start = at(range.offset);
            let end = range.length.map_or(length, |count| at(range.offset.saturating_add(count)));
            Ok(content[start..end].to_vec())
        }
    }

    /// Creates a file, or replaces its content. A missing parent directory is an error.
    fn write_file(
        &self,
        session: &SessionId,
        write: FsWrite<'_>,
    ) -> impl Future<Output = Result<(), FsError>> + Send;

    /// Creates a file, or appends to it.
    fn append_file(
        &self,
        session: &SessionId,
        write: FsWrite<'_>,
    ) -> impl Future<Output = Result<(), FsError>> + Send;

    /// Returns whether the path exists. Uses [`stat`](Self::stat) unless implemented.
    fn exists(&self, session: &SessionId, path: &str) -> impl Future<Output = Result<bool, FsError>> + Send {
        async move {
            match self.stat(session, path).await {
                Ok(_) => Ok(true),
                Err(error) if error.is_not_found() => Ok(false),
                Err(error) => Err(error),
            }
        }
    }

    /// Returns the kind, size and times of the file or directory at the path.
    fn stat(&self, session: &SessionId, path: &str) -> impl Future<Output = Result<FsStat, FsError>> + Send;

    /// Creates a directory. With `recursive`, missing parents are created too, and an existing directory is not an
    /// error.
    fn mkdir(
        &self,
        session: &SessionId,
        mkdir: FsMkdir<'_>,
    ) -> impl Future<Output = Result<(), FsError>> + Send;

    /// Returns the entries of a directory, in any order.
    fn readdir(
        &self,
        session: &SessionId,
        path: &str,
    ) -> impl Future<Output = Result<Vec<FsEntry>, FsError>> + Send;

    /// Removes a file or directory. A directory is removed with `recursive` only; with `force` a missing path is not an
    /// error.
    fn rm(&self, session: &SessionId, rm: FsRm<'_>) -> impl Future<Output = Result<(), FsError>> + Send;

    /// Moves a file or directory; a file at the other path is replaced.
    fn rename(
        &self,
        session: &SessionId,
        from: &str,
        to: &str,
    ) -> impl Future<Output = Result<(), FsError>> + Send;

    /// Runs a statement on the session's database, which is created if there is none.
    fn sqlite_query(
        &self,
        session: &SessionId,
        statement: &SqlStatement,
    ) -> impl Future<Output = Result<SqlRows, FsError>> + Send {
        let _ = (session, statement);
        async { Err(FsError::new("this file system has no SQLite database")) }
    }

    /// Runs several statements, all of them or none.
    fn sqlite_transaction(
        &self,
        session: &SessionId,
        statements: &[SqlStatement],
    ) -> impl Future<Output = Result<Vec<SqlRows>, SqlError>> + Send {
        let _ = (session, statements);
        async { Err(SqlError::fatal("this file system has no SQLite database")) }
    }

    /// Returns whether the session has a database.
    fn sqlite_exists(&self, session: &SessionId) -> impl Future<Output = Result<bool, FsError>> + Send {
        let _ = session;
        async { Ok(false) }
    }
}

/// The directories in the tree of each session, and how paths are written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct FsLayout {
    pub(crate) initial_cwd: String,
    pub(crate) state_path: String,
    pub(crate) conventions: FsConventions,
}

impl FsLayout {
    /// POSIX paths, with `/workspace` as the working directory of a session that names none, and the CLI's own files of
    /// the session in `/session-state`.
    pub fn posix() -> Self {
        Self {
            initial_cwd: "/workspace".into(),
            state_path: "/session-state".into(),
            conventions: FsConventions::Posix,
        }
    }

    /// Windows paths, with `C:\workspace` and `C:\session-state`.
    pub fn windows() -> Self {
        Self {
            initial_cwd: r"C:\workspace".into(),
            state_path: r"C:\session-state".into(),
            conventions: FsConventions::Windows,
        }
    }

    /// The working directory of a session that names none. Shells and searches of the agent run in the directory of
    /// this name on the real machine, and fail where there is none.
    pub fn initial_cwd(mut self, path: impl Into<String>) -> Self {
        self.initial_cwd = path.into();
        self
    }

    /// Where the CLI keeps its own files of a session: conversation, plans, checkpoints.
    pub fn state_path(mut self, path: impl Into<String>) -> Self {
        self.state_path = path.into();
        self
    }
}

impl Default for FsLayout {
    /// Returns the layout of the operating system on which the program runs.
    fn default() -> Self {
        if cfg!(windows) { Self::windows() } else { Self::posix() }
    }
}

/// A write to a file.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FsWrite<'a> {
    /// The path of the file.
    pub path: &'a str,
    /// The content, or the bytes to append.
    pub content: &'a [u8],
    /// The POSIX permission bits of a file that is created; `None` for the default.
    pub mode: Option<u32>,
}

/// The creation of a directory.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FsMkdir<'a> {
    /// The path of the directory.
    pub path: &'a str,
    /// Whether missing parents are created too, and an existing directory is not an error.
    pub recursive: bool,
    /// The POSIX permission bits; `None` for the default.
    pub mode: Option<u32>,
}

/// The removal of a file or directory.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FsRm<'a> {
    /// The path of the file or directory.
    pub path: &'a str,
    /// Whether a directory is removed, with all that it holds.
    pub recursive: bool,
    /// Whether a missing path is not an error.
    pub force: bool,
}

/// A part of a file.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FsRange<'a> {
    /// The path of the file.
    pub path: &'a str,
    /// The position of the first byte, from 0.
    pub offset: u64,
    /// The number of bytes; `None` for all that follow.
    pub length: Option<u64>,
}

/// A file or directory, as [`SessionFs::stat`] describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FsStat {
    /// A file or a directory.
    pub kind: FsKind,
    /// The size of a file, in bytes.
    pub size: u64,
    /// The time of the last change.
    pub modified: SystemTime,
    /// The time of creation.
    pub created: SystemTime,
}

impl FsStat {
    /// A file of so many bytes, of the beginning of 1970.
    pub fn file(size: u64) -> Self {
        Self { kind: FsKind::File, size, modified: SystemTime::UNIX_EPOCH, created: SystemTime::UNIX_EPOCH }
    }

    /// A directory, of the beginning of 1970.
    pub fn directory() -> Self {
        Self { kind: FsKind::Directory, ..Self::file(0) }
    }

    /// Sets when it was changed last.
    #[must_use]
    pub fn modified(self, modified: SystemTime) -> Self {
        Self { modified, ..self }
    }

    /// Sets when it was made.
    #[must_use]
    pub fn created(self, created: SystemTime) -> Self {
        Self { created, ..self }
    }
}

/// Something in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FsEntry {
    /// The name within the directory, without a path.
    pub name: String,
    /// Whether it is a file or a directory.
    pub kind: FsKind,
}

impl FsEntry {
    /// Creates an entry for a file.
    pub fn file(name: impl Into<String>) -> Self {
        Self { name: name.into(), kind: FsKind::File }
    }

    /// Creates an entry for a directory.
    pub fn directory(name: impl Into<String>) -> Self {
        Self { name: name.into(), kind: FsKind::Directory }
    }
}

/// Why an operation on a file failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FsError {
    code: FsErrorCode,
    message: String,
}

impl FsError {
    /// Creates an error with this message for people.
    pub fn new(message: impl Into<String>) -> Self {
        Self::with_code(FsErrorCode::Unknown, message)
    }

    /// There is nothing at this path.
    pub fn not_found(path: &str) -> Self {
        Self::with_code(FsErrorCode::NotFound, format!("{path} does not exist"))
    }

    /// Creates an error of this kind. CLI 1.0.102 knows only those that [`FsErrorCode`] names.
    pub fn with_code(code: FsErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Returns the kind of failure.
    pub fn code(&self) -> &FsErrorCode {
        &self.code
    }

    /// Whether there is nothing at the path.
    pub fn is_not_found(&self) -> bool {
        self.code == FsErrorCode::NotFound
    }
}

impl fmt::Display for FsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FsError {}

impl From<io::Error> for FsError {
    fn from(error: io::Error) -> Self {
        let code = match error.kind() {
            // Below a file there is nothing.
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => FsErrorCode::NotFound,
            _ => FsErrorCode::Unknown,
        };
        Self::with_code(code, error.to_string())
    }
}

/// Why a transaction failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    class: SqlErrorClass,
    message: String,
}

impl SqlError {
    /// Creates an error of this class.
    pub fn new(class: SqlErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }

    /// Creates an error that a retry would not help with; nothing was changed.
    pub fn fatal(message: impl Into<String>) -> Self {
        Self::new(SqlErrorClass::Fatal, message)
    }

    /// Returns the class, which says whether the transaction may be retried.
    pub fn class(&self) -> &SqlErrorClass {
        &self.class
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SqlError {}
