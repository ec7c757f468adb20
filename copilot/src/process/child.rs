//! A running CLI: its pipes, the end of its stderr, and its end.
//!
//! A task of its own waits for the exit, so that the process is reaped however it ends; dropping the [`Child`] kills
//! the whole group. Stderr is always drained, and only its tail is kept.

use std::collections::VecDeque;
use std::fmt;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use super::command::{Carrier, Launch};
use super::sys;
use crate::error::{Error, ErrorKind, Result};
use crate::task::{self, Task};

/// How much of the end of stderr is kept.
const STDERR_TAIL: usize = 8 << 10;
/// A line on stdout that is longer than this is no port announcement.
const MAX_LINE: u64 = 64 << 10;

/// The pipes of a CLI that speaks over stdio.
pub(crate) type Pipes = (ChildStdout, ChildStdin);

/// A CLI that we started; dropping it kills it and everything in its process group.
pub(crate) struct Child {
    pid: u32,
    has_input: bool,
    exit: watch::Receiver<Option<Exit>>,
    stderr: Arc<Mutex<Tail>>,
    /// Waits for the exit. It owns the process handle, whose drop kills.
    _reaper: Task,
    _drains: Vec<Task>,
}

/// How the process ended, or that its end could not be seen.
type Exit = std::result::Result<ExitStatus, Arc<std::io::Error>>;

impl Child {
    /// Starts the CLI. The pipes are there only for [`Carrier::Stdio`].
    pub(crate) fn spawn(launch: &Launch) -> Result<(Self, Option<Pipes>, Option<ChildStdout>)> {
        let (program, args) = launch.command_line();
        let mut command = Command::new(program);
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command.stdin(match launch.carrier {
            Carrier::Stdio => Stdio::piped(),
            Carrier::Tcp(_) => Stdio::null(),
        });
        command.envs(launch.variables());
        for name in &launch.removed_environment {
            command.env_remove(name);
        }
        if let Some(directory) = &launch.working_directory {
            command.current_dir(directory);
        }
        #[cfg(unix)]
        command.process_group(0);
        let mut process = command.spawn().map_err(|source| {
            let mut message = format!("cannot start {}", program.display());
            if let Some(directory) = &launch.working_directory {
                message += &format!(" in {}", directory.display());
            }
            if program != launch.program.path() {
                message += &format!(
                    ", which {} needs; install Node.js 22 or newer",
                    launch.program.path().display()
                );
            }
            Error::with_source(ErrorKind::Cli, message, source)
        })?;

        let pid = process.id().expect("the process was not waited for yet");
        let stdout = process.stdout.take().expect("stdout was piped above");
        let stdin = process.stdin.take();
        let stderr = Arc::new(Mutex::new(Tail::default()));
        let errors = process.stderr.take().expect("stderr was piped above");
        let drains = vec![task::spawn(drain(errors, Arc::clone(&stderr)))];
        let (exited, exit) = watch::channel(None);
        let reaper = task::spawn(async move {
            let status = process.wait().await.map_err(Arc::new);
            // What the CLI has started and left behind.
            sys::signal_group(pid, false);
            // Nobody may be watching any more.
            drop(exited.send(Some(status)));
        });
        let child = Self { pid, has_input: stdin.is_some(), exit, stderr, _reaper: reaper, _drains: drains };
        Ok(match stdin {
            Some(stdin) => (child, Some((stdout, stdin)), None),
            None => (child, None, Some(stdout)),
        })
    }

    /// Reads stdout until the CLI says which port it listens on, then goes on draining it.
    pub(crate) async fn port(&mut self, stdout: ChildStdout, limit: Duration) -> Result<u16> {
        let mut stdout = BufReader::new(stdout);
        let announced = async {
            let mut line = Vec::new();
            loop {
                line.clear();
                let read = (&mut stdout).take(MAX_LINE).read_until(b'\n', &mut line).await;
                if !matches!(read, Ok(1..)) {
                    return None;
                }
                if let Some(port) = announced_port(&line) {
                    return Some(port);
                }
            }
        };
        match timeout(limit, announced).await {
            Ok(Some(port)) => {
                self._drains.push(task::spawn(drain(stdout, Arc::default())));
                Ok(port)
            }
            Ok(None) => Err(self.explain("the CLI ended before it listened", None).await),
            Err(_) => {
                let message = format!("the CLI did not say within {limit:?} which port it listens on");
                Err(Error::new(ErrorKind::Timeout, self.with_stderr(message)))
            }
        }
    }

