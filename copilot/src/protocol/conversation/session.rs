//! `session.*`: creating, sending, reading back, closing.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::protocol::attachments::Attachment;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::decode::Decode;
use crate::protocol::secret::{RawMembers, Secret};
use crate::protocol::trace::TraceContext;
use crate::protocol::vocabulary::vocabulary;
use crate::protocol::{MessageId, SessionId};

/// The parameters of `session.create` and `session.resume`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionOpenParams<'a, T, M> {
    pub(crate) session_id: &'a SessionId,
    #[serde(flatten)]
    pub(crate) members: &'a M,
    /// Members that the program names itself.
    #[serde(flatten)]
    pub(crate) raw: &'a RawMembers,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tools: Option<T>,
    /// Always: a session without it is denied everything, its own tools included, or on old CLIs nothing at all.
    pub(crate) request_permission: bool,
    /// Always: otherwise a list of available tools makes the CLI ignore the excluded ones.
    pub(crate) tool_filter_precedence: &'static str,
    /// Always: values of environment variables are meant literally.
    pub(crate) env_value_mode: &'static str,
}

#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionOpenResponse {
    #[serde(default)]
    pub(crate) session_id: Option<SessionId>,
    #[serde(default)]
    pub(crate) workspace_path: Option<String>,
    #[serde(default)]
    pub(crate) capabilities: Option<Capabilities>,
}

/// The parameters of `session.options.update`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionOptionsParams<'a, O> {
    pub(crate) session_id: &'a SessionId,
    #[serde(flatten)]
    pub(crate) options: &'a O,
}

/// The parameters of every method that takes nothing but the session.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionParams<'a> {
    pub(crate) session_id: &'a SessionId,
}

/// Whether an operation did something; failures come in-band.
#[derive(Debug, Default, Decode)]
pub(crate) struct Success {
    #[serde(default)]
    pub(crate) success: bool,
    #[serde(default)]
    pub(crate) error: Option<String>,
}

/// The members of a result in which a CLI may refuse; absent from most results.
#[derive(Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Verdict {
    pub(crate) success: Option<bool>,
    /// Wire: `session.mode.set`.
    pub(crate) mode_applied: Option<bool>,
    /// Wire: `session.queue.removeAt`.
    pub(crate) removed: Option<bool>,
    pub(crate) error: Option<String>,
}

vocabulary! {
    /// The handling of a message that is sent while the agent works. Wire: `session.send`, `mode`.
    DeliveryMode {
        /// The message waits for its turn.
        Enqueue = "enqueue",
        /// The message steers the agent's current work.
        Immediate = "immediate",
    }
}

vocabulary! {
    /// The mode in which the agent works on a message. Wire: `session.send`, `agentMode`.
    AgentMode {
        /// The agent works step by step, with the user.
        Interactive = "interactive",
        /// The agent plans and changes nothing.
        Plan = "plan",
        /// The agent continues without messages of the user.
        Autopilot = "autopilot",
        /// The CLI runs the message as a shell command.
        Shell = "shell",
    }
}

#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendOptions {
    pub(crate) prompt: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) attachments: Vec<Attachment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<DeliveryMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent_mode: Option<AgentMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) display_prompt: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) request_headers: BTreeMap<String, Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) response_format: Option<ResponseFormat>,
    #[serde(flatten)]
    pub(crate) trace: TraceContext,
    #[serde(flatten)]
    pub(crate) raw: RawMembers,
}

/// The shape that the agent's answer must have.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(crate) enum ResponseFormat {
    JsonSchema { json_schema: JsonSchemaFormat },
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct JsonSchemaFormat {
    pub(crate) name: &'static str,
    pub(crate) strict: bool,
    pub(crate) schema: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionSendParams<'a> {
    pub(crate) session_id: &'a SessionId,
    #[serde(flatten)]
    pub(crate) message: &'a SendOptions,
}

#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionSendResponse {
    pub(crate) message_id: MessageId,
}

#[derive(Debug, Decode)]
pub(crate) struct SessionMessagesResponse<E> {
    #[serde(default = "Vec::new")]
    pub(crate) events: Vec<E>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_open_request_has_the_members_that_are_set_and_raw_ones() {
        let mut raw = RawMembers::default();
        raw.insert("new".into(), json!({"enabled": false}));
        let id = SessionId::from("s");
        let open = SessionOpenParams::<Value, Value> {
            session_id: &id,
            members: &json!({"model": "m"}),
            raw: &raw,
            tools: None,
            request_permission: true,
            tool_filter_precedence: "excluded",
            env_value_mode: "direct",
        };
        assert_eq!(
            serde_json::to_value(open).unwrap(),
            json!({"sessionId": "s", "model": "m", "new": {"enabled": false}, "requestPermission": true,
                   "toolFilterPrecedence": "excluded", "envValueMode": "direct"})
        );
    }

    #[test]
    fn a_message_reaches_the_wire() {
        let message = SendOptions {
            prompt: "p".into(),
            agent_mode: Some(AgentMode::Plan),
            response_format: Some(ResponseFormat::JsonSchema {
                json_schema: JsonSchemaFormat { name: "response", strict: true, schema: json!({}) },
            }),
            trace: TraceContext::new("00-a-b-01").tracestate("k=v"),
            ..SendOptions::default()
        };
        assert_eq!(
            serde_json::to_value(message).unwrap(),
            json!({"prompt": "p", "agentMode": "plan", "traceparent": "00-a-b-01", "tracestate": "k=v",
                   "responseFormat": {"type": "json_schema",
                                      "jsonSchema": {"name": "response", "strict": true, "schema": {}}}})
        );
    }
}
