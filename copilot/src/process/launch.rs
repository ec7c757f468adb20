//! The launch options of the CLI, and the command line and environment that they become. Pure.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use super::Program;
use super::locate::is_bare_name;
use super::telemetry::Telemetry;
use crate::error::{Error, ErrorKind, Result};
use crate::input::{check_name, check_path, check_secret};

/// The level of the CLI's own log.
///
/// Wire: the flag `--log-level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogLevel {
    /// The log stays empty.
    None,
    /// Errors only.
    Error,
    /// Errors and warnings.
    Warning,
    /// Also messages for users.
    Info,
    /// Also messages for developers.
    Debug,
    /// All messages.
    All,
}

impl LogLevel {
    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::All => "all",
        }
    }
}

/// The channel of a CLI that the client starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    /// The pipes of the child process.
    Stdio,
    /// A port on the loopback interface; with 0 the CLI chooses one.
    Tcp(u16),
}

/// The launch options of a CLI, as the client's builder collects them. Secrets only become variables of its environment,
/// never arguments.
#[derive(Clone, Default)]
pub(crate) struct LaunchOptions {
    pub(crate) cli_path: Option<PathBuf>,
    pub(crate) cli_args: Vec<OsString>,
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) state_dir: Option<PathBuf>,
    /// Whether the environment of this process is withheld.
    pub(crate) env_clear: bool,
    /// Variables that are set; they win over those that follow from other options, and later ones over earlier ones.
    pub(crate) env: Vec<(OsString, OsString)>,
    /// Variables that are removed, last of all.
    pub(crate) env_remove: Vec<OsString>,
    pub(crate) log_level: Option<LogLevel>,
    pub(crate) github_token: Option<String>,
    pub(crate) use_logged_in_user: Option<bool>,
    pub(crate) session_idle_timeout: Option<Duration>,
    pub(crate) telemetry: Option<Telemetry>,
}

impl LaunchOptions {
    /// Returns the name of an option that is set.
    pub(crate) fn first_set(&self) -> Option<&'static str> {
        [
            ("cli_path", self.cli_path.is_some()),
            ("cli_args", !self.cli_args.is_empty()),
            ("cwd", self.cwd.is_some()),
            ("state_dir", self.state_dir.is_some()),
            ("env_clear", self.env_clear),
            ("env", !self.env.is_empty()),
            ("env_remove", !self.env_remove.is_empty()),
            ("log_level", self.log_level.is_some()),
            ("github_token", self.github_token.is_some()),
            ("use_logged_in_user", self.use_logged_in_user.is_some()),
            ("session_idle_timeout", self.session_idle_timeout.is_some()),
            ("telemetry", self.telemetry.is_some()),
        ]
        .into_iter()
        .find_map(|(name, set)| set.then_some(name))
    }

    /// Returns whether `env` sets the variable.
    pub(crate) fn sets(&self, variable: &str) -> bool {
        self.env.iter().any(|(name, _)| name == variable)
    }

    /// Makes the paths absolute, and refuses values with which no process can be started.
    pub(crate) fn checked(mut self) -> Result<Self> {
        let refuse = |message| Err(Error::new(ErrorKind::Configuration, message));
        let paths =
            [("cli_path", &mut self.cli_path), ("cwd", &mut self.cwd), ("state_dir", &mut self.state_dir)];
        for (setter, path) in paths {
            let Some(path) = path else { continue };
            check_path(setter, &path.to_string_lossy())?;
            if setter == "cli_path" && is_bare_name(path) {
                continue;
            }
            // The CLI runs in another directory, where a relative path would be another one.
            *path = std::path::absolute(&*path).map_err(|source| {
                let message = format!("`{setter}` is {}, which cannot be made absolute", path.display());
                Error::with_source(ErrorKind::Configuration, message, source)
            })?;
        }
        if let Some(token) = &self.github_token {
            check_secret("github_token", "GitHub token", token)?;
        }
        let has_null = |text: &OsStr| text.as_encoded_bytes().contains(&0);
        let set = self.env.iter().map(|(name, _)| ("env", name));
        for (setter, name) in set.chain(self.env_remove.iter().map(|name| ("env_remove", name))) {
            check_name(setter, &name.to_string_lossy())?;
            if name.as_encoded_bytes().contains(&b'=') {
                let shown = name.display();
                return refuse(format!(
                    "`{setter}` has the name {shown:?}, and a variable's name has no `=`"
                ));
            }
        }
        if let Some((name, _)) = self.env.iter().find(|(_, value)| has_null(value)) {
            let shown = name.display();
            return refuse(format!(
                "`env`: the value of {shown} has a null byte, which no variable can hold"
            ));
        }
        if let Some(at) = self.cli_args.iter().position(|argument| has_null(argument)) {
            let number = at + 1;
            return refuse(format!(
                "`cli_args`: argument {number} has a null byte, which no command line can hold"
            ));
        }
        Ok(self)
    }
}

