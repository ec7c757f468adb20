//! Requests that change a running session: `session.mode`, `plan`, `name`, `log`, `history`, `usage` and `workspaces`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::protocol::SessionId;
use crate::protocol::ai_units::AiUnits;
use crate::protocol::decode::{self, Decode, Reader};
use crate::protocol::lenient;
use crate::protocol::session::AgentMode;
use crate::protocol::settings::settings;
use crate::protocol::vocabulary::vocabulary;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModeSetParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) mode: &'a AgentMode,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanUpdateParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) content: &'a str,
}

/// The agent's plan. Wire: `session.plan.read`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Plan {
    /// Whether the session has a plan.
    pub exists: bool,
    /// The text of the plan; `None` where there is no plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The path of the plan's file, which need not exist yet; `None` where the CLI does not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NameParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) name: &'a str,
}

#[derive(Debug, Decode)]
pub(crate) struct NameResponse {
    #[serde(default)]
    pub(crate) name: Option<String>,
}

vocabulary! {
    /// The level of a line in the log.
    LogKind {
        /// Information about normal work.
        Info = "info",
        /// A sign of a possible failure.
        Warning = "warning",
        /// A failure that occurred.
        Error = "error",
    }
}

settings! {
    /// The options of a line in the log. Wire: `session.log`.
    LogOptions {
        /// Sets the level. Default: `Info`.
        level: (LogKind),
        /// Sets whether the line is left out of the history.
        ephemeral: flag,
        /// Sets the kind of the notice that is shown.
        kind: text as "type",
        /// Sets the URL of further information.
        url: url,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) message: &'a str,
    #[serde(flatten)]
    pub(crate) options: &'a LogOptions,
}

/// The response to `session.mode.get`.
pub(crate) struct ModeGetResponse(pub(crate) AgentMode);

impl<'de> Decode<'de> for ModeGetResponse {
    fn decode(reader: &mut Reader<'de>) -> decode::Result<Self> {
        /// The form of CLIs up to 1.0.10.
        #[derive(Decode)]
        struct Wrapped {
            mode: AgentMode,
        }

        if reader.next_byte() == Some(b'{') {
            Wrapped::decode(reader).map(|wrapped| Self(wrapped.mode))
        } else {
            AgentMode::decode(reader).map(Self)
        }
    }

    decode::sample!("plan");
}

