//! A real directory to work in, beside files that are kept elsewhere.

use std::path::PathBuf;

use super::disk::{Disk, Mkdir, Place, Rm, blocking};
use super::path::names;
use super::{
    FsEntry, FsError, FsLayout, FsMkdir, FsRange, FsRm, FsStat, FsWrite, SessionFs, SqlError, SqlRows,
    SqlStatement,
};
use crate::protocol::SessionId;

/// Lets sessions work in a real directory, and keeps all other files in the file system `F`.
///
/// The agent's file tools then see the same directory as its shells and searches do, which run on the real machine.
/// All sessions share it. As in [`DirectoryFs`](super::DirectoryFs), symbolic links that lead out of it are errors.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> copilot::Result<()> {
/// use copilot::Client;
/// use copilot::host::session_fs::{MemoryFs, WithWorkspace};
///
/// let files = WithWorkspace::new(MemoryFs::new(), "/home/me/project");
/// let client = Client::builder().session_fs(files).start().await?;
/// # client.shutdown().await
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WithWorkspace<F> {
    others: F,
    directory: String,
    disk: Disk,
}

/// The file system that a path belongs to.
enum Side {
    /// In the workspace, by these names.
    Workspace(Vec<String>),
    Other,
}

impl<F: SessionFs> WithWorkspace<F> {
    /// Creates a file system whose sessions work in `directory`, an absolute path; `others` has all other files, and
    /// says how paths are written.
    pub fn new(others: F, directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        Self { others, directory: directory.to_string_lossy().into_owned(), disk: Disk::new(directory) }
    }

    fn side(&self, path: &str) -> Result<Side, FsError> {
        let conventions = self.others.layout().conventions;
        let (path, workspace) = (names(path, &conventions)?, names(&self.directory, &conventions)?);
        Ok(match path.strip_prefix(workspace.as_slice()) {
            Some(names) => Side::Workspace(names.iter().map(|name| (*name).to_owned()).collect()),
            None => Side::Other,
        })
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        names: Vec<String>,
        act: impl FnOnce(&Disk, &[String]) -> Result<T, FsError> + Send + 'static,
    ) -> Result<T, FsError> {
        let disk = self.disk.clone();
        blocking(move || act(&disk, &names)).await
    }

    async fn write(&self, names: Vec<String>, write: FsWrite<'_>, place: Place) -> Result<(), FsError> {
        let (content, mode) = (write.content.to_vec(), write.mode);
        self.on_disk(names, move |disk, names| disk.write(names, &content, mode, place)).await
    }
}

impl<F: SessionFs> SessionFs for WithWorkspace<F> {
    fn layout(&self) -> FsLayout {
        self.others.layout().initial_cwd(self.directory.as_str())
    }

    fn has_sqlite(&self) -> bool {
        self.others.has_sqlite()
    }

    async fn read_file(&self, session: &SessionId, path: &str) -> Result<Vec<u8>, FsError> {
        match self.side(path)? {
            Side::Workspace(names) => self.on_disk(names, Disk::read).await,
            Side::Other => self.others.read_file(session, path).await,
        }
    }

    async fn read_file_range(&self, session: &SessionId, range: FsRange<'_>) -> Result<Vec<u8>, FsError> {
        let FsRange { path, offset, length } = range;
        match self.side(path)? {
            Side::Workspace(names) => {
                self.on_disk(names, move |disk, names| disk.read_range(names, offset, length)).await
            }
            Side::Other => self.others.read_file_range(session, range).await,
        }
    }

    async fn write_file(&self, session: &SessionId, write: FsWrite<'_>) -> Result<(), FsError> {
        match self.side(write.path)? {
            Side::Workspace(names) => self.write(names, write, Place::Whole).await,
            Side::Other => self.others.write_file(session, write).await,
        }
    }

    async fn append_file(&self, session: &SessionId, write: FsWrite<'_>) -> Result<(), FsError> {
        match self.side(write.path)? {
            Side::Workspace(names) => self.write(names, write, Place::End).await,
            Side::Other => self.others.append_file(session, write).await,
        }
    }

    async fn exists(&self, session: &SessionId, path: &str) -> Result<bool, FsError> {
        match self.side(path)? {
            Side::Workspace(names) => match self.on_disk(names, Disk::stat).await {
                Err(error) if error.is_not_found() => Ok(false),
                found => found.map(|_| true),
            },
            Side::Other => self.others.exists(session, path).await,
        }
    }

    async fn stat(&self, session: &SessionId, path: &str) -> Result<FsStat, FsError> {
        match self.side(path)? {
            Side::Workspace(names) => self.on_disk(names, Disk::stat).await,
            Side::Other => self.others.stat(session, path).await,
        }
    }

    async fn mkdir(&self, session: &SessionId, mkdir: FsMkdir<'_>) -> Result<(), FsError> {
        let FsMkdir { path, recursive, mode } = mkdir;
        match self.side(path)? {
            Side::Workspace(names) => {
                self.on_disk(names, move |disk, names| disk.mkdir(names, Mkdir { recursive, mode })).await
            }
            Side::Other => self.others.mkdir(session, mkdir).await,
        }
    }

    async fn readdir(&self, session: &SessionId, path: &str) -> Result<Vec<FsEntry>, FsError> {
        match self.side(path)? {
            Side::Workspace(names) => self.on_disk(names, Disk::readdir).await,
            Side::Other => self.others.readdir(session, path).await,
        }
    }

    async fn rm(&self, session: &SessionId, rm: FsRm<'_>) -> Result<(), FsError> {
        let FsRm { path, recursive, force } = rm;
        match self.side(path)? {
            Side::Workspace(names) => {
                self.on_disk(names, move |disk, names| disk.rm(names, Rm { recursive, force })).await
            }
            Side::Other => self.others.rm(session, rm).await,
        }
    }

    async fn rename(&self, session: &SessionId, from: &str, to: &str) -> Result<(), FsError> {
        match (self.side(from)?, self.side(to)?) {
            (Side::Workspace(from), Side::Workspace(to)) => {
                self.on_disk(from, move |disk, from| disk.rename(from, &to)).await
            }
            (Side::Other, Side::Other) => self.others.rename(session, from, to).await,
            _ => Err(FsError::new(format!(
                "{from} cannot be moved to {to}: one is in the workspace, one is not"
            ))),
        }
    }

    async fn sqlite_query(&self, session: &SessionId, statement: &SqlStatement) -> Result<SqlRows, FsError> {
        self.others.sqlite_query(session, statement).await
    }

    async fn sqlite_transaction(
        &self,
        session: &SessionId,
        statements: &[SqlStatement],
    ) -> Result<Vec<SqlRows>, SqlError> {
        self.others.sqlite_transaction(session, statements).await
    }

    async fn sqlite_exists(&self, session: &SessionId) -> Result<bool, FsError> {
        self.others.sqlite_exists(session).await
    }
}
