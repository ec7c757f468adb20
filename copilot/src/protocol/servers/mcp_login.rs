//! `mcp.oauth_required` and `session.mcp.oauth.*`: an MCP server requires a login.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::protocol::decode::Decode;
use crate::protocol::secret::redacted;
use crate::protocol::vocabulary::vocabulary;
use crate::protocol::{RequestId, SessionId};

vocabulary! {
    /// The reason for a login.
    McpLoginReason {
        /// There was no login to the server yet.
        Initial = "initial",
        /// The token has expired.
        Refresh = "refresh",
        /// The token was refused.
        Reauth = "reauth",
        /// The token does not have the required scopes.
        Upscope = "upscope",
    }
}

/// An MCP server requires a login. Wire: `mcp.oauth_required`, from the CLI.
#[derive(Clone, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct McpLoginRequest {
    pub(crate) request_id: RequestId,
    /// The name of the server in the session.
    pub server_name: String,
    /// The URL of the MCP server.
    pub server_url: String,
    /// The reason for the login.
    pub reason: McpLoginReason,
    /// The parameters of the server's `WWW-Authenticate` header; `None` where it sent none.
    pub www_authenticate_params: Option<Value>,
    /// The response that required the login: its status, headers and body; `None` where the CLI does not report it.
    pub http_response: Option<Value>,
    /// The server's published metadata as a protected resource; `None` where it publishes none.
    pub resource_metadata: Option<Value>,
    /// The OAuth client that is configured for the server; `None` where there is none.
    pub static_client_config: Option<McpClientConfig>,
    /// Whether the CLI can refresh the token by itself.
    pub runtime_refresh_supported: bool,
}

/// Shows neither the user information and the query of the URL nor the server's answer, which may hold secrets.
impl fmt::Debug for McpLoginRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpLoginRequest")
            .field("server_name", &self.server_name)
            .field("server_url", &redacted(&self.server_url))
            .field("reason", &self.reason)
            .field("static_client_config", &self.static_client_config)
            .field("runtime_refresh_supported", &self.runtime_refresh_supported)
            .finish_non_exhaustive()
    }
}

/// The OAuth client that is configured for an MCP server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct McpClientConfig {
    /// The id of the OAuth client; `None` where the configuration has none.
    pub client_id: Option<String>,
    /// Whether the client has no secret; `None` where the configuration does not say.
    pub public_client: Option<bool>,
    /// The kind of OAuth grant; `None` where the configuration has none.
    pub grant_type: Option<String>,
}

/// The parameters of `session.mcp.oauth.handlePendingRequest`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct McpLoginAnswerParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) request_id: &'a RequestId,
    pub(crate) result: McpLoginResult<'a>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum McpLoginResult<'a> {
    Token {
        access_token: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        token_type: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_in: Option<u64>,
    },
    Cancelled,
    RuntimeRefresh,
}

/// The parameters of `session.eventLog.registerInterest`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InterestParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) event_type: &'static str,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_login_is_read_and_its_answers_written() {
        let asked = json!({"serverName": "s", "serverUrl": "http://127.0.0.1:46747/mcp",
            "wwwAuthenticateParams": {"scope": "read"},
            "httpResponse": {"statusCode": 401, "headers": [{"name": "server", "value": "x"}], "body": "{}"},
            "reason": "initial", "requestId": "r"});
        let login: McpLoginRequest = serde_json::from_value(asked).unwrap();
        assert_eq!((login.server_name.as_str(), login.reason), ("s", McpLoginReason::Initial));
        let wire = |result: McpLoginResult<'_>| serde_json::to_value(result).unwrap();
        assert_eq!(
            wire(McpLoginResult::Token { access_token: "t", token_type: None, expires_in: Some(60) }),
            json!({"kind": "token", "accessToken": "t", "expiresIn": 60})
        );
        assert_eq!(wire(McpLoginResult::RuntimeRefresh), json!({"kind": "runtimeRefresh"}));
        assert_eq!(wire(McpLoginResult::Cancelled), json!({"kind": "cancelled"}));
    }
}
