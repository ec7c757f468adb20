//! `mcp.headers_refresh_required` and `session.mcp.headers.*`: an MCP server's requests need fresh headers.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::protocol::decode::Decode;
use crate::protocol::secret::{Secret, redacted};
use crate::protocol::vocabulary::vocabulary;
use crate::protocol::{RequestId, SessionId};

vocabulary! {
    /// The reason for fresh headers.
    McpHeadersReason {
        /// The server is about to be connected.
        Startup = "startup",
        /// The previous headers have expired.
        TtlExpired = "ttl-expired",
        /// The server refused the previous headers.
        AuthFailed = "auth-failed",
    }
}

/// The requests to an MCP server need fresh headers. Wire: `mcp.headers_refresh_required`, from the CLI.
#[derive(Clone, Default, PartialEq, Eq, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct McpHeadersRequest {
    pub(crate) request_id: RequestId,
    /// The name of the server in the session.
    pub server_name: String,
    /// The URL of the MCP server.
    pub server_url: String,
    /// The reason for fresh headers.
    pub reason: McpHeadersReason,
}

impl fmt::Debug for McpHeadersRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpHeadersRequest")
            .field("server_name", &self.server_name)
            .field("server_url", &redacted(&self.server_url))
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// The response, as the CLI reads it.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum McpHeadersResult<'a> {
    Headers {
        headers: &'a BTreeMap<String, Secret>,
        #[serde(skip_serializing_if = "Option::is_none")]
        ttl_ms: Option<u64>,
    },
    None,
    Error {
        message: &'a str,
    },
}

/// The parameters of `session.mcp.headers.handlePendingHeadersRefreshRequest`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct McpHeadersAnswerParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) request_id: &'a RequestId,
    pub(crate) result: McpHeadersResult<'a>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_question_of_1_0_102_is_read_and_its_answers_written() {
        let asked = json!({"requestId": "r", "serverName": "vault", "serverUrl": "http://v/mcp", "reason": "startup"});
        let asked: McpHeadersRequest = serde_json::from_value(asked).unwrap();
        assert_eq!((asked.server_name.as_str(), asked.reason), ("vault", McpHeadersReason::Startup));
        let wire = |result: McpHeadersResult<'_>| serde_json::to_value(result).unwrap();
        let headers = &BTreeMap::from([("x-key".to_owned(), "k".into())]);
        assert_eq!(
            wire(McpHeadersResult::Headers { headers, ttl_ms: Some(60_000) }),
            json!({"kind": "headers", "headers": {"x-key": "k"}, "ttlMs": 60_000})
        );
        assert_eq!(wire(McpHeadersResult::None), json!({"kind": "none"}));
        assert_eq!(
            wire(McpHeadersResult::Error { message: "no" }),
            json!({"kind": "error", "message": "no"})
        );
    }
}
