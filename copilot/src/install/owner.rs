//! Files and directories that only this user can write, which is what the cache consists of.

use std::fs;
use std::io;
use std::path::Path;

/// Why another user could have written the part of the cache at `path`; `None` when only this user and root could.
#[cfg(unix)]
pub(super) fn writable_by_others(path: &Path, metadata: &fs::Metadata) -> Option<String> {
    crate::trust::writable_by_others(path, metadata, rustix::process::geteuid().as_raw())
}

/// Other systems keep a user's caches to the user.
#[cfg(not(unix))]
pub(super) fn writable_by_others(_path: &Path, _metadata: &fs::Metadata) -> Option<String> {
    None
}

/// Makes a directory, and those above it, that only this user can write, whatever the user's mask says. Others may
/// read: what the cache has is no secret, and a build image fetches as root for others to run.
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

/// Options to make a file that only this user can write.
pub(super) fn new_file(executable: bool) -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // Two modes only: no archive makes a file set-uid or writable for everybody.
        options.mode(if executable { 0o755 } else { 0o644 });
    }
    #[cfg(not(unix))]
    let _ = executable;
    options
}
