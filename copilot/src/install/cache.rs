//! The cache of fetched CLIs, and the check of its entries.
//!
//! An entry is a directory that is moved into the cache by one rename, with a marker that is written last. The marker
//! records the hash of the tarball and the attributes of the executable. The check of an entry is two `stat`s and a
//! small read: size, modification time and the executable bit must be unchanged, and only this user and root may have
//! write access. If only the time differs, as in a copied cache, the checksum of the executable decides.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::job::Stop;
use super::owner;
use super::pinned::{Package, VERSION};
use super::verify;
use crate::{Error, ErrorKind, Result};

/// The environment variable with the cache directory.
pub(super) const CACHE_VARIABLE: &str = "COPILOT_CACHE_DIR";

const MARKER: &str = ".installed.json";

/// Returns the directory of the cache: from the environment, or the system's directory for a user's caches.
///
/// # Errors
///
/// Returns an error if the environment has no home directory.
pub(super) fn root(os: &str, variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let directory = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(named) = variable(CACHE_VARIABLE).filter(|value| !value.is_empty()) {
        return std::path::absolute(&named).map_err(|error| {
            Error::with_source(
                ErrorKind::Configuration,
                format!("{CACHE_VARIABLE} names no usable directory"),
                error,
            )
        });
    }
    let home = || directory("HOME");
    let caches = match os {
        "windows" => directory("LOCALAPPDATA"),
        "macos" => home().map(|home| home.join("Library/Caches")),
        _ => directory("XDG_CACHE_HOME").or_else(|| home().map(|home| home.join(".cache"))),
    };
    caches.map(|caches| caches.join("copilot-tools")).ok_or_else(|| {
        let missing = if os == "windows" { "LOCALAPPDATA" } else { "HOME" };
        Error::new(
            ErrorKind::Configuration,
            format!(
                "no place to keep the Copilot CLI: {missing} is not set to an absolute path; set {CACHE_VARIABLE} \
                 to a directory"
            ),
        )
    })
}

/// The entry of a package in the cache, present or not.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    root: PathBuf,
    package: Package,
}

/// The state of a package in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The entry is valid and can be run.
    Whole,
    /// The cache has no entry.
    Missing,
    /// The entry has changed since it was unpacked, with the reason.
    Damaged(String),
}

/// The marker file of an entry.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    /// The hash of the tarball that the entry was unpacked from.
    integrity: String,
    executable: ExecutableRecord,
}

#[derive(Debug, Serialize, Deserialize)]
struct ExecutableRecord {
    size: u64,
    /// The modification time in whole seconds, because copies preserve no fractions.
    modified: u64,
    crc32: u32,
}

