//! Who may write what the cache has: only this user, or root, or it is not run.
//!
//! A checksum beside a file guards against accidents only, because who can replace the one can replace the other. So
//! what was checked when it was unpacked is trusted later for as long as nobody else could have written it: each part
//! of an entry belongs to this user or to root, and neither its group nor others may write it.

use std::fs;
use std::io;
use std::path::Path;

/// Why somebody else could have written what is at `path`; `None` when nobody could.
#[cfg(unix)]
pub(super) fn writable_by_others(path: &Path, metadata: &fs::Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    if metadata.is_symlink() {
        return Some(format!("`{}` is a link, which may lead anywhere", path.display()));
    }
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    let me = rustix::process::geteuid().as_raw();
    if owner != me && owner != 0 {
        return Some(format!("`{}` belongs to the user {owner}, and this is user {me}", path.display()));
    }
    (mode & 0o022 != 0).then(|| format!("`{}` can be written by other users (mode {mode:o})", path.display()))
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
