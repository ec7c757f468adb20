//! `session.instructions.*`, `session.permissions.setMode`, `session.fleet.*` and `session.mcp.listTools`: instructions
//! and permissions of a session.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::protocol::decode::Decode;
use crate::protocol::vocabulary::vocabulary;
use crate::protocol::{RequestId, SessionId, ToolCallId};

/// A file with instructions that the agent follows. Wire: `session.instructions.getSources`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct InstructionSource {
    /// The id of the source.
    pub id: String,
    /// The name of the source, for people.
    pub label: String,
    /// The path of the file that holds the instructions.
    pub source_path: String,
    /// The text of the instructions.
    pub content: String,
    /// The kind of file, such as `repo` or `home`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The place where the file was found.
    pub location: String,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Debug, Decode)]
pub(crate) struct InstructionsResponse {
    #[serde(default)]
    pub(crate) sources: Vec<InstructionSource>,
}

vocabulary! {
    /// The CLI's own handling of permissions, before it asks the program.
    PermissionMode {
        /// The CLI asks before each action that needs permission.
        Manual = "manual",
        /// A model decides which actions are harmless, and the CLI asks about the others.
        Assisted = "assisted",
        /// The CLI allows every action.
        AllowAll = "allow-all",
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PermissionModeParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) mode: &'a PermissionMode,
}

/// The parameters of the older method for the same purpose.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApproveAllParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) enabled: bool,
}

#[derive(Debug, Decode)]
pub(crate) struct PermissionModeResponse {
    #[serde(default)]
    pub(crate) success: Option<bool>,
    #[serde(default)]
    pub(crate) mode: PermissionMode,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FleetParams<'a> {
    pub(crate) session_id: &'a SessionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt: Option<&'a str>,
}

#[derive(Debug, Decode)]
pub(crate) struct FleetResponse {
    #[serde(default)]
    pub(crate) started: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServerParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) server_name: &'a str,
}

/// A tool call that waits for its result. Wire: `session.tools.listPendingRequests`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub(crate) struct PendingToolCall {
    /// The id of the request, by which it is answered.
    pub request_id: RequestId,
    /// The id of the call, as the model made it.
    pub tool_call_id: ToolCallId,
    /// The name of the tool.
    pub tool_name: String,
    /// The arguments of the call, as the model wrote them.
    pub arguments: Value,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Debug, Decode)]
pub(crate) struct PendingToolCallsResponse {
    #[serde(default)]
    pub(crate) items: Vec<PendingToolCall>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::decode;

    #[test]
    fn answers_round_trip() {
        let wire = json!({"id": "i", "label": "AGENTS.md", "sourcePath": "AGENTS.md", "content": "c",
                          "type": "model", "location": "repository", "applyTo": ["*.rs"]});
        let source: InstructionSource = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(source).unwrap(), wire);
        let wire = json!({"requestId": "r", "toolCallId": "c", "toolName": "t", "arguments": {"a": 1}});
        let call: PendingToolCall = decode::answer(&wire.to_string()).unwrap();
        assert_eq!(serde_json::to_value(call).unwrap(), wire);
    }
}
