//! The handshake: the version and the protocol of the CLI, and the connection token.

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::connection::{
    CliVersion, ConnectParams, ConnectResponse, PROTOCOLS, PingParams, Pong, StatusResponse,
};
use crate::rpc::{NoParams, Peer};

const AUTHENTICATION_REQUIRED: i64 = -32001;
const AUTHENTICATION_FAILED: i64 = -32002;
const AUTHENTICATION_NOT_CONFIGURED: i64 = -32003;

/// Wire: `connect`, or `ping` and `status.get` on CLIs without it (up to 1.0.32).
pub(super) async fn handshake(
    peer: &Peer,
    token: Option<&str>,
    github_telemetry: bool,
) -> Result<CliVersion> {
    let params = ConnectParams { token, github_telemetry };
    let connected = peer.request("connect", &params).decoded::<ConnectResponse>().await;
    let knows_tokens = connected.is_ok();
    let (protocol, version) = match connected {
        Ok(answer) => (answer.protocol_version, answer.version),
        Err(error) if error.is_unsupported() => {
            let pong: Pong =
                peer.request("ping", &PingParams { message: None }).decoded().await.map_err(|error| {
                    match error {
                        error if error.is_unsupported() => not_a_cli(error),
                        error => error,
                    }
                })?;
            // The version is only used in errors, so it may be unknown.
            let status = peer.request("status.get", &NoParams {}).decoded::<StatusResponse>().await;
            (pong.protocol_version, status.ok().and_then(|status| status.version))
        }
        Err(error) => return Err(explain(error)),
    };
    let Some(protocol) = protocol else {
        let message = "the response of the CLI has no protocol version; is this a Copilot CLI?";
        return Err(Error::new(ErrorKind::Unsupported, message));
    };
    if PROTOCOLS.contains(&protocol) {
        let cli = CliVersion { protocol, version };
        if token.is_some() && !knows_tokens {
            return Err(unprotected(&cli));
        }
        return Ok(cli);
    }
    let version = version.as_deref().unwrap_or("of unknown version");
    let message = format!(
        "the CLI {version} speaks protocol {protocol}, this library {} to {}; update whichever is older",
        PROTOCOLS.start(),
        PROTOCOLS.end()
    );
    Err(Error::new(ErrorKind::Unsupported, message))
}

/// Without a token, every process that reaches the port can use the agent.
fn unprotected(cli: &CliVersion) -> Error {
    let message = format!(
        "the CLI {cli} does not support connection tokens, so over TCP it serves every process that reaches its port; \
         use `TransportKind::Stdio` or a newer CLI. With `cli_url`, leave `connection_token` out if that is intended"
    );
    Error::new(ErrorKind::Unsupported, message)
}

/// Each CLI supports one of the two methods. A program that echoes its input answers with its own requests, and so
/// supports none.
fn not_a_cli(error: Error) -> Error {
    let message = "the program answers neither `connect` nor `ping`, so it is not a Copilot CLI; point `cli_path`, \
                   COPILOT_CLI_PATH or `cli_url` at the program `copilot` itself";
    Error::with_source(ErrorKind::Unsupported, message, error)
}

fn explain(error: Error) -> Error {
    let message = match error.code() {
        Some(AUTHENTICATION_REQUIRED) => {
            "the CLI requires a connection token; set it with `connection_token`"
        }
        Some(AUTHENTICATION_FAILED) => "the CLI was started with another connection token",
        Some(AUTHENTICATION_NOT_CONFIGURED) => {
            "the CLI was started without a connection token; leave `connection_token` out"
        }
        _ => return error,
    };
    error.context(message)
}
