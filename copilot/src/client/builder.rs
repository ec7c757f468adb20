//! The builder of a client.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

use super::router::Router;
use super::streams::Streams;
use super::{Client, address};
use crate::error::{Error, ErrorKind, Result};
use crate::host::Providers;
use crate::input::check_secret;
use crate::metrics::Recorder;
use crate::process::{Channel, LaunchOptions, LogLevel, Telemetry};
use crate::protocol::secret::redacted;
use crate::session::core::Topics;
use crate::session::paths::Files;
use crate::trace::{Observation, Tracing};
use crate::transport::Transport;
use crate::transport::framing::DEFAULT_MAX_FRAME;

/// The default of `startup_timeout`.
const DEFAULT_STARTUP_TIMEOUT: Duration = Duration::from_secs(60);

/// The transport of a CLI that the client starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportKind {
    /// The pipes of the child process.
    #[default]
    Stdio,
    /// A loopback socket, protected by a connection token. CLIs without tokens (up to 1.0.32) are refused: they would
    /// serve every process that reaches the port, and up to 1.0.10 they listen on every interface.
    Tcp,
}

/// Configures a client. Created by [`Client::builder`].
#[must_use = "a builder does nothing until `start` is awaited or `lazy` called"]
pub struct ClientBuilder {
    topics: &'static Topics,
    cli_url: Option<String>,
    transport: Option<TransportKind>,
    port: Option<u16>,
    startup_timeout: Option<Duration>,
    max_frame: Option<usize>,
    auto_restart: Option<bool>,
    pub(super) launch: LaunchOptions,
    connection_token: Option<String>,
    github_telemetry: bool,
    pub(super) providers: Providers,
    #[cfg(feature = "cassette")]
    pub(super) launch_observer: Option<super::provide::LaunchObserver>,
    streams: Option<Streams>,
    tracing: Tracing,
    recorder: Recorder,
}

/// The options of a client, checked.
pub(super) struct Options {
    pub(super) target: Target,
    /// The location of the files of sessions.
    pub(super) files: Files,
    /// The sessions, which outlive a connection.
    pub(super) router: Arc<Router>,
    pub(super) auto_restart: bool,
    pub(super) startup_timeout: Duration,
    pub(super) max_frame: usize,
    pub(super) connection_token: Option<String>,
    pub(super) github_telemetry: bool,
    pub(super) launch: LaunchOptions,
    /// The spans and measurements of its sessions.
    pub(super) observation: Arc<Observation>,
}

/// The location of the CLI.
pub(super) enum Target {
    Spawn(Channel),
    Address(String),
    Streams(Streams),
}

impl ClientBuilder {
    pub(crate) fn new(topics: &'static Topics) -> Self {
        Self {
            topics,
            cli_url: None,
            transport: None,
            port: None,
            startup_timeout: None,
            max_frame: None,
            auto_restart: None,
            launch: LaunchOptions::default(),
            connection_token: None,
            github_telemetry: false,
            providers: Providers::default(),
            #[cfg(feature = "cassette")]
            launch_observer: None,
            streams: None,
            tracing: Tracing::default(),
            recorder: Recorder::default(),
        }
    }