    /// The error for a connection that ended: `what`, how the process ended, and the end of its stderr.
    pub(crate) async fn explain(&self, what: &str, source: Option<std::io::Error>) -> Error {
        // Pipes close a little before the process is gone.
        let status = match self.wait(Duration::from_millis(500)).await {
            Some(Ok(status)) => format!(": it ended with {status}"),
            Some(Err(error)) => format!(": its end could not be seen ({error})"),
            None => ": it is still running".to_owned(),
        };
        let message = self.with_stderr(format!("{what}{status}"));
        match source {
            Some(source) => Error::with_source(ErrorKind::Disconnected, message, source),
            None => Error::new(ErrorKind::Disconnected, message),
        }
    }

    fn with_stderr(&self, mut message: String) -> String {
        let tail = self.stderr.lock().unwrap_or_else(PoisonError::into_inner).text();
        if let Some(option) = unknown_option(&tail) {
            message += &format!("; this CLI is too old for {option}");
        }
        if !tail.is_empty() {
            message += "; the end of its stderr:\n";
            message += &tail;
        }
        message
    }

    /// Waits at most `limit` for the exit.
    pub(crate) async fn wait(&self, limit: Duration) -> Option<Exit> {
        let mut exit = self.exit.clone();
        let exited = exit.wait_for(Option::is_some);
        match timeout(limit, exited).await {
            Ok(Ok(status)) => status.clone(),
            Ok(Err(_)) | Err(_) => None,
        }
    }

    /// Asks the whole group to end; with `force`, ends it.
    pub(crate) fn kill(&self, force: bool) {
        if self.exit.borrow().is_none() {
            sys::signal_group(self.pid, !force);
        }
    }

    /// Whether it reads from us, so that the end of what we write is its end.
    pub(crate) fn ends_with_its_input(&self) -> bool {
        self.has_input
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill(true);
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child").field("pid", &self.pid).finish_non_exhaustive()
    }
}

/// The builder's option that a CLI refused to start with, by the flag that it stands for.
fn unknown_option(stderr: &str) -> Option<&'static str> {
    let (_, rest) = stderr.split_once("unknown option '")?;
    match rest.split('\'').next()? {
        "--no-auto-login" => Some("`use_logged_in_user(false)` and for `github_token`"),
        "--auth-token-env" => Some("`github_token`"),
        _ => None,
    }
}

/// The port in a line such as `CLI server listening on port 4321`.
fn announced_port(line: &[u8]) -> Option<u16> {
    const PHRASE: &str = "listening on port ";
    let line = String::from_utf8_lossy(line).to_ascii_lowercase();
    let rest = &line[line.find(PHRASE)? + PHRASE.len()..];
    let digits = &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())];
    digits.parse().ok()
}

/// Reads to the end and keeps the last bytes.
async fn drain(mut source: impl AsyncRead + Unpin, tail: Arc<Mutex<Tail>>) {
    let mut chunk = [0; 4096];
    // An error means that nothing more comes, the same as the end.
    while let Ok(read @ 1..) = source.read(&mut chunk).await {
        tail.lock().unwrap_or_else(PoisonError::into_inner).push(&chunk[..read]);
    }
}

/// The last [`STDERR_TAIL`] bytes of a stream.
#[derive(Debug, Default)]
struct Tail(VecDeque<u8>);

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
        let excess = self.0.len().saturating_sub(STDERR_TAIL);
        self.0.drain(..excess);
    }

    fn text(&self) -> String {
        let (head, tail) = self.0.as_slices();
        String::from_utf8_lossy(&[head, tail].concat()).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_announcement() {
        assert_eq!(announced_port(b"CLI server listening on port 4321\n"), Some(4321));
        assert_eq!(announced_port(b"Server Listening On Port 80, ready"), Some(80));
        assert_eq!(announced_port(b"listening on port 99999"), None);
        assert_eq!(announced_port(b"\xff listening on"), None);
    }

    #[test]
    fn a_flag_that_an_old_cli_refuses_is_told_as_the_option_it_came_from() {
        let told = unknown_option("error: unknown option '--no-auto-login'\n\nTry 'copilot --help'");
        assert!(told.is_some_and(|told| told.contains("use_logged_in_user")), "{told:?}");
        assert_eq!(unknown_option("error: unknown option '--mine'"), None);
        assert_eq!(unknown_option("error: out of memory"), None);
    }

    #[test]
    fn only_the_end_of_stderr_is_kept() {
        let mut tail = Tail::default();
        for _ in 0..100 {
            tail.push(&[b'x'; 1000]);
        }
        tail.push(b"the end\n");
        assert!(tail.text().ends_with("the end") && tail.text().len() < STDERR_TAIL);
    }
}
