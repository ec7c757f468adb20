//! A running CLI: its pipes, the tail of its stderr, and its exit.
//!
//! A thread waits for the exit (see `reaper.rs`). Dropping the [`Child`] sends SIGTERM, so that the CLI can stop its child
//! processes, and kills the whole group two seconds later. Stderr is always drained, and only its tail is kept.

use std::collections::VecDeque;
use std::fmt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::watch;
use tokio::time::timeout;

use super::Program;
use super::failure;
use super::launch::{Channel, Launch};
use super::orphans;
use super::reaper::{self, Exit, TerminateOnDrop, terminate_on_drop};
use crate::error::{Error, ErrorKind, Result};
use crate::random;
use crate::task::lock;
use crate::task::{self, Task};

/// The size of the tail of stderr, in bytes.
const STDERR_TAIL: usize = 8 << 10;
/// How long stderr is read after the exit of the CLI. A child process of it may keep the pipe open.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// How long the exit is awaited after the pipes have closed: they close shortly before it.
const EXIT: Duration = Duration::from_millis(200);
/// A line on stdout that is longer than this is not a port announcement.
const MAX_LINE: u64 = 64 << 10;

/// The pipes of a CLI that speaks over stdio.
pub(crate) type Pipes = (ChildStdout, ChildStdin);

/// A CLI that this process started; dropping it terminates the process group.
pub(crate) struct Child {
    process: TerminateOnDrop,
    has_input: bool,
    stderr: Arc<Mutex<Tail>>,
    /// Closed at the end of stderr.
    stderr_open: watch::Receiver<()>,
    _drains: Vec<Task>,
}

impl Child {
    /// Starts the CLI. The pipes are there only for [`Channel::Stdio`].
    pub(crate) fn spawn(launch: &Launch<'_>) -> Result<(Self, Option<Pipes>, Option<ChildStdout>)> {
        let (program, args) = launch.command_line();
        let mut command = Command::new(program);
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(match launch.channel {
            Channel::Stdio => Stdio::piped(),
            Channel::Tcp(_) => Stdio::null(),
        });
        if launch.options.env_clear {
            command.env_clear();
        }
        let mark = random::id();
        command.env(orphans::VARIABLE, &mark).envs(launch.variables());
        for name in &launch.options.env_remove {
            command.env_remove(name);
        }
        if let Some(directory) = &launch.options.cwd {
            command.current_dir(directory);
        }
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let refused = |source: std::io::Error| {
            let reason = failure::reason(launch, &source);
            let message = format!("cannot start {}: {reason}", launch.program.path().display());
            Error::with_source(ErrorKind::Cli, message, source)
        };
        let options = launch.options;
        let state_problem = || options.state_dir.as_deref().and_then(failure::state_directory_problem);
        let problem = options.cwd.as_deref().and_then(failure::directory_problem).or_else(state_problem);
        if let Some(problem) = problem {
            return Err(Error::new(ErrorKind::Configuration, problem));
        }
        if let Program::Native(path) = &launch.program
            && let Some(problem) = failure::other_machine(path)
        {
            return Err(Error::new(ErrorKind::Cli, format!("cannot start {}: {problem}", path.display())));
        }
        // A CLI over stdio exits at the end of its input.
        let by_signal = launch.channel != Channel::Stdio;
        let started = reaper::start(command, mark, by_signal).map_err(refused)?;
        let (open, stderr_open) = watch::channel(());
        let mut child = Self {
            process: terminate_on_drop(started.process),
            has_input: started.stdin.is_some(),
            stderr: Arc::default(),
            stderr_open,
            _drains: Vec::new(),
        };
        // From here on a failure drops the child, which terminates it.
        let errors =
            ChildStderr::from_std(started.stderr.expect("stderr was piped above")).map_err(refused)?;
        // The pipes do not work without the runtime, so the process ends with it, although a client may hold the child.
        let end_with_runtime = terminate_on_drop(Arc::clone(&child.process));
        let stderr = Arc::clone(&child.stderr);
        child._drains.push(task::spawn(async move {
            drain(errors, stderr).await;
            drop(open);
            end_with_runtime.ended().await;
        }));
        let stdout =
            ChildStdout::from_std(started.stdout.expect("stdout was piped above")).map_err(refused)?;
        Ok(match started.stdin {
            Some(stdin) => {
                let stdin = ChildStdin::from_std(stdin).map_err(refused)?;
                (child, Some((stdout, stdin)), None)
            }
            None => (child, None, Some(stdout)),
        })
    }

