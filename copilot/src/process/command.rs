//! The command line and environment of the CLI. Pure.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::Program;

/// How much the CLI writes to its own log. Wire: the flag `--log-level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogLevel {
    /// Nothing.
    None,
    /// Errors.
    Error,
    /// Errors and warnings.
    Warning,
    /// What a user may want to know.
    Info,
    /// What a developer may want to know.
    Debug,
    /// Everything.
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

/// What carries the frames of a CLI that we start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Stdio,
    /// A port on the loopback interface; 0 lets the CLI pick one.
    Tcp(u16),
}

/// Everything that decides how the CLI is started. Secrets are only in `environment`, never in the arguments.
#[derive(Clone)]
pub(crate) struct Launch {
    pub(crate) program: Program,
    pub(crate) carrier: Carrier,
    pub(crate) extra_args: Vec<OsString>,
    pub(crate) log_level: Option<LogLevel>,
    pub(crate) working_directory: Option<PathBuf>,
    pub(crate) state_directory: Option<PathBuf>,
    pub(crate) github_token: Option<String>,
    pub(crate) connection_token: Option<String>,
    pub(crate) use_logged_in_user: Option<bool>,
    /// Set and removed last, so they win.
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) removed_environment: Vec<OsString>,
}

const TOKEN_VARIABLE: &str = "COPILOT_SDK_AUTH_TOKEN";
/// Has the CLI remove variables from the environment of every shell, MCP server and hook. The connection token needs
/// no such flag: each CLI that knows the token removes it from its own environment.
const SECRET_VARIABLES: &str = "--secret-env-vars";

impl Launch {
    pub(crate) fn new(program: Program, carrier: Carrier) -> Self {
        Self {
            program,
            carrier,
            extra_args: Vec::new(),
            log_level: None,
            working_directory: None,
            state_directory: None,
            github_token: None,
            connection_token: None,
            use_logged_in_user: None,
            environment: Vec::new(),
            removed_environment: Vec::new(),
        }
    }

    /// The program to run and its arguments.
    pub(super) fn command_line(&self) -> (&OsStr, Vec<OsString>) {
        let mut args: Vec<OsString> = Vec::new();
        let program = match &self.program {
            Program::Native(path) => path.as_os_str(),
            Program::Script { node, script } => {
                args.push(script.into());
                node.as_os_str()
            }
        };
        // `--server` is the spelling that every version knows; without `--no-auto-update` a launcher may run
        // whichever version it finds in the user's cache.
        args.push("--server".into());
        match self.carrier {
            Carrier::Stdio => args.push("--stdio".into()),
            Carrier::Tcp(0) => {}
            Carrier::Tcp(port) => args.extend(["--port".into(), port.to_string().into()]),
        }
        args.push("--no-auto-update".into());
        if let Some(level) = self.log_level {
            args.extend(["--log-level".into(), level.as_str().into()]);
        }
        if self.github_token.is_some() {
            args.extend(["--auth-token-env".into(), TOKEN_VARIABLE.into()]);
            // With `=`, because the flag takes every word that follows it.
            args.push(format!("{SECRET_VARIABLES}={TOKEN_VARIABLE}").into());
        }
        if !self.use_logged_in_user.unwrap_or(self.github_token.is_none()) {
            args.push("--no-auto-login".into());
        }
        args.extend(self.extra_args.iter().cloned());
        (program, args)
    }

    /// The variables to set, in order; later ones win.
    pub(super) fn variables(&self) -> Vec<(&OsStr, &OsStr)> {
        let mut variables: Vec<(&OsStr, &OsStr)> = Vec::new();
        if let Some(token) = &self.github_token {
            variables.push((TOKEN_VARIABLE.as_ref(), token.as_ref()));
        }
        if let (Some(token), Carrier::Tcp(_)) = (&self.connection_token, self.carrier) {
            variables.push(("COPILOT_CONNECTION_TOKEN".as_ref(), token.as_ref()));
        }
        if let Some(directory) = &self.state_directory {
            variables.push(("COPILOT_HOME".as_ref(), directory.as_os_str()));
        }
        variables.extend(self.environment.iter().map(|(name, value)| (&**name, &**value)));
        variables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(launch: &Launch) -> String {
        let (program, args) = launch.command_line();
        let words: Vec<_> = [program.to_owned()].into_iter().chain(args).collect();
        words.join(OsStr::new(" ")).into_string().unwrap()
    }

    #[test]
    fn command_lines() {
        let mut launch = Launch::new(Program::Native("copilot".into()), Carrier::Stdio);
        assert_eq!(line(&launch), "copilot --server --stdio --no-auto-update");
        launch.carrier = Carrier::Tcp(0);
        launch.log_level = Some(LogLevel::Debug);
        assert_eq!(line(&launch), "copilot --server --no-auto-update --log-level debug");
        launch.carrier = Carrier::Tcp(80);
        launch.log_level = None;
        launch.github_token = Some("secret".into());
        assert_eq!(
            line(&launch),
            "copilot --server --port 80 --no-auto-update --auth-token-env COPILOT_SDK_AUTH_TOKEN \
             --secret-env-vars=COPILOT_SDK_AUTH_TOKEN --no-auto-login"
        );
        launch.use_logged_in_user = Some(true);
        launch.program = Program::Script { node: "node".into(), script: "index.js".into() };
        launch.extra_args.push("--verbose".into());
        assert_eq!(
            line(&launch),
            "node index.js --server --port 80 --no-auto-update --auth-token-env COPILOT_SDK_AUTH_TOKEN \
             --secret-env-vars=COPILOT_SDK_AUTH_TOKEN --verbose"
        );
    }

    #[test]
    fn the_connection_token_goes_to_tcp_only_and_the_users_variables_win() {
        let mut launch = Launch::new(Program::Native("copilot".into()), Carrier::Stdio);
        launch.connection_token = Some("token".into());
        launch.state_directory = Some("state".into());
        launch.environment.push(("COPILOT_HOME".into(), "other".into()));
        let names = |launch: &Launch| -> Vec<String> {
            launch
                .variables()
                .iter()
                .map(|(name, value)| format!("{}={}", name.display(), value.display()))
                .collect()
        };
        assert_eq!(names(&launch), ["COPILOT_HOME=state", "COPILOT_HOME=other"]);
        launch.carrier = Carrier::Tcp(0);
        assert_eq!(names(&launch)[0], "COPILOT_CONNECTION_TOKEN=token");
    }
}