    /// Sets the program of the CLI: a native `copilot`, or a script, which runs with the Node.js that the variable
    /// `COPILOT_NODE_PATH` names, or with the one on `PATH`. A bare name such as `copilot` is searched in `PATH`; a file
    /// in the current directory is `./copilot`. Default: the CLI that is found on this machine.
    pub fn cli_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.launch.cli_path = Some(path.into());
        self
    }

    /// Appends arguments to the command line of the CLI.
    pub fn cli_args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.launch.cli_args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets the address of a CLI that runs already: `PORT`, `host:port` or `http://host:port`. The client never stops
    /// it.
    ///
    /// The connection is not encrypted, so `https://` is refused; a CLI on another machine is reached through a tunnel,
    /// such as `ssh -L 4321:127.0.0.1:4321 host`.
    pub fn cli_url(mut self, url: impl Into<String>) -> Self {
        self.cli_url = Some(url.into());
        self
    }

    /// Sets the directory of the CLI, which must exist. Default: the current directory of this process.
    pub fn cwd(mut self, path: impl Into<PathBuf>) -> Self {
        self.launch.cwd = Some(path.into());
        self
    }

    /// Sets a variable in the CLI's environment.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.launch.env.push((name.into(), value.into()));
        self
    }

    /// Withholds the environment of this process from the CLI: it has only the variables of [`env`](Self::env) and
    /// those that the other options need. Default: the CLI inherits the environment.
    ///
    /// CLI 1.0.102 starts without any variable. Pass on those that the work needs: `PATH` for the programs that the
    /// agent runs (else the default directories of the system), and for a CLI that is a script, to find `node`;
    /// `SystemRoot` on Windows; `TMPDIR` and `LANG`; those of a proxy, such as `HTTPS_PROXY`, `NO_PROXY` and
    /// `NODE_EXTRA_CA_CERTS`; those of a login, such as `GH_TOKEN`. Without `HOME` the CLI uses the home directory of
    /// the user's account, unless [`state_dir`](Self::state_dir) is set.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Client;
    ///
    /// let mut builder = Client::builder().env_clear();
    /// for name in ["PATH", "HOME", "LANG"] {
    ///     if let Some(value) = std::env::var_os(name) {
    ///         builder = builder.env(name, value);
    ///     }
    /// }
    /// # drop(builder);
    /// ```
    pub fn env_clear(mut self) -> Self {
        self.launch.env_clear = true;
        self
    }

    /// Removes a variable from the CLI's environment.
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        self.launch.env_remove.push(name.into());
        self
    }

    /// Sets the transport. Default: [`TransportKind::Stdio`].
    pub fn transport(mut self, transport: TransportKind) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Sets the port of the CLI, with [`TransportKind::Tcp`]. Default: the CLI chooses one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Sets the level of the CLI's own log. Default: the CLI decides.
    pub fn log_level(mut self, level: LogLevel) -> Self {
        self.launch.log_level = Some(level);
        self
    }

    /// Sets the GitHub token that the CLI uses. It is passed in the environment of the CLI, never in its command line,
    /// and the CLI removes it from the environment of the shells, MCP servers and hooks that it starts. A process of
    /// the same user can still read the environment of the CLI itself, as it can read its memory. Tokens that this
    /// program has in its own environment, such as `GH_TOKEN`, do reach the processes that the CLI starts;
    /// [`env_remove`](Self::env_remove) withholds them. CLIs before 0.0.423 are refused.
    pub fn github_token(mut self, token: impl Into<String>) -> Self {
        self.launch.github_token = Some(token.into());
        self
    }

    /// Enables the login that the CLI finds on this machine. Default: on without a token, off with one. CLI 0.0.394
    /// always uses it.
    pub fn use_logged_in_user(mut self, on: bool) -> Self {
        self.launch.use_logged_in_user = Some(on);
        self
    }

    /// Sets the secret that a CLI on TCP requires from its clients. Default: a random one for a CLI that the client
    /// starts.
    pub fn connection_token(mut self, token: impl Into<String>) -> Self {
        self.connection_token = Some(token.into());
        self
    }

    /// Sets how long a session may be idle before the CLI evicts it. Default: without limit. CLIs before 1.0.57 do not
    /// start with this option.
    ///
    /// Wire: the flag `--session-idle-timeout`, in whole seconds.
    pub fn session_idle_timeout(mut self, limit: Duration) -> Self {
        self.launch.session_idle_timeout = Some(limit);
        self
    }

    /// Enables traces of the CLI. Default: off.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Client;
    /// use copilot::client::Telemetry;
    ///
    /// let builder = Client::builder().telemetry(Telemetry::otlp("http://127.0.0.1:4318").source_name("my-agent"));
    /// # drop(builder);
    /// ```
    ///
    /// Wire: variables in the CLI's environment, such as `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        self.launch.telemetry = Some(telemetry);
        self
    }

    /// Sets the contents of the library's own spans, and their place in a distributed trace. Default: spans without content
    /// in traces that end at this process.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Client;
    /// use copilot::trace::Tracing;
    ///
    /// let builder = Client::builder().tracing(Tracing::new().agent_name("refunds").content(true));
    /// # drop(builder);
    /// ```
    pub fn tracing(mut self, tracing: Tracing) -> Self {
        self.tracing = tracing;
        self
    }

    /// Enables measurements of this client and its sessions. Feature `metrics`. Default: off.
    #[cfg(feature = "metrics")]
    pub fn metrics(mut self, metrics: crate::metrics::Metrics) -> Self {
        self.recorder = metrics.into_recorder();
        self
    }

    /// Enables [`Client::github_telemetry`]: the CLI forwards the telemetry that it sends to GitHub. Default: off. CLIs
    /// before 1.0.82 do not forward it.
    ///
    /// Wire: `connect`, `enableGitHubTelemetryForwarding`.
    pub fn forward_github_telemetry(mut self, on: bool) -> Self {
        self.github_telemetry = on;
        self
    }

    /// Sets the directory of the CLI's sessions and settings, which the CLI creates if it does not exist. Default: the
    /// directory of the user. CLIs before 1.0.10 have no such option and are refused, unless [`env`](Self::env) sets the
    /// variables `XDG_STATE_HOME` and `XDG_CONFIG_HOME`.
    pub fn state_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.launch.state_dir = Some(path.into());
        self
    }

    /// Sets the time limit of a start, up to the end of the handshake. Default: one minute.
    pub fn startup_timeout(mut self, limit: Duration) -> Self {
        self.startup_timeout = Some(limit);
        self
    }

    /// Enables the restart of a lost CLI, or a new connection to it, and the resumption of its sessions.
    /// Default: on.
    ///
    /// Every running turn fails immediately with an error of kind [`Disconnected`](ErrorKind::Disconnected), and every
    /// running tool is cancelled. Sessions then continue with their tools, handlers and subscriptions, and emit
    /// [`EventKind::Restarted`](crate::EventKind::Restarted). Calls wait for the restart. The client ends after five
    /// consecutive failed starts; the pauses between starts grow from 100 ms to 5 s.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::{EventKind, Session};
    ///
    /// let builder = Session::builder().on_event(|event| match event.kind() {
    ///     EventKind::Disconnected(_) => println!("the connection is lost"),
    ///     EventKind::Restarted(restarted) => println!("restarted after: {}", restarted.cause),
    ///     EventKind::TurnStalled(stalled) => println!("still waiting for {:?}", stalled.waiting_for),
    ///     _ => {}
    /// });
    /// # drop(builder);
    /// ```
    pub fn auto_restart(mut self, on: bool) -> Self {
        self.auto_restart = Some(on);
        self
    }

    /// Sets the largest message that is accepted from the CLI, in bytes. Default: 256 MiB.
    pub fn max_frame_bytes(mut self, bytes: u32) -> Self {
        self.max_frame = Some(bytes as usize);
        self
    }

    /// Sets streams of the program as the connection.
    pub(crate) fn streams(
        self,
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        self.streams_from(Streams::external(Transport::new(reader, writer)))
    }

    pub(crate) fn streams_from(mut self, streams: Streams) -> Self {
        self.streams = Some(streams);
        self
    }

    /// Starts the CLI, or connects to it.
    ///
    /// # Errors
    ///
    /// Returns an error if options exclude each other, no CLI is found, it cannot be started, or the start exceeds the
    /// [time limit](Self::startup_timeout).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future terminates a CLI that it started.
    ///
    /// Wire: `connect`, to the CLI.
    pub async fn start(self) -> Result<Client> {
        self.start_boxed().await
    }

    /// Boxed, so that the crate of the user does not compile it again.
    fn start_boxed(self) -> BoxFuture<'static, Result<Client>> {
        Box::pin(async move {
            let client = self.lazy()?;
            client.connection().await?;
            Ok(client)
        })
    }

    /// Returns a client that starts the CLI at its first use.
    ///
    /// # Errors
    ///
    /// Returns an error if options exclude each other.
    pub fn lazy(self) -> Result<Client> {
        Ok(Client::new(self.check()?))
    }

    /// Returns the location of the files of sessions: this machine if the client starts the CLI.
    pub(super) fn files(&self) -> Files {
        let external = self.streams.as_ref().is_some_and(|streams| streams.external);
        let remote = self.cli_url.is_some() || external || self.providers.keeps_files();
        files(remote, self.streams.is_none(), self.launch.cwd.as_deref())
    }

    /// Disables the user's keychain for a CLI that the client starts, unless `env` enables it.
    pub(super) fn without_keychain(mut self) -> Self {
        if self.starts_cli() {
            self.launch.env.insert(0, ("COPILOT_DISABLE_KEYTAR".into(), "1".into()));
        }
        self
    }

    /// Returns whether the client starts its CLI.
    pub(super) fn starts_cli(&self) -> bool {
        self.cli_url.is_none() && self.streams.is_none()
    }

    #[cfg_attr(not(feature = "cassette"), expect(unused_mut, reason = "only a cassette changes the options"))]
    fn check(mut self) -> Result<Options> {
        #[cfg(feature = "cassette")]
        self.observe_launch();
        let files = self.files();
        let excludes = |one: &str, other: &str, why: &str| {
            let message = format!("`{one}` and `{other}` exclude each other: {why}; leave one out");
            Err(Error::new(ErrorKind::Configuration, message))
        };
        let tcp = self.transport == Some(TransportKind::Tcp);
        let external = self.streams.as_ref().is_some_and(|streams| streams.external);
        if external {
            let why = "the streams lead to a CLI that runs already";
            let other = self.launch.first_set().or(self.cli_url.is_some().then_some("cli_url"));
            let other = other.or(self.port.is_some().then_some("port"));
            if let Some(option) = other.or(self.transport.is_some().then_some("transport")) {
                return excludes("from_streams", option, why);
            }
        } else if self.cli_url.is_some() {
            let why = "the client does not start a CLI that runs already";
            if let Some(option) = self.launch.first_set() {
                return excludes("cli_url", option, why);
            }
            if self.port.is_some() {
                return excludes("cli_url", "port", "the port is part of the address");
            }
            if self.transport == Some(TransportKind::Stdio) {
                return excludes("cli_url", "transport(Stdio)", why);
            }
        } else if !tcp {
            let token = self.connection_token.is_some() && self.streams.is_none();
            let set = [("port", self.port.is_some()), ("connection_token", token)];
            if let Some((option, _)) = set.into_iter().find(|(_, is_set)| *is_set) {
                let message = format!(
                    "`{option}` needs `transport(TransportKind::Tcp)`, because a CLI over stdio has neither port nor token; \
                     set that transport, or leave `{option}` out"
                );
                return Err(Error::new(ErrorKind::Configuration, message));
            }
        }
        if let Some(token) = &self.connection_token {
            check_secret("connection_token", "connection token", token)?;
        }
        let launch = self.launch.checked()?;
        let secrets = [launch.github_token.clone(), self.connection_token.clone()].into_iter().flatten();
        let observation = Observation::new(self.tracing, self.recorder, launch.telemetry.is_some(), secrets);
        let target = match (self.streams, self.cli_url.as_deref()) {
            (Some(streams), _) => Target::Streams(streams),
            (None, Some(url)) => Target::Address(address::parse(url)?),
            (None, None) if tcp => Target::Spawn(Channel::Tcp(self.port.unwrap_or(0))),
            (None, None) => Target::Spawn(Channel::Stdio),
        };
        Ok(Options {
            target,
            files,
            router: Arc::new(Router::new(self.providers, self.topics)),
            auto_restart: self.auto_restart.unwrap_or(true) && !external,
            startup_timeout: self.startup_timeout.unwrap_or(DEFAULT_STARTUP_TIMEOUT),
            max_frame: self.max_frame.unwrap_or(DEFAULT_MAX_FRAME),
            connection_token: self.connection_token,
            github_telemetry: self.github_telemetry,
            launch,
            observation: Arc::new(observation),
        })
    }
}

