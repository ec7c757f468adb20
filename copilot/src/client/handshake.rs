//! The first exchange: who is on the other side, and what does it speak.

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::connection::{CliVersion, ConnectParams, ConnectResponse, PROTOCOLS, PingParams, Pong};
use crate::rpc::Peer;

const AUTHENTICATION_REQUIRED: i64 = -32001;
const AUTHENTICATION_FAILED: i64 = -32002;
const AUTHENTICATION_NOT_CONFIGURED: i64 = -32003;

/// Wire: `connect`, or `ping` on CLIs without it (1.0.32 and before).
pub(super) async fn handshake(peer: &Peer, token: Option<&str>) -> Result<CliVersion> {
    let connected = peer.call::<_, ConnectResponse>("connect", &ConnectParams { token }).await;
    let (protocol, version) = match connected {
        Ok(answer) => (answer.protocol_version, answer.version),
        Err(error) if error.is_unsupported() => {
            let pong: Pong = peer.call("ping", &PingParams { message: None }).await?;
            (pong.protocol_version, None)
        }
        Err(error) => return Err(explain(error)),
    };
    let Some(protocol) = protocol else {
        let message = "the CLI does not say which protocol it speaks; is this a Copilot CLI?";
        return Err(Error::new(ErrorKind::Unsupported, message));
    };
    if PROTOCOLS.contains(&protocol) {
        return Ok(CliVersion { protocol, version });
    }
    let version = version.as_deref().unwrap_or("of unknown version");
    let message = format!(
        "the CLI {version} speaks protocol {protocol}, this library {} to {}; update whichever is older",
        PROTOCOLS.start(),
        PROTOCOLS.end()
    );
    Err(Error::new(ErrorKind::Unsupported, message))
}

fn explain(error: Error) -> Error {
    let message = match error.kind() {
        ErrorKind::Rpc(AUTHENTICATION_REQUIRED) => {
            "the CLI wants a connection token; give it with `connection_token`"
        }
        ErrorKind::Rpc(AUTHENTICATION_FAILED) => "the CLI was started with another connection token",
        ErrorKind::Rpc(AUTHENTICATION_NOT_CONFIGURED) => {
            "the CLI was started without a connection token; leave `connection_token` out"
        }
        _ => return error,
    };
    Error::with_source(error.kind(), message, error)
}