/// One start of the CLI.
pub(crate) struct Launch<'a> {
    pub(crate) program: Program,
    pub(crate) channel: Channel,
    /// The secret that a CLI on TCP demands from its clients.
    pub(crate) connection_token: Option<String>,
    pub(crate) options: &'a LaunchOptions,
}

const TOKEN_VARIABLE: &str = "COPILOT_SDK_AUTH_TOKEN";
/// Makes the CLI remove variables from the environment of every shell, MCP server and hook. The connection token needs
/// no such flag: each CLI that supports the token removes it from its own environment.
const SECRET_VARIABLES: &str = "--secret-env-vars";

/// The longest idle timeout in seconds with which CLIs start.
const LONGEST_IDLE: u64 = (1 << 53) - 1;

impl Launch<'_> {
    /// Returns the program to run and its arguments.
    pub(super) fn command_line(&self) -> (&OsStr, Vec<OsString>) {
        let options = self.options;
        let mut args: Vec<OsString> = Vec::new();
        let program = match &self.program {
            Program::Native(path) => path.as_os_str(),
            Program::Script { node, script } => {
                args.push(script.into());
                node.as_os_str()
            }
        };
        // `--server` is the spelling that every version accepts; without `--no-auto-update` a launcher may run
        // whichever version it finds in the user's cache.
        args.push("--server".into());
        match self.channel {
            Channel::Stdio => args.push("--stdio".into()),
            Channel::Tcp(0) => {}
            Channel::Tcp(port) => args.extend(["--port".into(), port.to_string().into()]),
        }
        args.push("--no-auto-update".into());
        if let Some(level) = options.log_level {
            args.extend(["--log-level".into(), level.as_str().into()]);
        }
        if options.github_token.is_some() {
            args.extend(["--auth-token-env".into(), TOKEN_VARIABLE.into()]);
            // With `=`, because the flag consumes every word that follows it.
            args.push(format!("{SECRET_VARIABLES}={TOKEN_VARIABLE}").into());
        }
        if !options.use_logged_in_user.unwrap_or(options.github_token.is_none()) {
            args.push("--no-auto-login".into());
        }
        if let Some(limit) = options.session_idle_timeout {
            let seconds = limit.as_secs().saturating_add(u64::from(limit.subsec_nanos() > 0)).max(1);
            // A longer limit is the same as none.
            if seconds <= LONGEST_IDLE {
                args.extend(["--session-idle-timeout".into(), seconds.to_string().into()]);
            }
        }
        args.extend(options.cli_args.iter().cloned());
        (program, args)
    }

    /// Returns the variables to set, in order; later ones win.
    pub(super) fn variables(&self) -> Vec<(OsString, OsString)> {
        let mut variables: Vec<(OsString, OsString)> = Vec::new();
        if let Some(token) = &self.options.github_token {
            variables.push((TOKEN_VARIABLE.into(), token.into()));
        }
        if let (Some(token), Channel::Tcp(_)) = (&self.connection_token, self.channel) {
            variables.push(("COPILOT_CONNECTION_TOKEN".into(), token.into()));
        }
        if let Some(directory) = &self.options.state_dir {
            variables.push(("COPILOT_HOME".into(), directory.into()));
        }
        if let Some(telemetry) = &self.options.telemetry {
            variables.extend(telemetry.environment());
        }
        variables.extend(self.options.env.iter().cloned());
        variables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(options: &LaunchOptions, channel: Channel) -> Launch<'_> {
        Launch { program: Program::Native("copilot".into()), channel, connection_token: None, options }
    }

    fn line(launch: &Launch<'_>) -> String {
        let (program, args) = launch.command_line();
        let words: Vec<_> = [program.to_owned()].into_iter().chain(args).collect();
        words.join(OsStr::new(" ")).into_string().unwrap()
    }

    fn variables(launch: &Launch<'_>) -> Vec<String> {
        let shown = |(name, value): &(OsString, OsString)| format!("{}={}", name.display(), value.display());
        launch.variables().iter().map(shown).collect()
    }

    #[test]
    fn command_lines() {
        let mut options = LaunchOptions::default();
        assert_eq!(line(&launch(&options, Channel::Stdio)), "copilot --server --stdio --no-auto-update");
        options.log_level = Some(LogLevel::Debug);
        assert_eq!(
            line(&launch(&options, Channel::Tcp(0))),
            "copilot --server --no-auto-update --log-level debug"
        );
        options.log_level = None;
        options.github_token = Some("secret".into());
        assert_eq!(
            line(&launch(&options, Channel::Tcp(80))),
            "copilot --server --port 80 --no-auto-update --auth-token-env COPILOT_SDK_AUTH_TOKEN \
             --secret-env-vars=COPILOT_SDK_AUTH_TOKEN --no-auto-login"
        );
        options.use_logged_in_user = Some(true);
        options.cli_args.push("--verbose".into());
        let mut script = launch(&options, Channel::Tcp(80));
        script.program = Program::Script { node: "node".into(), script: "index.js".into() };
        assert_eq!(
            line(&script),
            "node index.js --server --port 80 --no-auto-update --auth-token-env COPILOT_SDK_AUTH_TOKEN \
             --secret-env-vars=COPILOT_SDK_AUTH_TOKEN --verbose"
        );
    }

    #[test]
    fn the_connection_token_is_set_for_tcp_only_and_the_variables_of_env_win() {
        let mut options = LaunchOptions { state_dir: Some("state".into()), ..LaunchOptions::default() };
        options.env.push(("COPILOT_HOME".into(), "other".into()));
        let mut launch = launch(&options, Channel::Stdio);
        launch.connection_token = Some("token".into());
        assert_eq!(variables(&launch), ["COPILOT_HOME=state", "COPILOT_HOME=other"]);
        launch.channel = Channel::Tcp(0);
        assert_eq!(variables(&launch)[0], "COPILOT_CONNECTION_TOKEN=token");
    }

    #[test]
    fn the_idle_timeout_and_telemetry_precede_cli_args_and_env() {
        let options = LaunchOptions {
            session_idle_timeout: Some(Duration::from_millis(1500)),
            telemetry: Some(Telemetry::file("/t.jsonl")),
            cli_args: vec!["--last".into()],
            env: vec![("COPILOT_OTEL_SOURCE_NAME".into(), "mine".into())],
            ..LaunchOptions::default()
        };
        let launch = launch(&options, Channel::Stdio);
        assert!(line(&launch).ends_with(" --session-idle-timeout 2 --last"));
        let variables = variables(&launch);
        assert!(variables.len() > 2 && variables.last().unwrap() == "COPILOT_OTEL_SOURCE_NAME=mine");
    }

    #[test]
    fn an_idle_timeout_that_no_cli_can_represent_is_the_same_as_none() {
        let end = |limit: Duration| {
            let options = LaunchOptions { session_idle_timeout: Some(limit), ..LaunchOptions::default() };
            line(&launch(&options, Channel::Stdio)).split("--no-auto-update").last().unwrap().to_owned()
        };
        assert_eq!(end(Duration::ZERO), " --session-idle-timeout 1");
        assert_eq!(end(Duration::from_secs(LONGEST_IDLE)), format!(" --session-idle-timeout {LONGEST_IDLE}"));
        for limit in [Duration::new(LONGEST_IDLE, 1), Duration::from_secs(u64::MAX), Duration::MAX] {
            assert_eq!(end(limit), "", "{limit:?}");
        }
    }
}
