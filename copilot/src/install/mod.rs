//! Fetches a pinned Copilot CLI into the user's cache.
//!
//! The path of a package: `platform` selects it, `cache` has its entry, `workspace` locks the entry, `npm` fetches the
//! tarball, `verify` checks it against `pinned`, `unpack` unpacks it, and one rename makes it the entry of the cache.
//! This module does not depend on how a CLI is run.

mod cache;
mod job;
mod npm;
mod owner;
mod pinned;
mod platform;
mod progress;
#[cfg(test)]
mod tests;
mod unpack;
mod verify;
mod workspace;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use pinned::VERSION;

use self::cache::{CACHE_VARIABLE, Entry, State};
use self::job::Stop;
use self::npm::Npm;
use self::pinned::Package;
use self::progress::Progress;
use self::unpack::Limits;
use self::workspace::Workspace;
use crate::{Error, ErrorKind, Result};

/// The environment variable with a tarball to use instead of npm.
const TARBALL_VARIABLE: &str = "COPILOT_CLI_TARBALL";

/// The default timeout of fetching: 130 MB over a slow connection.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Fetches the pinned Copilot CLI into a cache and returns its path.
///
/// The CLI is fetched once with the user's `npm pack`, so that their registry, proxy, certificates and credentials
/// apply. Its sha512 is compared with the pinned one before anything is unpacked, and the package appears in the cache
/// complete or not at all. If several processes need it concurrently, one fetches it and the others wait. On a terminal
/// a line on stderr shows the progress.
///
/// A cached CLI is trusted because only this user and root have write access: a cache that others can write is
/// rejected, and a CLI that others could have changed is fetched again. A hash before each start would take half a
/// second without a stronger guarantee. The directories above the cache are the user's responsibility.
///
/// A client that finds no other CLI does this automatically. Use this type to fetch the CLI in advance, such as in the
/// build of an image.
///
/// | Variable | Meaning |
/// |---|---|
/// | `COPILOT_CACHE_DIR` | the cache directory; default: `copilot-tools` in the user's cache directory |
/// | `COPILOT_CLI_TARBALL` | a tarball of the CLI from `npm pack`; npm is not run |
///
/// Checking and unpacking take two seconds, and ten times as long with unoptimised dependencies.
/// `[profile.dev.package.sha2]` with `opt-level = 3`, and the same for `miniz_oxide`, reduces that.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> copilot::Result<()> {
/// use copilot::install::Installer;
///
/// let cli = Installer::new().cache_dir("/opt/copilot").ensure().await?;
/// println!("COPILOT_CLI_PATH={}", cli.display());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "an installer does nothing until `ensure` is awaited"]
pub struct Installer {
    cache_dir: Option<PathBuf>,
    tarball: Option<PathBuf>,
    timeout: Duration,
    progress: Progress,
    npm: Npm,
    package: Option<Package>,
    limits: Limits,
}

