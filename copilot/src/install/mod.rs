//! Fetching of a pinned Copilot CLI into the user's cache.
//!
//! The path of a package: `platform` names it, `cache` knows its place, `workspace` gets the right to fill it,
//! `npm` fetches the tarball, `verify` checks it against `pinned`, `unpack` unpacks it, and one rename makes
//! it the cache's entry. What is here knows nothing of how a CLI is run.

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

/// Names a tarball to take instead of asking npm.
const TARBALL_VARIABLE: &str = "COPILOT_CLI_TARBALL";

/// How long fetching may take unless the program says otherwise: 130 MB over a slow line.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Puts the pinned Copilot CLI into a cache and says where it is.
///
/// The CLI is fetched once, by the user's own `npm pack`, so their registry, proxy, certificates and credentials
/// apply. Its sha512 is checked against the one this crate was released with before anything is unpacked, and the
/// package appears in the cache whole or not at all. Of several processes that want it at once, one fetches it and the
/// others wait. On a terminal a line on stderr shows the progress.
///
/// What the cache has is run later because nobody but this user and root can have written it: a cache that others can
/// write is refused, and a CLI that others could have changed is fetched anew. Hashing it before each start would take
/// half a second, and prove no more. The directories above the cache are the user's own care.
///
/// A client that finds no other CLI does this by itself; do it ahead of time where there is no network later, such as
/// in the build of an image.
///
/// | Variable | Meaning |
/// |---|---|
/// | `COPILOT_CACHE_DIR` | the cache's directory, in place of `copilot-tools` in the user's cache directory |
/// | `COPILOT_CLI_TARBALL` | the npm tarball of the CLI, made by `npm pack` elsewhere; npm is not run |
///
/// Checking and unpacking take two seconds, and ten times as long in builds whose dependencies are not optimised;
/// `[profile.dev.package.sha2]` with `opt-level = 3`, and the same for `miniz_oxide`, brings that down.
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
    /// An installer that takes its settings from the environment.
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

    /// Keeps the CLI in this directory, whatever `COPILOT_CACHE_DIR` says.
    pub fn cache_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache_dir = Some(directory.into());
        self
    }

    /// Unpacks this npm tarball of the CLI instead of asking npm; its hash is checked all the same.
    pub fn tarball(mut self, tarball: impl Into<PathBuf>) -> Self {
        self.tarball = Some(tarball.into());
        self
    }

    /// Gives up after this time, waiting for other processes included; 30 minutes when not set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Shows no progress, not even on a terminal.
    pub fn quiet(mut self) -> Self {
        self.progress = Progress::hidden();
        self
    }

    /// The path of the CLI if the cache has it whole; nothing is fetched.
    ///
    /// # Errors
    ///
    /// When there is no CLI for this platform, or the cache cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the look at the cache, which changes nothing.
    pub async fn cached(&self) -> Result<Option<PathBuf>> {
        let entry = self.entry()?;
        Ok((state(&entry).await? == State::Whole).then(|| entry.executable()))
    }

    /// The path of the CLI, after fetching it if the cache does not have it whole.
    ///
    /// # Errors
    ///
    /// When npm is not there or fails, what it fetched is not the pinned package, the cache cannot be written, the
    /// time is over, or there is no CLI for this platform. Nothing half done stays behind.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills npm, stops the unpacking and removes what there is of it.
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
                    ErrorKind::Config,
                    "the cache directory of the installer is unusable",
                    error,
                )
            })?,
            None => cache::root(std::env::consts::OS, |name| std::env::var_os(name))?,
        };
        Ok(Entry::new(root, package))
    }

    async fn fetch(&self, entry: &Entry) -> Result<()> {
        // Shared with the blocking work, so that nobody else gets the lock while that still runs.
        let workspace = Arc::new(Workspace::open(entry, &self.progress).await?);
        match state(entry).await? {
            // Another process did it while this one waited.
            State::Whole => return Ok(()),
            State::Missing => {}
            State::Damaged(reason) => {
                let directory = entry.directory();
                tracing::warn!(reason, directory = %directory.display(), "fetching the Copilot CLI anew");
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

/// Checks and unpacks `tarball`, and makes it the cache's entry.
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
    // One handle for both passes: what is unpacked is what was hashed, even if the path changes its meaning.
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

/// A reader that tells the progress what it has read.
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