impl Options {
    /// Returns whether the client starts its CLI, which then has no other clients.
    pub(super) fn starts_cli(&self) -> bool {
        matches!(self.target, Target::Spawn(_))
    }

    /// Returns whether the CLI keeps its files apart from those of the user. Assumed for a CLI that runs already.
    pub(super) fn keeps_own_state(&self) -> bool {
        if self.router.providers.keeps_files() {
            return true;
        }
        match self.target {
            Target::Spawn(_) => self.launch.state_dir.is_some() || self.launch.sets("COPILOT_HOME"),
            _ => true,
        }
    }
}

/// Returns the location of the files of sessions; with `checked` they must exist.
fn files(remote: bool, checked: bool, directory: Option<&Path>) -> Files {
    if remote {
        return Files::ELSEWHERE;
    }
    let start = directory.unwrap_or(Path::new(""));
    // Without a current directory, a relative path is refused later.
    let start = std::env::current_dir().map_or_else(|_| start.to_owned(), |here| here.join(start));
    Files::here(start, checked)
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("cli_url", &self.cli_url.as_deref().map(redacted))
            .field("cli_path", &self.launch.cli_path)
            .field("transport", &self.transport)
            .field("github_token", &self.launch.github_token.as_ref().map(|_| "<redacted>"))
            .field("connection_token", &self.connection_token.as_ref().map(|_| "<redacted>"))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(builder: ClientBuilder) -> String {
        builder.lazy().unwrap_err().to_string()
    }

    #[test]
    fn options_that_exclude_each_other_are_both_named() {
        let url = || Client::builder().cli_url("4321");
        for (builder, other) in [
            (url().cli_path("x"), "cli_path"),
            (url().env("A", "b"), "env"),
            (url().github_token("t"), "github_token"),
            (url().port(1), "port"),
            (url().transport(TransportKind::Stdio), "transport(Stdio)"),
        ] {
            let refused = refusal(builder);
            assert!(refused.contains("`cli_url`") && refused.contains(&format!("`{other}`")), "{refused}");
        }
        assert!(refusal(Client::builder().port(1)).contains("`port` needs `transport(TransportKind::Tcp)`"));
        let refused = refusal(Client::builder().connection_token("secret"));
        assert!(refused.contains("`connection_token`") && !refused.contains("secret"), "{refused}");
        assert!(Client::builder().transport(TransportKind::Tcp).port(1).lazy().is_ok());
    }

    #[test]
    fn paths_belong_to_the_machine_of_the_cli() {
        let here = std::env::current_dir().unwrap();
        let shown = |builder: ClientBuilder| format!("{:?}", builder.files());
        let files = |start: &Path, checked| format!("{:?}", Files::here(start.to_owned(), checked));
        // Joined as a relative start is, with a separator at the end.
        let here = here.join("");
        assert_eq!(shown(Client::builder()), files(&here, true));
        assert_eq!(shown(Client::builder().cwd("below")), files(&here.join("below"), true));
        let elsewhere = format!("{:?}", Files::ELSEWHERE);
        assert_eq!(shown(Client::builder().cli_url("4321")), elsewhere);
        let files_of_the_program = crate::host::session_fs::MemoryFs::new();
        assert_eq!(shown(Client::builder().session_fs(files_of_the_program)), elsewhere);
        let (reader, writer) = (tokio::io::empty(), tokio::io::sink());
        assert_eq!(shown(Client::from_streams(reader, writer)), elsewhere);
        // Files of the fake CLI need not exist.
        let streams = Streams::in_process(|| unreachable!("nothing connects"));
        assert_eq!(shown(Client::builder().streams_from(streams)), files(&here, false));
    }

    #[test]
    fn the_port_and_the_transport_choose_the_channel() {
        let target = |builder: ClientBuilder| builder.check().unwrap().target;
        let tcp = || Client::builder().transport(TransportKind::Tcp);
        assert!(matches!(target(Client::builder()), Target::Spawn(Channel::Stdio)));
        assert!(matches!(target(tcp()), Target::Spawn(Channel::Tcp(0))));
        assert!(matches!(target(tcp().port(4321)), Target::Spawn(Channel::Tcp(4321))));
        let url = Client::builder().cli_url("4321").connection_token("secret");
        let options = url.check().unwrap();
        assert!(matches!(&options.target, Target::Address(address) if address == "127.0.0.1:4321"));
        assert!(!options.starts_cli());
        assert!(tcp().connection_token("secret").check().unwrap().starts_cli());
    }

    #[test]
    fn only_a_cli_that_the_client_starts_is_kept_from_the_keychain() {
        let sets = |builder: ClientBuilder| builder.without_keychain().launch.sets("COPILOT_DISABLE_KEYTAR");
        assert!(sets(Client::builder()));
        let (reader, writer) = (tokio::io::empty(), tokio::io::sink());
        for builder in [Client::builder().cli_url("4321"), Client::from_streams(reader, writer)] {
            assert!(!sets(builder));
        }
    }

    #[test]
    fn tokens_do_not_show() {
        let shown = format!("{:?}", Client::builder().github_token("gho_1").connection_token("tok_2"));
        assert!(!shown.contains("gho_1") && !shown.contains("tok_2"), "{shown}");
    }
}
