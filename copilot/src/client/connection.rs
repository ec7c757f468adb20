//! One connection to one CLI, from its start to its end.
//!
//! It owns the writer task and, if this client started the CLI, the process. The reader task ends with the cause of the
//! connection's end, after all pending requests have failed with it; the supervisor owns that task.

use std::future::{pending, poll_fn};
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use super::builder::{Options, Target};
use super::handshake::handshake;
use crate::compat;
use crate::error::{Error, ErrorKind, Result};
use crate::process::{Channel, Child, Launch, Program, locate, quoted};
use crate::protocol::connection::CliVersion;
use crate::random;
use crate::rpc::{self, Live, Peer};
use crate::session::link::Compat;
use crate::task::{self, DropGuard, Task};
use crate::transport::{FirstBytes, Transport, connect_tcp};

/// How long the output of a CLI is read that accepts no input any more, or that has exited.
const LAST_WORDS: Duration = Duration::from_millis(200);

pub(super) struct Connection {
    pub(super) peer: Peer,
    pub(super) cli: Arc<CliVersion>,
    /// The differences of the CLI from the newest one.
    pub(super) compat: Arc<dyn Compat>,
    /// The process, if this client started the CLI.
    pub(super) child: Option<Arc<Child>>,
    /// The `host:port` of a CLI on TCP.
    pub(super) address: Option<String>,
    _writer: Task,
}

impl Connection {
    /// Starts the CLI or connects to it, and performs the handshake. The second value is the reader task.
    pub(super) async fn open(options: &Options) -> Result<(Self, Task<Error>)> {
        // Outside of the time limit: the first search may download the CLI.
        let program = match options.target {
            Target::Spawn(_) => Some(locate(options.launch.cli_path.as_deref()).await?),
            _ => None,
        };
        let limit = options.startup_timeout;
        match timeout(limit, Self::establish(options, program)).await {
            Ok(connection) => connection,
            Err(_) => Err(not_ready(limit)),
        }
    }

    async fn establish(options: &Options, program: Option<Program>) -> Result<(Self, Task<Error>)> {
        let began = Instant::now();
        let path = program.as_ref().map(|program| program.path().to_owned());
        let (transport, child, token) = match &options.target {
            Target::Spawn(channel) => {
                let program = program.expect("it was located because a CLI is to be started");
                let (transport, child, token) = spawn(options, program, *channel).await?;
                (transport, Some(Arc::new(child)), token)
            }
            Target::Address(address) => {
                let transport = connect_tcp(address, options.startup_timeout).await?;
                (transport, None, options.connection_token.clone())
            }
            Target::Streams(streams) => (streams.connect()?, None, options.connection_token.clone()),
        };
        let Transport { reader, writer, address } = transport;
        let (reader, first_bytes) = FirstBytes::record(reader);
        let peer = Peer::new(writer);
        let (broken, unwritable) = oneshot::channel();
        let writer = task::spawn({
            let peer = peer.clone();
            async move {
                if let Err(error) = peer.write().await {
                    // A dropped reader has ended the connection already.
                    drop(broken.send(error));
                }
            }
        });
        let reader = task::spawn({
            // A runtime that is shut down drops its tasks, and calls on other runtimes must not wait for a reader that is
            // gone. After any other end this changes nothing: the first cause stays.
            let peer = DropGuard::new(peer.clone(), |peer| {
                peer.mark_lost();
                peer.close(&runtime_gone());
            });
            let child = child.clone();
            let (router, max_frame) = (Arc::clone(&options.router), options.max_frame);
            async move {
                let peer = &*peer;
                let read = rpc::read(peer, reader, &*router, max_frame);
                // Wakers and log subscribers of the program run here: every call ends although they may panic.
                let read = task::catch(until_broken(peer, read, unwritable, child.as_deref())).await;
                let cause = read.unwrap_or_else(|panic| {
                    let message = format!("a panic ended the connection to the CLI: {panic}");
                    Error::new(ErrorKind::Disconnected, message)
                });
                peer.mark_lost();
                peer.close(&cause);
                cause
            }
        });
        // From here on, the drop closes the connection.
        let cli = Arc::new(CliVersion::UNKNOWN);
        let compat = compat::of(&cli);
        let mut connection = Self { peer, cli, compat, child, address, _writer: writer };
        let shaking = handshake(&connection.peer, token.as_deref(), options.github_telemetry);
        let shaken = timeout(options.startup_timeout.saturating_sub(began.elapsed()), shaking).await;
        let shaken = shaken.unwrap_or_else(|_| {
            let error = not_ready(options.startup_timeout);
            // The error of a connection that ended has the tail of stderr already.
            Err(match &connection.child {
                Some(child) => Error::new(error.kind(), child.with_stderr(error.to_string())),
                None => error,
            })
        });
        let first_bytes = first_bytes.take();
        connection.cli = Arc::new(shaken.map_err(|error| explain(error, path.as_deref(), &first_bytes))?);
        connection.compat = compat::of(&connection.cli);
        connection.peer.set_remote(&connection.cli.to_string());
        check_state_directory(options, &connection.cli)?;
        options.router.providers.offer(&connection.peer, &connection.cli).await?;
        tracing::debug!(cli = %connection.cli, "connected to the CLI");
        Ok((connection, reader))
    }
}

fn not_ready(limit: Duration) -> Error {
    let message = format!("the CLI was not ready within {limit:?}; raise the limit with `startup_timeout`");
    Error::new(ErrorKind::Timeout, message)
}

