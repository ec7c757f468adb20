//! `sampling.requested` and `session.mcp.executeSampling`: an MCP server requests an answer of a model.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::protocol::SessionId;
use crate::protocol::decode::Decode;
use crate::protocol::vocabulary::vocabulary;

/// The payload of `sampling.requested`.
#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SamplingAsked<'a> {
    pub(crate) request_id: Cow<'a, str>,
    #[serde(default)]
    pub(crate) server_name: Cow<'a, str>,
    #[serde(default)]
    pub(crate) mcp_request_id: Option<&'a RawValue>,
    #[serde(default)]
    pub(crate) request: Option<&'a RawValue>,
}

vocabulary! {
    /// The author of a message in an MCP server's request.
    SamplingRole {
        /// The message is from the user.
        User = "user",
        /// The message is from the model.
        Assistant = "assistant",
    }
}

/// A message of an MCP server's request for a model's answer.
#[derive(Clone, Debug, Default, PartialEq, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SamplingMessage {
    /// The author of the message.
    pub role: SamplingRole,
    /// The content of the message in the form of MCP: a block of text, an image or audio, or a list of them.
    pub content: Value,
}

impl SamplingMessage {
    /// Returns the texts of the message, joined.
    pub fn text(&self) -> String {
        let blocks = self.content.as_array().map_or(std::slice::from_ref(&self.content), Vec::as_slice);
        blocks.iter().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// The members of an MCP server's request that have a place in [`SamplingRequest`](crate::mcp::SamplingRequest).
#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SamplingDetails {
    pub(crate) messages: Vec<SamplingMessage>,
    pub(crate) system_prompt: Option<String>,
    pub(crate) max_tokens: Option<u64>,
}

/// The parameters of `session.ui.handlePendingSampling`. Without a response the server learns that the user refused.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SamplingAnswerParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) response: Option<&'a Value>,
}

/// The parameters of `session.mcp.executeSampling`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExecuteSamplingParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) request_id: &'a str,
    pub(crate) server_name: &'a str,
    pub(crate) mcp_request_id: &'a RawValue,
    pub(crate) request: &'a RawValue,
}

/// The result of `session.mcp.executeSampling`.
#[derive(Debug, Default, Decode)]
#[serde(default)]
pub(crate) struct ExecuteSamplingResponse {
    pub(crate) action: String,
    pub(crate) result: Option<Value>,
    pub(crate) error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::decode;

    #[test]
    fn a_question_of_1_0_102_is_read() {
        let asked = r#"{"requestId":"r","serverName":"vault","mcpRequestId":"samp1","request":{"messages":[
            {"role":"user","content":{"type":"text","text":"What is 1+1?"}}],"systemPrompt":"be short","maxTokens":50}}"#;
        let asked: SamplingAsked<'_> = decode::answer(asked).unwrap();
        assert_eq!((&*asked.server_name, asked.mcp_request_id.unwrap().get()), ("vault", "\"samp1\""));
        let details: SamplingDetails = decode::answer(asked.request.unwrap().get()).unwrap();
        assert_eq!((details.system_prompt.as_deref(), details.max_tokens), (Some("be short"), Some(50)));
        assert_eq!(details.messages[0].role, SamplingRole::User);
        assert_eq!(details.messages[0].text(), "What is 1+1?");
    }

    #[test]
    fn the_texts_of_a_list_of_blocks_are_joined() {
        let message =
            r#"{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"image"},{"text":"b"}]}"#;
        let message: SamplingMessage = serde_json::from_str(message).unwrap();
        assert_eq!(message.text(), "a\nb");
    }
}