    /// Reads stdout until the CLI announces its port, and then drains it.
    pub(crate) async fn port(&mut self, stdout: ChildStdout, limit: Duration) -> Result<u16> {
        let mut stdout = BufReader::new(stdout);
        let announced = async {
            let mut line = Vec::new();
            let mut first = None;
            loop {
                line.clear();
                let read = (&mut stdout).take(MAX_LINE).read_until(b'\n', &mut line).await;
                if !matches!(read, Ok(1..)) {
                    return Err(first);
                }
                if let Some(port) = announced_port(&line) {
                    return Ok(port);
                }
                first.get_or_insert_with(|| quoted(&line));
            }
        };
        match timeout(limit, announced).await {
            Ok(Ok(port)) => {
                self._drains.push(task::spawn(drain(stdout, Arc::default())));
                Ok(port)
            }
            Ok(Err(first)) => {
                let wrote = first.map(|line| format!("; it wrote {line}, so it may not be a Copilot CLI"));
                let what = format!("the CLI ended before it listened{}", wrote.unwrap_or_default());
                Err(self.explain(&what, None).await)
            }
            Err(_) => {
                let message = format!("the CLI did not announce its port within {limit:?}");
                Err(Error::new(ErrorKind::Timeout, self.with_stderr(message)))
            }
        }
    }

    /// Returns the error of a connection that ended: `what`, the exit status, and the tail of stderr.
    pub(crate) async fn explain(&self, what: &str, source: Option<std::io::Error>) -> Error {
        let ended = timeout(EXIT, self.process.exited()).await.ok().flatten();
        if ended.is_some() {
            // The last lines may not be read yet. No value is sent, so this waits until the sender is dropped.
            drop(timeout(LAST_WORDS, self.stderr_open.clone().changed()).await);
        }
        let status = match ended {
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

    /// Appends the tail of stderr to a message.
    pub(crate) fn with_stderr(&self, mut message: String) -> String {
        let tail = lock(&self.stderr).text();
        if let Some(option) = unknown_option(&tail) {
            message += &format!("; this CLI is too old for {option}");
        }
        if !tail.is_empty() {
            message += "; the end of its stderr:\n";
            message += &tail;
        }
        message
    }

    /// Waits at most `limit` for the exit and the end of the orphans.
    pub(crate) async fn wait(&self, limit: Duration) -> Option<Exit> {
        timeout(limit, self.process.ended()).await.ok().flatten()
    }

    /// Waits for the exit.
    pub(crate) async fn exited(&self) {
        self.process.exited().await;
    }

    /// Sends SIGTERM to the process group; with `force`, SIGKILL.
    pub(crate) fn kill(&self, force: bool) {
        self.process.kill(force);
    }

    /// Terminates it without waiting.
    pub(crate) fn terminate(&self) {
        self.process.terminate();
    }

    /// Returns whether it reads its standard input, and so exits at its end.
    pub(crate) fn exits_with_its_input(&self) -> bool {
        self.has_input
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child").field("pid", &self.pid()).finish_non_exhaustive()
    }
}

/// Returns the option of the builder whose flag the CLI does not support, by the error on its stderr.
fn unknown_option(stderr: &str) -> Option<&'static str> {
    let (_, rest) = stderr.split_once("unknown option '")?;
    match rest.split('\'').next()? {
        "--no-auto-login" => Some("`use_logged_in_user(false)` and for `github_token`"),
        "--auth-token-env" => Some("`github_token`"),
        "--secret-env-vars" => Some(
            "`github_token`, which it would hand on to every process that it starts; to accept that, set the variable \
             COPILOT_GITHUB_TOKEN with `env`",
        ),
        _ => None,
    }
}

/// Returns the port in a line such as `CLI server listening on port 4321`.
fn announced_port(line: &[u8]) -> Option<u16> {
    const PHRASE: &str = "listening on port ";
    let line = String::from_utf8_lossy(line).to_ascii_lowercase();
    let rest = &line[line.find(PHRASE)? + PHRASE.len()..];
    let digits = &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())];
    digits.parse().ok()
}

