//! The write permissions of the cache. A CLI that users other than this one and root can write is not run.
//!
//! A checksum beside a file detects accidental changes only, because an attacker who can replace the file can replace
//! the checksum too. An entry that was checked when it was unpacked is therefore trusted only while each part of it
//! belongs to this user or root and is writable by neither its group nor others.

use std::fs;
use std::io;
use std::path::Path;

/// Returns the reason why another user could have written the file at `path`; `None` if no other user could.
#[cfg(unix)]
pub(super) fn writable_by_others(path: &Path, metadata: &fs::Metadata) -> Option<String> {
    crate::trust::writable_by_others(path, metadata, rustix::process::geteuid().as_raw())
}

/// Other systems restrict a user's caches to the user.
#[cfg(not(unix))]
pub(super) fn writable_by_others(_path: &Path, _metadata: &fs::Metadata) -> Option<String> {
    None
}

/// Creates a directory and its parents, writable by this user only, for any umask. Other users may read it: the cache
/// holds no secrets, and the build of an image fetches the CLI as root for other users.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o755);
    }
    builder.create(path)
}

/// Returns the options to create a file that only this user can write.
pub(super) fn new_file(executable: bool) -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // Two modes only, so that an archive cannot set the set-uid bit or write access for all users.
        options.mode(if executable { 0o755 } else { 0o644 });
    }
    #[cfg(not(unix))]
    let _ = executable;
    options
}
