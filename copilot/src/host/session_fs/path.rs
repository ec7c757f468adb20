//! Paths as the CLI writes them. Pure: nothing here looks at a disk.

use super::{FsConventions, FsError};

/// The largest number of names on the way to a file or directory. Trees are walked recursively.
pub(super) const MAX_NAMES: usize = 256;

/// The names on the way to a path, from the root of a session's tree on. A path above the root is the root, as it is
/// on a real machine, and a relative one begins there. A Windows drive is the first name.
pub(crate) fn names<'a>(path: &'a str, conventions: &FsConventions) -> Result<Vec<&'a str>, FsError> {
    if path.contains('\0') {
        return Err(FsError::new("a path cannot have a zero in it"));
    }
    let windows = *conventions == FsConventions::Windows;
    let separates = |letter: char| letter == '/' || (windows && letter == '\\');
    let mut names = Vec::new();
    for name in path.split(separates) {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    check_depth(names.len())?;
    Ok(names)
}

/// Refuses a path with this number of names if it is too deep.
pub(super) fn check_depth(names: usize) -> Result<(), FsError> {
    if names > MAX_NAMES {
        return Err(FsError::new(format!("the path has {names} names, and the limit is {MAX_NAMES}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_root() {
        let posix = |path| names(path, &FsConventions::Posix).unwrap();
        assert_eq!(posix("/a//b/./c/"), ["a", "b", "c"]);
        assert_eq!(posix("/a/../../../etc/passwd"), ["etc", "passwd"]);
        assert_eq!(posix("a\\b"), ["a\\b"]);
        assert!(posix("/").is_empty() && posix("").is_empty() && posix("..").is_empty());
        let windows = names(r"C:\a/b\..\c", &FsConventions::Windows).unwrap();
        assert_eq!(windows, ["C:", "a", "c"]);
        assert!(names("/a\0b", &FsConventions::Posix).is_err());
    }

    #[test]
    fn a_path_has_a_limited_depth() {
        let depth = |path: &str| names(path, &FsConventions::Posix).map(|names| names.len());
        assert_eq!(depth(&"/a".repeat(MAX_NAMES)).unwrap(), MAX_NAMES);
        assert_eq!(depth(&"/a/..".repeat(MAX_NAMES + 1)).unwrap(), 0);
        let error = depth(&"/a".repeat(20_000)).unwrap_err().to_string();
        assert!(error.contains("20000 names, and the limit is 256"), "{error}");
    }
}