/// Adds the name and the first output of a program that ended, or did not respond, before the end of the handshake.
fn explain(error: Error, path: Option<&Path>, first_bytes: &[u8]) -> Error {
    if !error.is_disconnected() && !error.is_timeout() {
        return error;
    }
    let program = match path {
        Some(path) => format!("{}", path.display()),
        None => "the program that listens there".to_owned(),
    };
    let begins =
        |name: &[u8]| first_bytes.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    // The beginning of a message may contain secrets.
    let message = if first_bytes.is_empty() || begins(b"Content-") {
        // A Copilot CLI may be slow, but does not end.
        let would = if error.is_timeout() { "" } else { ", which a Copilot CLI would" };
        format!("{program} did not answer the first request{would}: {error}")
    } else {
        format!("{program} is not a Copilot CLI, because it wrote {}: {error}", quoted(first_bytes))
    };
    error.context(message)
}

/// Returns the cause of the end of a connection whose tasks were dropped.
pub(super) fn runtime_gone() -> Error {
    let message = "the runtime that made this client has been shut down, and the connection to the CLI ended with it; \
                   make a client in each runtime, as in each `#[tokio::test]`, or keep the first runtime running";
    Error::new(ErrorKind::Closed, message)
}

/// Refuses a CLI that would ignore `state_dir` silently, and use the directory of the user.
fn check_state_directory(options: &Options, cli: &CliVersion) -> Result<()> {
    let set = |name: &str| options.launch.sets(name);
    let kept_apart = cli.has_state_directory() || (set("XDG_STATE_HOME") && set("XDG_CONFIG_HOME"));
    if options.launch.state_dir.is_none() || kept_apart {
        return Ok(());
    }
    let message = format!(
        "the CLI {cli} has no `state_dir`; set the variables XDG_STATE_HOME and XDG_CONFIG_HOME with `env`, or use CLI \
         1.0.10 or newer"
    );
    Err(Error::new(ErrorKind::Unsupported, message))
}

/// Reads until one of the directions or the process ends. Returns the cause.
async fn until_broken(
    peer: &Peer,
    reading: impl Future<Output = Option<io::Error>>,
    unwritable: oneshot::Receiver<io::Error>,
    child: Option<&Child>,
) -> Error {
    let unwritable = async {
        match unwritable.await {
            Ok(error) => {
                // A CLI that exits closes both directions, and its last output is read.
                sleep(LAST_WORDS).await;
                error
            }
            // Closed by this client; the reader task ends with its owner.
            Err(_) => pending().await,
        }
    };
    let exited = async {
        let Some(child) = child else { return pending().await };
        child.exited().await;
        // A child process of the CLI may keep its pipes open.
        sleep(LAST_WORDS).await;
    };
    let (mut reading, mut unwritable, mut exited) = (pin!(reading), pin!(unwritable), pin!(exited));
    // The futures are polled in place, and none is polled after its end.
    let (what, ended) = poll_fn(|cx| {
        if let Poll::Ready(ended) = reading.as_mut().poll(cx) {
            return Poll::Ready(("the connection to the CLI ended", ended));
        }
        if let Poll::Ready(error) = unwritable.as_mut().poll(cx) {
            return Poll::Ready(("the CLI does not accept input any more", Some(error)));
        }
        exited.as_mut().poll(cx).map(|()| ("the CLI has exited", None))
    })
    .await;
    // New calls wait for the next connection while the cause of this end is determined.
    peer.mark_lost();
    match (child, ended) {
        (Some(child), ended) => child.explain(what, ended).await,
        (None, Some(source)) => Error::with_source(ErrorKind::Disconnected, what, source),
        (None, None) => Error::new(ErrorKind::Disconnected, format!("{what}: it closed its side")),
    }
}

impl Live for Arc<Connection> {
    fn is_live(&self) -> bool {
        self.peer.is_live()
    }
}

impl Connection {
    /// Closes the connection: every pending and every later request fails with `cause`.
    pub(super) fn close(&self, cause: &Error) {
        if self.child.is_none() {
            // This CLI continues without the client, and so would the sessions that were dropped.
            self.peer.write_held();
        }
        self.peer.close(cause);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close(&Error::new(ErrorKind::Closed, "the client was dropped"));
        if let Some(child) = &self.child {
            // The reader task may own the child a little longer.
            child.terminate();
        }
    }
}

/// Starts the CLI. Returns its transport, its process, and its connection token.
async fn spawn(
    options: &Options,
    program: Program,
    channel: Channel,
) -> Result<(Transport, Child, Option<String>)> {
    tracing::debug!(program = %program.path().display(), "starting the CLI");
    let connection_token = match channel {
        Channel::Stdio => None,
        // Every user of this machine could connect, so there is always a token.
        Channel::Tcp(_) => Some(options.connection_token.clone().unwrap_or_else(random::token)),
    };
    let launch = Launch { program, channel, connection_token, options: &options.launch };
    let (mut child, pipes, stdout) = Child::spawn(&launch)?;
    if let Some((stdout, stdin)) = pipes {
        return Ok((Transport::new(stdout, stdin), child, None));
    }
    let stdout = stdout.expect("a CLI without pipes announces its port on stdout");
    let port = child.port(stdout, options.startup_timeout).await?;
    let transport = connect_tcp(&format!("127.0.0.1:{port}"), Duration::from_secs(10)).await?;
    Ok((transport, child, launch.connection_token))
}
