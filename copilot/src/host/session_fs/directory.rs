//! The files of sessions below one real directory.

use std::path::PathBuf;

use super::disk::{Disk, Mkdir, Place, Rm, blocking};
use super::path::names;
use super::{FsConventions, FsEntry, FsError, FsLayout, FsMkdir, FsRange, FsRm, FsStat, FsWrite, SessionFs};
use crate::protocol::SessionId;

/// Keeps the files of each session below a real directory, in one that has the session's id as its name. Clones share
/// it.
///
/// Every path of the CLI is below that directory: `..` does not lead out of it, and a symbolic link that does
/// is an error. That is checked for every operation; it cannot hold against another program that exchanges
/// directories for links in that moment. Permissions that the CLI asks for are set on Unix.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> copilot::Result<()> {
/// use copilot::Client;
/// use copilot::host::session_fs::DirectoryFs;
///
/// let client = Client::builder().session_fs(DirectoryFs::new("/srv/agent/sessions")).start().await?;
/// let session = client.session().id("first").start().await?;
/// // The CLI's own files of it are now in /srv/agent/sessions/first/session-state.
/// # session.close().await
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DirectoryFs {
    root: PathBuf,
    layout: FsLayout,
}

impl DirectoryFs {
    /// Creates a file system below this directory, which is created when it is first needed.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), layout: FsLayout::default() }
    }

    /// Sets the layout of each tree. Default: [`FsLayout::default`].
    #[must_use]
    pub fn layout(mut self, layout: FsLayout) -> Self {
        self.layout = layout;
        self
    }

    /// Runs an operation in a session's tree, on a thread for blocking work.
    async fn within<T: Send + 'static>(
        &self,
        session: &SessionId,
        path: &str,
        act: impl FnOnce(&Disk, &[String]) -> Result<T, FsError> + Send + 'static,
    ) -> Result<T, FsError> {
        let (this, session, names) = (self.clone(), session.clone(), self.names(path)?);
        blocking(move || act(&this.tree(&session)?, &names)).await
    }

    /// The directory of a session, with its working directory in it. Both are created where they are missing, also if
    /// they were removed while this program runs.
    fn tree(&self, session: &SessionId) -> Result<Disk, FsError> {
        let id = session.as_str();
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
            return Err(FsError::new(format!("{id:?} is not a session id")));
        }
        let root = self.root.join(id);
        let disk = Disk::new(root.clone());
        let names = self.names(&self.layout.initial_cwd)?;
        let working_directory = names.iter().fold(root.clone(), |path, name| path.join(name));
        // A file in its place, or in that of a directory above it, is the agent's.
        let found = std::fs::symlink_metadata(working_directory);
        if found.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            std::fs::create_dir_all(root)?;
            disk.mkdir(&names, Mkdir { recursive: true, mode: None })?;
        }
        Ok(disk)
    }

    fn names(&self, path: &str) -> Result<Vec<String>, FsError> {
        let names = names(path, &self.layout.conventions)?;
        let windows = self.layout.conventions == FsConventions::Windows;
        Ok(names
            .into_iter()
            .enumerate()
            // A drive's letter names a directory, whose name has no colon on Windows.
            .map(|(at, name)| if windows && at == 0 { name.trim_end_matches(':') } else { name }.to_owned())
            .collect())
    }
}

impl SessionFs for DirectoryFs {
    fn layout(&self) -> FsLayout {
        self.layout.clone()
    }

    async fn read_file(&self, session: &SessionId, path: &str) -> Result<Vec<u8>, FsError> {
        self.within(session, path, Disk::read).await
    }

    async fn read_file_range(&self, session: &SessionId, range: FsRange<'_>) -> Result<Vec<u8>, FsError> {
        let FsRange { path, offset, length } = range;
        self.within(session, path, move |disk, names| disk.read_range(names, offset, length)).await
    }

    async fn write_file(&self, session: &SessionId, write: FsWrite<'_>) -> Result<(), FsError> {
        let (content, mode) = (write.content.to_vec(), write.mode);
        let whole = move |disk: &Disk, names: &[String]| disk.write(names, &content, mode, Place::Whole);
        self.within(session, write.path, whole).await
    }

    async fn append_file(&self, session: &SessionId, write: FsWrite<'_>) -> Result<(), FsError> {
        let (content, mode) = (write.content.to_vec(), write.mode);
        let append = move |disk: &Disk, names: &[String]| disk.write(names, &content, mode, Place::End);
        self.within(session, write.path, append).await
    }

    async fn stat(&self, session: &SessionId, path: &str) -> Result<FsStat, FsError> {
        self.within(session, path, Disk::stat).await
    }

    async fn mkdir(&self, session: &SessionId, mkdir: FsMkdir<'_>) -> Result<(), FsError> {
        let FsMkdir { path, recursive, mode } = mkdir;
        self.within(session, path, move |disk, names| disk.mkdir(names, Mkdir { recursive, mode })).await
    }

    async fn readdir(&self, session: &SessionId, path: &str) -> Result<Vec<FsEntry>, FsError> {
        self.within(session, path, Disk::readdir).await
    }

    async fn rm(&self, session: &SessionId, rm: FsRm<'_>) -> Result<(), FsError> {
        let FsRm { path, recursive, force } = rm;
        self.within(session, path, move |disk, names| disk.rm(names, Rm { recursive, force })).await
    }

    async fn rename(&self, session: &SessionId, from: &str, to: &str) -> Result<(), FsError> {
        let to = self.names(to)?;
        self.within(session, from, move |disk, from| disk.rename(from, &to)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_session_whose_directory_was_removed_is_used_again() {
        let directory = tempfile::tempdir().unwrap();
        let files = DirectoryFs::new(directory.path());
        let session = SessionId::from("s");
        for _ in 0..2 {
            files
                .write_file(&session, FsWrite { path: "/workspace/f", content: b"1", mode: None })
                .await
                .unwrap();
            std::fs::remove_dir_all(directory.path().join("s")).unwrap();
            let cwd = files.layout.initial_cwd.clone();
            assert!(files.readdir(&session, &cwd).await.unwrap().is_empty());
        }
    }
}
