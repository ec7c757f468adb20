//! Fetches a package with the user's npm.
//!
//! npm applies the user's registry, proxy, certificates and credentials. It runs in the current directory, so that the
//! `.npmrc` of a project applies too.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::TARBALL_VARIABLE;
use super::pinned::Package;
use crate::{Error, ErrorKind, Result};

/// The size of the tail of npm's stderr that is kept, in bytes.
const STDERR_TAIL: u64 = 16 * 1024;

/// The maximum number of lines of stderr in an error.
const STDERR_LINES: usize = 12;

/// The npm executable, and additional environment variables.
#[derive(Clone, Debug)]
pub(super) struct Npm {
    pub(super) program: PathBuf,
    pub(super) environment: Vec<(OsString, OsString)>,
}

impl Default for Npm {
    fn default() -> Self {
        // On Windows npm is a batch file, which requires its full name.
        let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
        Self { program: program.into(), environment: Vec::new() }
    }
}

impl Npm {
    /// Runs `npm pack` for `package` in the empty `directory` and returns the path of the tarball.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills npm.
    pub(super) async fn pack(&self, package: &Package, directory: &Path) -> Result<PathBuf> {
        let mut command = Command::new(&self.program);
        // stderr is a file, so that no pipe has to be drained and a child that keeps it open does not block this task.
        let log = directory.join("npm-stderr.txt");
        let stderr = File::create(&log).map_err(|error| {
            Error::with_source(ErrorKind::Install, format!("cannot create `{}`", log.display()), error)
        })?;
        // Not `--silent`, which hides errors too.
        command
            .args(["pack", &package.spec(), "--pack-destination"])
            .arg(directory)
            .args(["--loglevel=error", "--progress=false", "--color=false"])
            .args(["--ignore-scripts", "--dry-run=false", "--no-update-notifier"])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .kill_on_drop(true);
        tracing::debug!(?command, "running npm");
        let mut child = command.spawn().map_err(|error| self.cannot_run(error))?;
        let status = child.wait().await.map_err(|error| self.cannot_run(error))?;
        if !status.success() {
            return Err(failed(package, &status.to_string(), &end_of(&log)));
        }
        tarball_in(directory)
    }

    fn cannot_run(&self, error: io::Error) -> Error {
        let program = self.program.display();
        let trouble = if error.kind() == io::ErrorKind::NotFound { "was not found" } else { "cannot be run" };
        let message = format!(
            "the Copilot CLI is fetched with npm, but `{program}` {trouble}; install Node.js, which brings npm, or \
             install the CLI yourself and set COPILOT_CLI_PATH to it, or set {TARBALL_VARIABLE} to its npm tarball"
        );
        Error::with_source(ErrorKind::Install, message, error)
    }
}

fn failed(package: &Package, status: &str, stderr: &str) -> Error {
    let spec = package.spec();
    let said = relevant_lines(stderr);
    let said = if said.is_empty() {
        "npm said nothing".to_owned()
    } else {
        format!(
            "npm said:
{said}
"
        )
    };
    let message = format!(
        "`npm pack {spec}` failed ({status}); {said}; see that this command works by itself (npm's registry, proxy \
         and login settings count here), or install the CLI yourself and set COPILOT_CLI_PATH to it, or fetch the \
         tarball elsewhere and set {TARBALL_VARIABLE} to it"
    );
    Error::new(ErrorKind::Install, message.replace("\n; ", "\n"))
}

/// Returns the path of the only tarball in `directory`.
fn tarball_in(directory: &Path) -> Result<PathBuf> {
    let mut tarballs = fs::read_dir(directory)
        .and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()
        })
        .map_err(|error| {
            Error::with_source(ErrorKind::Install, "cannot look for what npm has fetched", error)
        })?;
    tarballs.retain(|path| path.extension().is_some_and(|extension| extension == "tgz"));
    match tarballs.pop() {
        Some(tarball) if tarballs.is_empty() => Ok(tarball),
        _ => Err(Error::new(
            ErrorKind::Install,
            format!(
                "npm ended well but did not leave one tarball in `{}`; this needs npm 7.18 or newer",
                directory.display()
            ),
        )),
    }
}

/// Returns the tail of a text file; empty if it cannot be read, because the text only supplements an error.
fn end_of(path: &Path) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(STDERR_TAIL)))?;
        let mut bytes = Vec::new();
        file.take(STDERR_TAIL).read_to_end(&mut bytes)?;
        io::Result::Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_default()
}

/// Returns the relevant lines: those marked as errors by npm, if any, without stack traces.
fn relevant_lines(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.chars().filter(|c| !c.is_control()).collect::<String>().trim_end().to_owned())
        .filter(|line| !line.is_empty())
        .collect();
    let is_error = |line: &&String| line.starts_with("npm error") || line.starts_with("npm ERR!");
    let is_trace = |line: &&String| line.contains("    at ");
    let errors: Vec<_> = lines.iter().filter(is_error).filter(|line| !is_trace(line)).cloned().collect();
    let kept = if errors.is_empty() { lines } else { errors };
    // npm's first lines name the error; the following ones explain it.
    kept.into_iter().take(STDERR_LINES).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npms_errors_are_kept_and_its_noise_is_not() {
        let check = |text: &str, expected: &str| assert_eq!(relevant_lines(text), expected);
        check(
            "npm warn old\n\nnpm error code ENOTFOUND\nnpm error     at x (y.js)\nnpm error network down\n",
            "npm error code ENOTFOUND\nnpm error network down",
        );
        check("sh: \x1b[31mno such thing\x1b[0m\r\n", "sh: [31mno such thing[0m");
        check("", "");
    }

    #[test]
    fn only_the_end_of_much_text_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        fs::write(&log, format!("{}npm error last\n", "noise\n".repeat(100_000))).unwrap();
        let end = end_of(&log);
        assert_eq!(end.len() as u64, STDERR_TAIL);
        assert_eq!(relevant_lines(&end), "npm error last");
        assert_eq!(end_of(&directory.path().join("none")), "");
    }
}
