//! Files below one real directory, which nothing leaves.
//!
//! A path is a list of names, none of them `..`. A symbolic link is followed while it stays below the
//! directory. This holds against every request of the CLI; it cannot hold against another program that exchanges
//! directories for links while an operation runs.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{FsEntry, FsError, FsKind, FsStat};

/// A directory, and how its files are reached. All of this blocks.
#[derive(Clone, Debug)]
pub(super) struct Disk(PathBuf);

/// Whether a link at the end of a path is followed, or is itself the target of the operation.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    Followed,
    Itself,
}

/// The part of a file that is written.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// The whole content, replaced.
    Whole,
    /// Bytes after its end.
    End,
}

/// How a directory is created.
#[derive(Clone, Copy)]
pub(super) struct Mkdir {
    pub(super) recursive: bool,
    pub(super) mode: Option<u32>,
}

/// How something is removed.
#[derive(Clone, Copy)]
pub(super) struct Rm {
    pub(super) recursive: bool,
    pub(super) force: bool,
}

impl Disk {
    pub(super) fn new(root: PathBuf) -> Self {
        Self(root)
    }

    pub(super) fn read(&self, names: &[String]) -> Result<Vec<u8>, FsError> {
        let mut content = Vec::new();
        open(OpenOptions::new().read(true), &self.resolve(names, Last::Followed)?)?
            .read_to_end(&mut content)?;
        Ok(content)
    }

    /// `length` bytes from `offset` on, as far as there are any.
    pub(super) fn read_range(
        &self,
        names: &[String],
        offset: u64,
        length: Option<u64>,
    ) -> Result<Vec<u8>, FsError> {
        let mut file = open(OpenOptions::new().read(true), &self.resolve(names, Last::Followed)?)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut content = Vec::new();
        file.take(length.unwrap_or(u64::MAX)).read_to_end(&mut content)?;
        Ok(content)
    }

    pub(super) fn write(
        &self,
        names: &[String],
        content: &[u8],
        mode: Option<u32>,
        place: Place,
    ) -> Result<(), FsError> {
        let path = self.resolve(names, Last::Followed)?;
        let mut options = OpenOptions::new();
        options.create(true);
        match place {
            Place::Whole => options.write(true).truncate(true),
            Place::End => options.append(true),
        };
        #[cfg(unix)]
        if let Some(mode) = mode {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode & 0o777);
        }
        #[cfg(not(unix))]
        let _ = mode;
        open(&mut options, &path)?.write_all(content)?;
        Ok(())
    }

    pub(super) fn stat(&self, names: &[String]) -> Result<FsStat, FsError> {
        let metadata = fs::symlink_metadata(self.resolve(names, Last::Followed)?)?;
        let stat = if metadata.is_dir() { FsStat::directory() } else { FsStat::file(metadata.len()) };
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        // Not every file system records when something was created.
        Ok(stat.modified(modified).created(metadata.created().unwrap_or(modified)))
    }

    pub(super) fn mkdir(&self, names: &[String], mkdir: Mkdir) -> Result<(), FsError> {
        let path = self.resolve(names, Last::Followed)?;
        let mut builder = DirBuilder::new();
        builder.recursive(mkdir.recursive);
        #[cfg(unix)]
        if let Some(mode) = mkdir.mode {
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode & 0o777);
        }
        Ok(builder.create(path)?)
    }

    pub(super) fn readdir(&self, names: &[String]) -> Result<Vec<FsEntry>, FsError> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.resolve(names, Last::Followed)?)? {
            let entry = entry?;
            let kind = if entry.file_type()?.is_dir() { FsKind::Directory } else { FsKind::File };
            entries.push(FsEntry { name: entry.file_name().to_string_lossy().into_owned(), kind });
        }
        Ok(entries)
    }

    pub(super) fn rm(&self, names: &[String], rm: Rm) -> Result<(), FsError> {
        refuse_root(names)?;
        let removed = self.resolve(names, Last::Itself).and_then(|path| {
            let is_directory = fs::symlink_metadata(&path)?.is_dir();
            match (is_directory, rm.recursive) {
                (true, true) => fs::remove_dir_all(path)?,
                (true, false) => return Err(FsError::new(format!("/{} is a directory", names.join("/")))),
                (false, _) => fs::remove_file(path)?,
            }
            Ok(())
        });
        match removed {
            Err(error) if error.is_not_found() && rm.force => Ok(()),
            removed => removed,
        }
    }

    pub(super) fn rename(&self, from: &[String], to: &[String]) -> Result<(), FsError> {
        refuse_root(from)?;
        refuse_root(to)?;
        Ok(fs::rename(self.resolve(from, Last::Itself)?, self.resolve(to, Last::Itself)?)?)
    }

    /// Returns the real path. It has no link, except at its end with [`Last::Itself`].
    fn resolve(&self, names: &[String], last: Last) -> Result<PathBuf, FsError> {
        let root = fs::canonicalize(&self.0)?;
        let mut path = root.clone();
        for (at, name) in names.iter().enumerate() {
            check(name)?;
            path.push(name);
            let is_link = match fs::symlink_metadata(&path) {
                Ok(metadata) => metadata.is_symlink(),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => false,
                Err(error) => return Err(error.into()),
            };
            if !is_link || (last == Last::Itself && at + 1 == names.len()) {
                continue;
            }
            // Writing through a dangling link would create its target, so such a link is refused as well.
            path =
                fs::canonicalize(&path).ok().filter(|target| target.starts_with(&root)).ok_or_else(|| {
                    FsError::new(format!("{name} is a link that leads out of the session's files"))
                })?;
        }
        Ok(path)
    }
}

/// Opens a file that is not a link: a link may have replaced it since its path was resolved.
fn open(options: &mut OpenOptions, path: &Path) -> Result<File, FsError> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(FsError::new("not a regular file"));
    }
    Ok(file)
}

/// Refuses a name that this machine would read as a path.
fn check(name: &str) -> Result<(), FsError> {
    let mut parts = Path::new(name).components();
    let is_name = matches!(parts.next(), Some(std::path::Component::Normal(part)) if part == name)
        && parts.next().is_none()
        && !(cfg!(windows) && name.contains(':'));
    if is_name { Ok(()) } else { Err(FsError::new(format!("{name:?} cannot be a name here"))) }
}

fn refuse_root(names: &[String]) -> Result<(), FsError> {
    if names.is_empty() { Err(FsError::new("cannot remove or move the root directory")) } else { Ok(()) }
}

/// Runs work on a thread for blocking work; it continues when the future is dropped.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FsError> + Send + 'static,
) -> Result<T, FsError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|failed| {
        Err(FsError::new(format!("the operation on the file was interrupted: {failed}")))
    })
}
