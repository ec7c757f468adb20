//! The write permissions of a file: a file that other users than this one and root can write is not run.
//!
//! A checksum beside a file guards against accidents only, because a user who can replace the one can replace the
//! other. A file is trusted because this user or root owns it and neither its group nor others may write it. `me` is the
//! effective user of this process.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::path::{Component, PathBuf};

/// Returns why another user could have written the file or directory at `path`; `None` if only this user and root could.
pub(crate) fn writable_by_others(path: &Path, metadata: &fs::Metadata, me: u32) -> Option<String> {
    if metadata.is_symlink() {
        return Some(format!("`{}` is a link, which may lead anywhere", path.display()));
    }
    owned_by_others(path, metadata, me).or_else(|| {
        use std::os::unix::fs::MetadataExt as _;
        let mode = metadata.mode() & 0o7777;
        (mode & 0o022 != 0)
            .then(|| format!("`{}` can be written by other users (mode {mode:o})", path.display()))
    })
}

fn owned_by_others(path: &Path, metadata: &fs::Metadata, me: u32) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let owner = metadata.uid();
    (owner != me && owner != 0)
        .then(|| format!("`{}` belongs to the user {owner}, and this is user {me}", path.display()))
}

/// Returns why another user could have replaced the file at the absolute `path`: the file itself, or a directory or link
/// on the way to it.
pub(crate) fn replaceable_by_others(path: &Path, me: u32) -> Option<String> {
    /// As many links as Linux follows.
    const MAX_LINKS: usize = 40;
    let unreadable = |path: &Path, error| Some(format!("`{}` cannot be examined: {error}", path.display()));
    let mut links = 0;
    let mut current = PathBuf::from("/");
    let mut rest: Vec<OsString> = components(path);
    while let Some(name) = rest.pop() {
        if name == ".." {
            current.pop();
            continue;
        }
        let directory = match fs::symlink_metadata(&current) {
            Ok(metadata) => metadata,
            Err(error) => return unreadable(&current, error),
        };
        if let Some(problem) = entries_replaceable_by_others(&current, &directory, me) {
            return Some(problem);
        }
        let entry = current.join(name);
        let metadata = match fs::symlink_metadata(&entry) {
            Ok(metadata) => metadata,
            Err(error) => return unreadable(&entry, error),
        };
        if !metadata.is_symlink() {
            if rest.is_empty() {
                return writable_by_others(&entry, &metadata, me);
            }
            current = entry;
            continue;
        }
        links += 1;
        let target = match fs::read_link(&entry) {
            Ok(target) if links <= MAX_LINKS => target,
            Ok(_) => return Some(format!("`{}` is at the end of too many links", entry.display())),
            Err(error) => return unreadable(&entry, error),
        };
        if let Some(problem) = owned_by_others(&entry, &metadata, me) {
            return Some(problem);
        }
        if target.is_absolute() {
            current = PathBuf::from("/");
        }
        rest.extend(components(&target));
    }
    None
}

/// The names in a path, the first one last.
fn components(path: &Path) -> Vec<OsString> {
    let names =
        path.components().rev().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    names.map(|part| part.as_os_str().to_owned()).collect()
}

/// Why another user could replace what this user or root has in a directory. In one with the sticky bit, such as
/// `/tmp`, only the owner of an entry can.
fn entries_replaceable_by_others(path: &Path, directory: &fs::Metadata, me: u32) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    if directory.mode() & 0o1000 != 0 {
        return owned_by_others(path, directory, me);
    }
    writable_by_others(path, directory, me)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn replaceable(path: &Path) -> Option<String> {
        // A file of this test shows which user this is.
        use std::os::unix::fs::MetadataExt as _;
        let me = tempfile::tempfile().unwrap().metadata().unwrap().uid();
        replaceable_by_others(path, me)
    }

    #[test]
    fn a_file_may_belong_to_this_user_and_to_root_and_to_no_other() {
        use std::os::unix::fs::MetadataExt as _;
        let file = tempfile::NamedTempFile::new().unwrap();
        let problem = |me| owned_by_others(file.path(), &file.path().metadata().unwrap(), me);
        let owner = file.path().metadata().unwrap().uid();
        // Only root can give a file away.
        for owner in if owner == 0 { vec![0, 7] } else { vec![owner] } {
            if owner == 7 {
                chown(file.path(), Some(owner), None).unwrap();
            }
            assert_eq!(problem(owner), None);
            assert_eq!(problem(owner + 1).is_some(), owner != 0);
            assert_eq!(problem(0).is_some(), owner != 0);
        }
    }

    #[test]
    fn every_directory_and_link_on_the_way_counts() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let (bin, package, links) = (root.join("bin"), root.join("package"), root.join("links"));
        for directory in [&bin, &package, &links] {
            fs::create_dir(directory).unwrap();
            set_mode(directory, 0o755);
        }
        let (program, file) = (bin.join("copilot"), package.join("index.js"));
        fs::write(&file, "").unwrap();
        set_mode(&file, 0o755);
        symlink("../links/further", &program).unwrap();
        symlink(&file, links.join("further")).unwrap();
        assert_eq!(replaceable(&program), None);
        for (path, usual) in
            [(&root, 0o700), (&bin, 0o755), (&package, 0o755), (&links, 0o755), (&file, 0o755)]
        {
            for others in [0o002, 0o020] {
                set_mode(path, usual | others);
                let problem = replaceable(&program).unwrap();
                assert!(problem.contains(&format!("`{}` can be written", path.display())), "{problem}");
            }
            set_mode(path, usual);
            // Only root can give a file away.
            if chown(path, Some(54_321), None).is_ok() {
                let problem = replaceable(&program).unwrap();
                assert!(problem.contains("belongs to the user 54321"), "{problem}");
                chown(path, Some(0), None).unwrap();
            }
        }
        // Others can add entries to a directory with the sticky bit, but not replace this one.
        set_mode(&links, 0o1777);
        assert_eq!(replaceable(&program), None);
        symlink(links.join("loop"), links.join("loop")).unwrap();
        assert!(replaceable(&links.join("loop")).unwrap().contains("too many links"));
        assert!(replaceable(&links.join("missing")).unwrap().contains("cannot be examined"));
    }
}
