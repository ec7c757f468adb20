//! Payloads of what goes between user, agent and model.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::protocol::account::Quota;
use crate::protocol::{MessageId, ToolCallId, lenient};

/// A message that reached the agent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct UserMessage {
    /// The text.
    pub content: String,
    /// The text as the model got it.
    pub transformed_content: Option<String>,
    /// The id that `send` returned, on CLIs that tell it (1.0.92 and later).
    pub message_id: Option<MessageId>,
    /// Who sent it.
    pub source: Option<String>,
    /// How it was delivered.
    pub delivery: Option<String>,
    /// The mode it asked for.
    pub agent_mode: Option<String>,
}

/// The begin or end of a step of the agent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AssistantTurn {
    /// Counts the steps of one message.
    pub turn_id: String,
    /// What the step belongs to.
    pub interaction_id: Option<String>,
}

/// What the agent means to do.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AssistantIntent {
    /// In a few words.
    pub intent: String,
}

/// The begin of a message.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AssistantMessageStart {
    /// The message.
    pub message_id: MessageId,
}

/// A piece of a message's text.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AssistantMessageDelta {
    /// The message it belongs to.
    pub message_id: MessageId,
    /// The piece.
    pub delta_content: String,
    /// The call of the sub-agent that speaks.
    pub parent_tool_call_id: Option<ToolCallId>,
}

/// A whole message of the agent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AssistantMessage {
    /// The message.
    pub message_id: MessageId,
    /// The text; often empty when tools are asked for.
    pub content: String,
    /// The tools that the model wants to run.
    pub tool_requests: Vec<ToolRequest>,
    /// The user's message that it answers, on CLIs that tell it (1.0.92 and later).
    pub originating_message_id: Option<MessageId>,
    /// The reasoning that led to it.
    pub reasoning_text: Option<String>,
    /// The model that wrote it.
    pub model: Option<String>,
    /// The phase that the model gave it.
    pub phase: Option<String>,
    /// Tokens of the answer.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub output_tokens: Option<u64>,
    /// The call of the sub-agent that speaks.
    pub parent_tool_call_id: Option<ToolCallId>,
}

/// One tool that the model wants to run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ToolRequest {
    /// The call.
    pub tool_call_id: ToolCallId,
    /// The tool.
    pub name: String,
    /// The arguments, as the model wrote them.
    pub arguments: Value,
    /// The kind of call.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// The model's reasoning as a whole.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AssistantReasoning {
    /// The reasoning.
    pub reasoning_id: String,
    /// Its text.
    pub content: String,
}

/// A piece of the model's reasoning.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AssistantReasoningDelta {
    /// The reasoning it belongs to.
    pub reasoning_id: String,
    /// The piece.
    pub delta_content: String,
}

/// How much of an answer has arrived.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AssistantStreamingDelta {
    /// Bytes so far.
    #[serde(deserialize_with = "lenient::count")]
    pub total_response_size_bytes: u64,
}

/// A piece of the arguments that the model is writing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AssistantToolCallDelta {
    /// The call.
    pub tool_call_id: ToolCallId,
    /// The piece, as text of a JSON document.
    pub input_delta: String,
}

/// What one request to the model cost.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AssistantUsage {
    /// The model.
    pub model: String,
    /// Tokens sent.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub input_tokens: Option<u64>,
    /// Tokens received.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub output_tokens: Option<u64>,
    /// Tokens read from the prompt cache.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub cache_read_tokens: Option<u64>,
    /// Tokens written to the prompt cache.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub cache_write_tokens: Option<u64>,
    /// The cost, in the unit of the plan.
    pub cost: Option<f64>,
    /// How long it took, in milliseconds.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub duration: Option<u64>,
    /// How much of the plan is used, by what it is counted for.
    pub quota_snapshots: Option<BTreeMap<String, Quota>>,
}

/// The agent is done.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AssistantIdle {
    /// Whether it was aborted.
    pub aborted: bool,
}

/// A request to the model failed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ModelCallFailure {
    /// The HTTP status.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub status_code: Option<u64>,
    /// What the model's service said.
    pub error_message: Option<String>,
    /// The kind of failure.
    pub failure_kind: Option<String>,
    /// What made the request.
    pub source: Option<String>,
}
