//! `llmInference.*`: the program serves the requests of the CLI to its models.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::protocol::SessionId;
use crate::protocol::decode::Decode;
use crate::protocol::vocabulary::vocabulary;

vocabulary! {
    /// The transport that the CLI would use for a request itself.
    InferenceTransport {
        /// One request and one response, which may arrive in chunks.
        Http = "http",
        /// Messages in both directions.
        WebSocket = "websocket",
    }
}

/// The parameters of `llmInference.httpRequestStart`.
#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpRequestStartParams {
    pub(crate) request_id: String,
    pub(crate) method: String,
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) transport: Option<InferenceTransport>,
    #[serde(default)]
    pub(crate) session_id: Option<SessionId>,
    #[serde(default)]
    pub(crate) agent_id: Option<String>,
    #[serde(default)]
    pub(crate) parent_agent_id: Option<String>,
    #[serde(default)]
    pub(crate) agent_invocation_id: Option<String>,
    #[serde(default)]
    pub(crate) interaction_type: Option<String>,
}

/// The parameters of `llmInference.httpRequestChunk`.
#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpRequestChunkParams {
    pub(crate) request_id: String,
    #[serde(default)]
    pub(crate) data: String,
    #[serde(default)]
    pub(crate) binary: Option<bool>,
    #[serde(default)]
    pub(crate) end: Option<bool>,
    #[serde(default)]
    pub(crate) cancel: Option<bool>,
    #[serde(default)]
    pub(crate) cancel_reason: Option<String>,
}

/// The parameters of `llmInference.httpResponseStart`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpResponseStartParams<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status_text: Option<&'a str>,
    pub(crate) headers: &'a BTreeMap<String, Vec<String>>,
}

/// The parameters of `llmInference.httpResponseChunk`.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpResponseChunkParams<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) data: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) binary: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) end: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<HttpResponseError<'a>>,
}

/// The reason for a missing or incomplete response.
#[derive(Debug, Serialize)]
pub(crate) struct HttpResponseError<'a> {
    pub(crate) message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'a str>,
}

/// The result of both `httpResponse` methods.
#[derive(Debug, Decode)]
pub(crate) struct HttpResponseResult {
    /// Whether the CLI still waits for the response.
    #[serde(default)]
    pub(crate) accepted: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::decode;

    #[test]
    fn requests_of_1_0_102_are_read() {
        let start = r#"{"requestId": "r", "method": "POST", "url": "http://h/v1/chat/completions",
            "headers": {"authorization": ["Bearer k"]}, "sessionId": "s", "agentId": "s",
            "agentInvocationId": "i", "interactionType": "conversation-agent", "transport": "http"}"#;
        let start: HttpRequestStartParams = decode::answer(start).unwrap();
        assert_eq!(start.headers["authorization"], ["Bearer k"]);
        assert_eq!(start.transport, Some(InferenceTransport::Http));
        assert_eq!(start.interaction_type.as_deref(), Some("conversation-agent"));
        let chunk = r#"{"requestId": "r", "data": "", "binary": false, "end": true, "cancel": true,
            "cancelReason": "runtime cancelled the request"}"#;
        let chunk: HttpRequestChunkParams = decode::answer(chunk).unwrap();
        assert_eq!((chunk.cancel, chunk.end), (Some(true), Some(true)));
    }

    #[test]
    fn answers_are_written() {
        let headers = BTreeMap::from([("x".to_owned(), vec!["1".to_owned(), "2".to_owned()])]);
        let start =
            HttpResponseStartParams { request_id: "r", status: 200, status_text: None, headers: &headers };
        assert_eq!(
            serde_json::to_value(&start).unwrap(),
            json!({"requestId": "r", "status": 200, "headers": {"x": ["1", "2"]}})
        );
        let end = HttpResponseChunkParams { request_id: "r", end: true, ..Default::default() };
        assert_eq!(serde_json::to_value(&end).unwrap(), json!({"requestId": "r", "data": "", "end": true}));
        let error = HttpResponseError { message: "no", code: Some("x") };
        let failed = HttpResponseChunkParams { request_id: "r", error: Some(error), ..Default::default() };
        assert_eq!(
            serde_json::to_value(&failed).unwrap(),
            json!({"requestId": "r", "data": "", "error": {"message": "no", "code": "x"}})
        );
    }
}