impl From<ModeGetResponse> for AgentMode {
    fn from(answer: ModeGetResponse) -> Self {
        answer.0
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CompactParams<'a> {
    pub(crate) session_id: &'a SessionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_instructions: Option<&'a str>,
}

/// The result of a summary of the conversation. Wire: `session.history.compact`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Compaction {
    /// Whether the summary was made and has replaced the messages.
    pub success: bool,
    /// The number of tokens that were freed.
    pub tokens_removed: u64,
    /// The number of messages that the summary replaces.
    pub messages_removed: u64,
    /// The text of the summary; `None` where the CLI does not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary_content: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The cost and the usage of a session so far. Wire: `session.usage.getMetrics`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct UsageMetrics {
    /// The number of premium requests that the session counts for.
    pub total_premium_request_cost: f64,
    /// The number of messages that the user has sent.
    pub total_user_requests: u64,
    /// The time spent waiting for models, in milliseconds.
    pub total_api_duration_ms: u64,
    /// The start of the session, as RFC 3339; on CLI 1.0.32 in milliseconds since 1970.
    #[decode(with = lenient::text)]
    pub session_start_time: String,
    /// The lines and files that the session has changed.
    pub code_changes: CodeChanges,
    /// The cost and the usage by model.
    pub model_metrics: BTreeMap<String, ModelMetrics>,
    /// The cost in AI units; `None` where the plan does not count them.
    #[serde(rename = "totalNanoAiu", skip_serializing_if = "Option::is_none")]
    pub total: Option<AiUnits>,
    /// The number of tokens in the last prompt.
    pub last_call_input_tokens: u64,
    /// The number of tokens in the last answer.
    pub last_call_output_tokens: u64,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The lines and files that a session has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CodeChanges {
    /// The number of lines added.
    pub lines_added: u64,
    /// The number of lines removed.
    pub lines_removed: u64,
    /// The paths of the files that were changed.
    pub files_modified: Vec<String>,
    /// The number of these files; `None` on CLIs that do not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_modified_count: Option<u64>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The cost and the usage of one model in a session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ModelMetrics {
    /// The number and the cost of the requests to the model.
    pub requests: RequestMetrics,
    /// The tokens sent to the model and received from it.
    pub usage: TokenMetrics,
    /// The cost in AI units; `None` where the plan does not count them.
    #[serde(rename = "totalNanoAiu", skip_serializing_if = "Option::is_none")]
    pub total: Option<AiUnits>,
    /// The number of tokens by kind, such as `input`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub token_details: BTreeMap<String, TokenCount>,
    /// Whether the cost is known, on plans with AI credits; CLI 1.0.102 and later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ai_credits_status: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// A number of tokens of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct TokenCount {
    /// The number of tokens.
    pub token_count: u64,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The number of requests and their cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(default)]
#[non_exhaustive]
pub struct RequestMetrics {
    /// The number of requests that were sent.
    pub count: u64,
    /// The number of premium requests that they count for.
    pub cost: f64,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Numbers of tokens, sent to a model and received from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct TokenMetrics {
    /// The tokens in prompts.
    pub input_tokens: u64,
    /// The tokens in the model's answers.
    pub output_tokens: u64,
    /// The tokens in prompts that were read from the cache.
    pub cache_read_tokens: u64,
    /// The tokens in prompts that were written to the cache.
    pub cache_write_tokens: u64,
    /// Tokens received that are reasoning; `None` where providers do not count them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<&'a str>,
}

#[derive(Debug, Decode)]
pub(crate) struct FileListResponse {
    #[serde(default)]
    pub(crate) files: Vec<String>,
}

#[derive(Debug, Decode)]
pub(crate) struct FileResponse {
    pub(crate) content: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_asked_reaches_the_wire() {
        let session_id = &SessionId::from("s");
        let options = LogOptions::new().level(LogKind::Warning).ephemeral(true).kind("k");
        assert_eq!(
            serde_json::to_value(LogParams { session_id, message: "m", options: &options }).unwrap(),
            json!({"sessionId": "s", "message": "m", "level": "warning", "ephemeral": true, "type": "k"})
        );
        assert_eq!(
            serde_json::to_value(CompactParams { session_id, custom_instructions: None }).unwrap(),
            json!({"sessionId": "s"})
        );
        assert_eq!(
            serde_json::to_value(FileParams { session_id, path: "a", content: Some("c") }).unwrap(),
            json!({"sessionId": "s", "path": "a", "content": "c"})
        );
    }

    #[test]
    fn answers_are_read() {
        let plan: Plan =
            serde_json::from_str(r#"{"exists":false,"content":null,"path":"/s/plan.md"}"#).unwrap();
        assert_eq!((plan.exists, plan.content, plan.path.as_deref()), (false, None, Some("/s/plan.md")));
        let usage: UsageMetrics = serde_json::from_str(
            r#"{"totalPremiumRequestCost":0.0,"totalUserRequests":1,"totalNanoAiu":0.0,"totalApiDurationMs":7,
                "sessionStartTime":"2026-11-22T17:50:08.591Z","codeChanges":{"linesAdded":2,"linesRemoved":0,
                "filesModifiedCount":1,"filesModified":["a"]},"modelMetrics":{"m":{"requests":{"count":1,"cost":0.5},
                "usage":{"inputTokens":10,"outputTokens":2.0,"cacheReadTokens":0,"cacheWriteTokens":0}}},
                "agentMetrics":{},"lastCallInputTokens":10,"lastCallOutputTokens":2}"#,
        )
        .unwrap();
        assert_eq!(usage.model_metrics["m"].usage.output_tokens, 2);
        assert_eq!(usage.code_changes.files_modified, ["a"]);
    }
}