/// Returns the first line of some output, for an error.
pub(crate) fn quoted(output: &[u8]) -> String {
    /// The longest line, in characters.
    const MAX: usize = 100;
    let line =
        output.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let line = String::from_utf8_lossy(line.trim_ascii());
    let end = line.char_indices().nth(MAX).map_or(line.len(), |(at, _)| at);
    let more = if end < line.len() { "…" } else { "" };
    format!("{:?}{more}", &line[..end])
}

/// Reads to the end and keeps the tail.
async fn drain(mut source: impl AsyncRead + Unpin, tail: Arc<Mutex<Tail>>) {
    let mut chunk = [0; 4096];
    // An error is treated as the end.
    while let Ok(read @ 1..) = source.read(&mut chunk).await {
        lock(&tail).push(&chunk[..read]);
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
    use super::super::launch::LaunchOptions;
    use super::*;

    #[test]
    fn the_port_is_read_from_the_announcement() {
        assert_eq!(announced_port(b"CLI server listening on port 4321\n"), Some(4321));
        assert_eq!(announced_port(b"Server Listening On Port 80, ready"), Some(80));
        assert_eq!(announced_port(b"listening on port 99999"), None);
        assert_eq!(announced_port(b"\xff listening on"), None);
    }

    #[test]
    fn a_flag_that_an_old_cli_does_not_support_is_reported_as_the_option_of_the_builder() {
        let option = unknown_option("error: unknown option '--no-auto-login'\n\nTry 'copilot --help'");
        assert!(option.is_some_and(|option| option.contains("use_logged_in_user")), "{option:?}");
        for (flag, option) in
            [("--auth-token-env", "`github_token`"), ("--secret-env-vars", "COPILOT_GITHUB_TOKEN")]
        {
            let named = unknown_option(&format!("error: unknown option '{flag}'")).unwrap();
            assert!(named.contains(option), "{named}");
        }
        assert_eq!(unknown_option("error: unknown option '--mine'"), None);
        assert_eq!(unknown_option("error: out of memory"), None);
    }

    #[test]
    fn a_long_line_is_quoted_up_to_its_hundredth_character() {
        assert_eq!(quoted(b"\n \n hello \nsecond"), r#""hello""#);
        let line = |length: usize| quoted("é".repeat(length).as_bytes());
        assert_eq!(line(100), format!("{:?}", "é".repeat(100)));
        assert_eq!(line(101), format!("{:?}…", "é".repeat(100)));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_last_lines_of_a_cli_are_in_the_error() {
        let mut script = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut script, b"echo out of cheese >&2; exit 3").unwrap();
        let program = Program::Script { node: "sh".into(), script: script.path().to_owned() };
        let options = LaunchOptions::default();
        let launch = Launch { program, channel: Channel::Stdio, connection_token: None, options: &options };
        let (child, _pipes, _) = Child::spawn(&launch).unwrap();
        // The runtime has no time to read before it has ended.
        while !child.process.has_ended() {
            std::thread::yield_now();
        }
        let error = child.explain("gone", None).await.to_string();
        assert!(error.contains("exit status: 3") && error.contains("out of cheese"), "{error}");
    }

    #[test]
    fn only_the_tail_of_stderr_is_kept() {
        let mut tail = Tail::default();
        for _ in 0..100 {
            tail.push(&[b'x'; 1000]);
        }
        tail.push(b"the end\n");
        assert!(tail.text().ends_with("the end") && tail.text().len() < STDERR_TAIL);
    }
}