impl Installer {
    /// Creates an installer with the settings of the environment.
    pub fn new() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
        Self {
            cache_dir: None,
            tarball: variable(TARBALL_VARIABLE).map(PathBuf::from),
            timeout: DEFAULT_TIMEOUT,
            progress: Progress::on_terminal(),
            npm: Npm::default(),
            package: None,
            limits: Limits::default(),
        }
    }

    /// Sets the cache directory. Overrides `COPILOT_CACHE_DIR`.
    pub fn cache_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache_dir = Some(directory.into());
        self
    }

    /// Sets an npm tarball of the CLI to unpack instead of running npm. Its hash is checked too.
    pub fn tarball(mut self, tarball: impl Into<PathBuf>) -> Self {
        self.tarball = Some(tarball.into());
        self
    }

    /// Sets the timeout, which includes waiting for other processes. Default: 30 minutes.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Disables the progress line on a terminal.
    pub fn quiet(mut self) -> Self {
        self.progress = Progress::hidden();
        self
    }

    /// Returns the path of the CLI if the cache has a valid entry. Fetches nothing.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no CLI for this platform, or the cache cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future stops the check of the cache, which changes nothing.
    pub async fn cached(&self) -> Result<Option<PathBuf>> {
        let entry = self.entry()?;
        Ok((state(&entry).await? == State::Whole).then(|| entry.executable()))
    }

    /// Returns the path of the CLI, and fetches it first if the cache has no valid entry.
    ///
    /// # Errors
    ///
    /// Returns an error if npm is missing or fails, the fetched package is not the pinned one, the cache cannot be
    /// written, the timeout elapses, or there is no CLI for this platform. Partial downloads are removed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills npm, stops unpacking and removes the partial download.
    pub async fn ensure(self) -> Result<PathBuf> {
        let entry = self.entry()?;
        if state(&entry).await? == State::Whole {
            return Ok(entry.executable());
        }
        let fetched = tokio::time::timeout(self.timeout, self.fetch(&entry)).await;
        self.progress.clear();
        fetched.unwrap_or_else(|_| {
            let message = format!(
                "fetching the Copilot CLI took longer than {:?}; try again with a longer time limit, or install the \
                 CLI yourself and set COPILOT_CLI_PATH to it",
                self.timeout
            );
            Err(Error::new(ErrorKind::Timeout, message))
        })?;
        Ok(entry.executable())
    }

    fn entry(&self) -> Result<Entry> {
        let package = self.package.clone().map_or_else(platform::package, Ok)?;
        let root = match &self.cache_dir {
            Some(directory) => std::path::absolute(directory).map_err(|error| {
                Error::with_source(
                    ErrorKind::Configuration,
                    "the cache directory of the installer is unusable",
                    error,
                )
            })?,
            None => cache::root(std::env::consts::OS, |name| std::env::var_os(name))?,
        };
        Ok(Entry::new(root, package))
    }

    async fn fetch(&self, entry: &Entry) -> Result<()> {
        // Shared with the blocking work, which keeps the lock until it ends.
        let workspace = Arc::new(Workspace::open(entry, &self.progress).await?);
        match state(entry).await? {
            // Another process fetched it while this one waited.
            State::Whole => return Ok(()),
            State::Missing => {}
            State::Damaged(reason) => {
                let directory = entry.directory();
                tracing::warn!(reason, directory = %directory.display(), "downloading the Copilot CLI again");
            }
        }
        let package = entry.package();
        let tarball = match &self.tarball {
            Some(tarball) => tarball.clone(),
            None => {
                let platform = package.platform();
                self.progress
                    .step(&format!("fetching the Copilot CLI {VERSION} ({platform}) with npm, once"));
                self.npm.pack(package, &workspace.packed()).await?
            }
        };
        let (entry, progress, limits) = (entry.clone(), self.progress.clone(), self.limits);
        job::run(move |stop| put_into_cache(&tarball, &entry, &workspace, limits, &progress, stop)).await
    }
}

impl Default for Installer {
    fn default() -> Self {
        Self::new()
    }
}

async fn state(entry: &Entry) -> Result<State> {
    let entry = entry.clone();
    job::run(move |stop| {
        entry.state(stop).map_err(|error| {
            let root = entry.root().display();
            let what = format!(
                "cannot look for the Copilot CLI in the cache `{root}`; name another directory with {CACHE_VARIABLE}"
            );
            Error::with_source(ErrorKind::Install, what, error)
        })
    })
    .await
}

/// Checks and unpacks `tarball`, and makes it the entry of the cache.
fn put_into_cache(
    tarball: &Path,
    entry: &Entry,
    workspace: &Workspace,
    limits: Limits,
    progress: &Progress,
    stop: &Stop,
) -> Result<()> {
    let reading = |error: io::Error| {
        Error::with_source(
            ErrorKind::Install,
            format!("cannot read the tarball `{}`", tarball.display()),
            error,
        )
    };
    // One handle for both passes, so that the hashed file is unpacked even if the path is replaced.
    let mut file = File::open(tarball).map_err(reading)?;
    let size = file.metadata().map_err(reading)?.len();
    progress.bytes("checking the Copilot CLI", size);
    let found = verify::integrity(&file, progress, stop).map_err(reading)?;
    let expected = entry.package().integrity();
    if found != expected {
        let message = format!(
            "`{}` is not {}: its hash should be {expected} but is {found}; nothing was unpacked",
            tarball.display(),
            entry.package().spec()
        );
        return Err(Error::new(ErrorKind::Install, message));
    }
    file.rewind().map_err(reading)?;

    let writing = |error: io::Error| {
        let what = format!("cannot unpack the Copilot CLI into `{}`", entry.root().display());
        Error::with_source(ErrorKind::Install, what, error)
    };
    progress.bytes("unpacking the Copilot CLI", size);
    let unpacked = workspace.unpacked();
    let reader = BufReader::with_capacity(256 * 1024, Counted { reader: file, progress });
    unpack::unpack(reader, &unpacked, limits, stop).map_err(writing)?;
    let executable = File::open(unpacked.join(entry.package().executable())).map_err(writing)?;
    let crc32 = verify::checksum(executable, stop).map_err(writing)?;
    entry.mark(&unpacked, crc32).map_err(writing)?;
    workspace.publish(entry).map_err(writing)
}

/// A reader that reports the number of bytes to the progress line.
struct Counted<'a, R> {
    reader: R,
    progress: &'a Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.progress.advance(read);
        Ok(read)
    }
}
