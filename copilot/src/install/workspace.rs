//! The exclusive right to fetch a package: a lock against other processes, and a working directory.
//!
//! The holder of the lock owns the `.partial` directory of the entry. Files that exist there when the lock is acquired
//! are the remains of a broken download and are removed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs4::{FileExt, TryLockError};

use super::cache::{CACHE_VARIABLE, Entry};
use super::job;
use super::owner::{make_directory, new_file};
use super::progress::Progress;
use crate::{Error, ErrorKind, Result};

/// The interval of attempts to acquire a held lock. Polling, because a blocked thread could not be cancelled.
const LOCK_RETRY: Duration = Duration::from_millis(100);

/// A locked, empty working directory. Dropping it removes the directory and releases the lock.
#[derive(Debug)]
pub(super) struct Workspace {
    directory: PathBuf,
    // Closing the file releases the lock, after `drop` has removed the directory.
    _lock: File,
}

impl Workspace {
    /// Waits for the lock of `entry` and prepares its working directory.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future releases the lock.
    pub(super) async fn open(entry: &Entry, progress: &Progress) -> Result<Self> {
        let unusable = |error| {
            let root = entry.root().display();
            let message = format!(
                "the Copilot CLI cannot be put into the cache `{root}`; make it writable, or name another directory \
                 with {CACHE_VARIABLE}"
            );
            Error::with_source(ErrorKind::Install, message, error)
        };
        let lock = open_lock(entry).map_err(unusable)?;
        let mut announced = false;
        loop {
            match FileExt::try_lock(&lock) {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(unusable(error)),
            }
            if !announced {
                progress.step("waiting for another process that fetches the Copilot CLI");
                announced = true;
            }
            tokio::time::sleep(LOCK_RETRY).await;
        }
        let workspace = Self { directory: entry.partial(), _lock: lock };
        // The remains of a broken download may be large.
        job::run(move |_| {
            workspace.empty().map_err(|error| {
                let what =
                    format!("cannot prepare `{}` to fetch the Copilot CLI", workspace.directory.display());
                Error::with_source(ErrorKind::Install, what, error)
            })?;
            Ok(workspace)
        })
        .await
    }

    fn empty(&self) -> io::Result<()> {
        remove(&self.directory)?;
        make_directory(&self.packed())?;
        make_directory(&self.unpacked())
    }

    /// Returns the directory for the tarball.
    pub(super) fn packed(&self) -> PathBuf {
        self.directory.join("packed")
    }

    /// Returns the directory for the unpacked tarball.
    pub(super) fn unpacked(&self) -> PathBuf {
        self.directory.join("unpacked")
    }

    /// Makes the unpacked package the entry by one rename. A damaged entry is moved away first.
    pub(super) fn publish(&self, entry: &Entry) -> io::Result<()> {
        let target = entry.directory();
        if fs::symlink_metadata(&target).is_ok() {
            fs::rename(&target, self.directory.join("damaged"))?;
        }
        fs::rename(self.unpacked(), &target)
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.directory) {
            tracing::warn!(%error, directory = %self.directory.display(), "cannot remove the rest of a download");
        }
    }
}

fn open_lock(entry: &Entry) -> io::Result<File> {
    make_directory(entry.root())?;
    new_file(false).create(true).truncate(false).open(entry.lock_file())
}

/// Removes the file or directory at `path`, if any.
fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
