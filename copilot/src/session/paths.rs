//! The paths that a session and its messages name: relative ones become absolute, and a path that does not exist is
//! an error before anything is sent.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::input::{check_path, shown};
use crate::protocol::attachments::PathKind;

/// Where the files of a session are. `None` is where the CLI runs, which may be another machine, or a file system that
/// this program provides: there, whether a path exists cannot be known.
#[derive(Clone, Debug)]
pub(crate) struct Files(Option<Arc<Here>>);

/// The machine that this program runs on.
#[derive(Debug)]
struct Here {
    /// The directory that relative paths start from.
    start: PathBuf,
    /// Whether a path must exist.
    checked: bool,
}

impl Files {
    pub(crate) const ELSEWHERE: Self = Self(None);

    /// Files on this machine.
    pub(crate) fn here(start: PathBuf, checked: bool) -> Self {
        Self(Some(Arc::new(Here { start, checked })))
    }

    /// The same, with relative paths that start from this directory.
    pub(crate) fn starting_in(self, directory: &str) -> Self {
        match &self.0 {
            Some(here) => Self::here(directory.into(), here.checked),
            None => self,
        }
    }

    /// The path made absolute; `what` names the setter in errors.
    pub(crate) fn absolute(&self, what: &str, path: &str) -> Result<String> {
        check_path(what, path)?;
        match self.0.as_deref() {
            Some(Here { start, .. }) => {
                if Path::new(path).is_absolute() {
                    return Ok(path.to_owned());
                }
                let absolute = std::path::absolute(start.join(path)).ok();
                absolute.and_then(|path| path.into_os_string().into_string().ok()).ok_or_else(|| {
                    let start = start.display();
                    refusal(
                        what,
                        path,
                        &format!("which starts from {start}, and that is not a path in UTF-8"),
                    )
                })
            }
            None if is_absolute_somewhere(path) => Ok(path.to_owned()),
            None => {
                let why = "a relative path, and with `cli_url` or a `session_fs` the directory that it would start \
                           from is unknown here; write an absolute path";
                Err(refusal(what, path, why))
            }
        }
    }

    /// The absolute path of something that exists, if that can be known.
    pub(crate) fn existing(&self, what: &str, path: &str, kind: PathKind) -> Result<String> {
        let path = self.absolute(what, path)?;
        if !self.0.as_ref().is_some_and(|here| here.checked) {
            return Ok(path);
        }
        let why = match (std::fs::metadata(&path), kind) {
            // The text goes with it, so the file need not be saved.
            (_, PathKind::Text) => return Ok(path),
            (Ok(metadata), PathKind::File) if !metadata.is_dir() => return Ok(path),
            (Ok(metadata), PathKind::Directory) if metadata.is_dir() => return Ok(path),
            (Ok(_), PathKind::File) => "which is a directory, not a file".to_owned(),
            (Ok(_), PathKind::Directory) => "which is not a directory".to_owned(),
            (Err(error), _) if error.kind() == std::io::ErrorKind::NotFound => {
                "which does not exist".to_owned()
            }
            (Err(error), _) => format!("which cannot be examined: {error}"),
        };
        Err(refusal(what, &path, &why))
    }

    /// The absolute path of a directory. If it does not exist, and that can be known, it is created, and on Unix only
    /// this user can enter it.
    pub(crate) fn private_directory(&self, what: &str, path: &str) -> Result<String> {
        let path = self.absolute(what, path)?;
        if self.0.as_ref().is_some_and(|here| here.checked) {
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            {
                use std::os::unix::fs::DirBuilderExt as _;

                builder.mode(0o700);
            }
            builder
                .create(&path)
                .map_err(|error| refusal(what, &path, &format!("which cannot be created: {error}")))?;
        }
        Ok(path)
    }

    /// The absolute paths of directories that exist, if that can be known.
    pub(crate) fn directories(&self, what: &str, paths: &mut [String]) -> Result<()> {
        paths.iter_mut().try_for_each(|path| {
            *path = self.existing(what, path, PathKind::Directory)?;
            Ok(())
        })
    }
}

fn refusal(what: &str, path: &str, why: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("`{what}` is {}, {why}", shown(path)))
}

/// Whether a path is absolute on any system that a CLI runs on.
fn is_absolute_somewhere(path: &str) -> bool {
    let drive = path.as_bytes();
    path.starts_with(['/', '\\']) || (drive.len() > 2 && drive[0].is_ascii_alphabetic() && drive[1] == b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_other_systems_are_absolute_as_well() {
        for path in ["/x", "\\\\host\\x", "\\x", "C:\\x", "c:/x"] {
            assert!(is_absolute_somewhere(path), "{path}");
        }
        for path in ["", "x", "C:", "abc/d", "1:/x", "a/:x", "./C:/x"] {
            assert!(!is_absolute_somewhere(path), "{path}");
        }
    }

    #[test]
    fn files_elsewhere_are_not_looked_for() {
        for path in ["/no/such/directory", r"C:\no\such", r"\\server\no\such"] {
            let found = Files::ELSEWHERE.existing("x", path, PathKind::Directory).unwrap();
            assert_eq!(found, path);
        }
        let refused = Files::ELSEWHERE.absolute("x", "relative").unwrap_err().to_string();
        assert!(refused.contains("`x` is \"relative\"") && refused.contains("absolute"), "{refused}");
    }
}