impl Entry {
    pub(super) fn new(root: PathBuf, package: Package) -> Self {
        Self { root, package }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn package(&self) -> &Package {
        &self.package
    }

    pub(super) fn directory(&self) -> PathBuf {
        self.root.join(self.name())
    }

    pub(super) fn executable(&self) -> PathBuf {
        self.directory().join(self.package.executable())
    }

    /// Returns the path of the lock file, which is locked while the package is fetched. It is never removed: otherwise
    /// two processes could hold the lock.
    pub(super) fn lock_file(&self) -> PathBuf {
        self.root.join(format!("{}.lock", self.name()))
    }

    /// Returns the directory to fetch and unpack the package, owned by the holder of the lock.
    pub(super) fn partial(&self) -> PathBuf {
        self.root.join(format!("{}.partial", self.name()))
    }

    fn name(&self) -> String {
        format!("cli-{VERSION}-{}", self.package.platform())
    }

    /// Checks the entry.
    pub(super) fn state(&self, stop: &Stop) -> io::Result<State> {
        match fs::metadata(&self.root) {
            Ok(root) => {
                if let Some(problem) = owner::writable_by_others(&self.root, &root) {
                    return Err(io::Error::other(format!("{problem}, so what is in it may be anybody's")));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::Missing),
            Err(error) => return Err(error),
        }
        let parts = [self.directory(), self.directory().join(MARKER), self.executable()];
        for part in parts {
            let Ok(metadata) = fs::symlink_metadata(&part) else { continue };
            if let Some(problem) = owner::writable_by_others(&part, &metadata) {
                return Ok(State::Damaged(problem));
            }
        }
        let text = match fs::read(self.directory().join(MARKER)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let something = fs::symlink_metadata(self.directory()).is_ok();
                return Ok(if something {
                    State::Damaged("it has no marker".into())
                } else {
                    State::Missing
                });
            }
            Err(error) => return Err(error),
        };
        let Ok(marker) = serde_json::from_slice::<Marker>(&text) else {
            return Ok(State::Damaged("its marker is unreadable".into()));
        };
        if marker.integrity != self.package.integrity() {
            return Ok(State::Damaged("it came from another package".into()));
        }
        let now = match look_at(&self.executable()) {
            Ok(now) => now,
            Err(error) => return Ok(State::Damaged(format!("its executable is unusable: {error}"))),
        };
        if now.size != marker.executable.size {
            return Ok(State::Damaged("its executable has another size".into()));
        }
        if now.modified != marker.executable.modified {
            let crc32 = verify::checksum(File::open(self.executable())?, stop)?;
            if crc32 != marker.executable.crc32 {
                return Ok(State::Damaged("its executable has another content".into()));
            }
            // Makes the next check cheap. In a read-only cache each check computes the checksum.
            let _ = self.mark(&self.directory(), crc32);
        }
        Ok(State::Whole)
    }

    /// Writes the marker that makes `directory`, unpacked from this package, a valid entry.
    ///
    /// `crc32` is the checksum of the executable.
    pub(super) fn mark(&self, directory: &Path, crc32: u32) -> io::Result<()> {
        let Stat { size, modified } = look_at(&directory.join(self.package.executable()))?;
        let executable = ExecutableRecord { size, modified, crc32 };
        let marker = Marker { integrity: self.package.integrity().to_owned(), executable };
        let text = serde_json::to_vec_pretty(&marker)?;
        // By rename, so that a reader never sees a partial marker.
        let new = directory.join(format!("{MARKER}.{}", std::process::id()));
        let write = |mut file: File| file.write_all(&text).and_then(|()| file.sync_all());
        let written = owner::new_file(false).create(true).truncate(true).open(&new).and_then(write);
        written.and_then(|()| fs::rename(&new, directory.join(MARKER))).inspect_err(|_| {
            // Best effort: the error above is the one to return.
            let _ = fs::remove_file(&new);
        })
    }
}

struct Stat {
    size: u64,
    modified: u64,
}

/// Returns the attributes of an executable; an error if the path is not an executable file.
fn look_at(executable: &Path) -> io::Result<Stat> {
    let metadata = fs::symlink_metadata(executable)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if metadata.permissions().mode() & 0o111 == 0 {
            return Err(io::Error::other("it is not executable"));
        }
    }
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Ok(Stat { size: metadata.len(), modified })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn the_cache_is_where_the_environment_or_the_system_says() {
        let check = |os: &str, variables: &[(&str, &str)], expected: Option<&str>| {
            let lookup = |name: &str| {
                variables
                    .iter()
                    .find(|(variable, _)| *variable == name)
                    .map(|(_, value)| OsString::from(value))
            };
            assert_eq!(root(os, lookup).ok(), expected.map(PathBuf::from), "{os} {variables:?}");
        };
        check("linux", &[("HOME", "/h")], Some("/h/.cache/copilot-tools"));
        check("linux", &[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")], Some("/x/copilot-tools"));
        check("linux", &[("HOME", "/h"), ("XDG_CACHE_HOME", "relative")], Some("/h/.cache/copilot-tools"));
        check("linux", &[("HOME", "/h"), ("COPILOT_CACHE_DIR", "/c")], Some("/c"));
        check("linux", &[("HOME", "/h"), ("COPILOT_CACHE_DIR", "")], Some("/h/.cache/copilot-tools"));
        check("linux", &[("HOME", "")], None);
        check("macos", &[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")], Some("/h/Library/Caches/copilot-tools"));
        check("windows", &[("LOCALAPPDATA", "/l")], Some("/l/copilot-tools"));
        check("windows", &[("HOME", "/h")], None);
    }

    fn installed() -> (tempfile::TempDir, Entry) {
        let root = tempfile::tempdir().unwrap();
        let package = Package::with_integrity("linux-x64", "sha512-tarball".to_owned());
        let entry = Entry::new(root.path().to_owned(), package);
        fs::create_dir(entry.directory()).unwrap();
        write_program(&entry, b"program");
        let program = verify::checksum(&b"program"[..], &Stop::default()).unwrap();
        entry.mark(&entry.directory(), program).unwrap();
        (root, entry)
    }

    fn write_program(entry: &Entry, content: &[u8]) {
        fs::write(entry.executable(), content).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(entry.executable(), fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    fn touch(entry: &Entry, since_epoch: u64) {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(since_epoch);
        File::options().append(true).open(entry.executable()).unwrap().set_modified(time).unwrap();
    }

    fn state(entry: &Entry) -> State {
        entry.state(&Stop::default()).unwrap()
    }

    fn damaged(reason: &str) -> State {
        State::Damaged(reason.to_owned())
    }

    #[test]
    fn a_marked_entry_is_whole_and_another_package_is_not() {
        let (root, entry) = installed();
        assert_eq!(state(&entry), State::Whole);
        let next = Package::with_integrity("linux-x64", "sha512-other".to_owned());
        let next = Entry::new(root.path().to_owned(), next);
        assert_eq!(state(&next), damaged("it came from another package"));
    }

    #[test]
    fn a_directory_without_its_marker_is_never_whole() {
        let (_root, entry) = installed();
        fs::remove_file(entry.directory().join(MARKER)).unwrap();
        assert_eq!(state(&entry), damaged("it has no marker"));
        fs::write(entry.directory().join(MARKER), "{").unwrap();
        assert_eq!(state(&entry), damaged("its marker is unreadable"));
        fs::remove_dir_all(entry.directory()).unwrap();
        assert_eq!(state(&entry), State::Missing);
    }

    #[test]
    fn a_changed_executable_is_noticed() {
        let (_root, entry) = installed();
        write_program(&entry, b"prog");
        assert_eq!(state(&entry), damaged("its executable has another size"));
        write_program(&entry, b"PROGRAM");
        touch(&entry, 1_000_000);
        assert_eq!(state(&entry), damaged("its executable has another content"));
        fs::remove_file(entry.executable()).unwrap();
        assert!(matches!(state(&entry), State::Damaged(_)));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_or_a_file_that_cannot_run_is_damaged() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_root, entry) = installed();
        fs::set_permissions(entry.executable(), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(state(&entry), damaged("its executable is unusable: it is not executable"));
        fs::remove_file(entry.executable()).unwrap();
        std::os::unix::fs::symlink("/bin/sh", entry.executable()).unwrap();
        let State::Damaged(reason) = state(&entry) else { panic!("a link passes for the executable") };
        assert!(reason.ends_with("is a link, which may lead anywhere"), "{reason}");
    }

    #[cfg(unix)]
    #[test]
    fn what_others_could_have_written_is_not_run() {
        use std::os::unix::fs::{PermissionsExt as _, chown};
        let set_mode =
            |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let (root, entry) = installed();
        let marker = entry.directory().join(MARKER);
        let parts = [(entry.executable(), 0o755), (marker, 0o644), (entry.directory(), 0o755)];
        for (part, mode) in &parts {
            for others in [0o002, 0o020] {
                set_mode(part, mode | others);
                let State::Damaged(reason) = state(&entry) else { panic!("{part:?} passes for whole") };
                assert!(reason.contains("can be written by other users"), "{reason}");
            }
            set_mode(part, *mode);
            // Only root can change the owner of a file.
            if chown(part, Some(54_321), None).is_ok() {
                let State::Damaged(reason) = state(&entry) else { panic!("{part:?} passes for whole") };
                assert!(reason.contains("belongs to the user 54321"), "{reason}");
                chown(part, Some(0), None).unwrap();
            }
        }
        assert_eq!(state(&entry), State::Whole);
        set_mode(root.path(), 0o777);
        let error = entry.state(&Stop::default()).unwrap_err();
        assert!(error.to_string().contains("can be written by other users (mode 777)"), "{error}");
    }

    #[test]
    fn a_copied_entry_is_valid_by_its_content_and_marked_again() {
        let (_root, entry) = installed();
        touch(&entry, 1_000_000);
        assert_eq!(state(&entry), State::Whole);
        let marker = fs::read(entry.directory().join(MARKER)).unwrap();
        assert_eq!(serde_json::from_slice::<Marker>(&marker).unwrap().executable.modified, 1_000_000);
    }
}
