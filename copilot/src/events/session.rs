//! Payloads of what happens to a session as a whole.

use serde::Deserialize;
use serde_json::Value;

use crate::protocol::{MessageId, RequestId, SessionId, lenient};

/// A session began.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SessionStart {
    /// The session.
    pub session_id: SessionId,
    /// The version of the history's format.
    #[serde(deserialize_with = "lenient::count")]
    pub version: u64,
    /// What wrote the history.
    pub producer: String,
    /// The version of the CLI.
    pub copilot_version: String,
    /// When, as RFC 3339.
    pub start_time: String,
    /// The model that was chosen.
    pub selected_model: Option<String>,
    /// The model's reasoning effort.
    pub reasoning_effort: Option<String>,
    /// Where the agent works.
    pub context: WorkingContext,
}

/// Where the agent works.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct WorkingContext {
    /// The working directory.
    pub cwd: String,
    /// The root of the repository.
    pub git_root: Option<String>,
    /// The repository, as `owner/name`.
    pub repository: Option<String>,
    /// The branch.
    pub branch: Option<String>,
}

/// A session was taken up again.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SessionResume {
    /// When, as RFC 3339.
    pub resume_time: String,
    /// How many events its history holds.
    #[serde(deserialize_with = "lenient::count")]
    pub event_count: u64,
    /// The model that was chosen.
    pub selected_model: Option<String>,
    /// Whether it was live elsewhere.
    pub session_was_active: bool,
    /// Whether questions that were open stay open.
    pub continue_pending_work: bool,
}

/// The queue of messages is empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SessionIdle {
    /// Whether the work was aborted, on CLIs that tell it.
    pub aborted: bool,
    /// The agent's mode.
    pub mode: Option<String>,
}

/// Work on a message failed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SessionError {
    /// The kind of error.
    pub error_type: String,
    /// What happened.
    pub message: String,
    /// The HTTP status of the model's service.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub status_code: Option<u64>,
    /// A code for the error.
    pub error_code: Option<String>,
    /// Where it came from.
    pub stack: Option<String>,
    /// The message that failed, on CLIs that tell it (1.0.92 and later).
    pub originating_message_id: Option<MessageId>,
}

/// Something that the session tells.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Notice {
    /// The kind of notice.
    #[serde(alias = "warningType", alias = "infoType")]
    pub kind: String,
    /// What it says.
    pub message: String,
    /// Where to read more.
    pub url: Option<String>,
}

/// A new title.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct TitleChanged {
    /// The title.
    pub title: String,
}

/// Another model answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ModelChange {
    /// The model before.
    pub previous_model: Option<String>,
    /// The model from here on.
    pub new_model: String,
    /// Its reasoning effort.
    pub reasoning_effort: Option<String>,
    /// What changed it.
    pub source: Option<String>,
}

/// The agent's mode changed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ModeChanged {
    /// The mode before.
    pub previous_mode: String,
    /// The mode from here on.
    pub new_mode: String,
}

/// The plan changed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PlanChanged {
    /// What was done to it.
    pub operation: String,
}

/// The CLI's own permission mode changed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PermissionsChanged {
    /// The mode before.
    pub previous_mode: Option<String>,
    /// The mode from here on.
    pub mode: String,
}

/// The directory or repository changed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ContextChanged {
    /// Where the agent works from here on.
    #[serde(flatten)]
    pub context: WorkingContext,
}

/// How full the context window is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct UsageInfo {
    /// Tokens that fit.
    #[serde(deserialize_with = "lenient::count")]
    pub token_limit: u64,
    /// Tokens in use.
    #[serde(deserialize_with = "lenient::count")]
    pub current_tokens: u64,
    /// Messages in the conversation.
    #[serde(deserialize_with = "lenient::count")]
    pub messages_length: u64,
    /// Tokens of the system prompt.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub system_tokens: Option<u64>,
    /// Tokens of the conversation.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub conversation_tokens: Option<u64>,
    /// Tokens of the tools' definitions.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub tool_definitions_tokens: Option<u64>,
    /// Whether this is the first word about it.
    pub is_initial: bool,
}

/// The conversation is being summarised.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CompactionStart {
    /// Tokens of the conversation before.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub conversation_tokens: Option<u64>,
}

/// The conversation was summarised.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CompactionComplete {
    /// Whether it worked.
    pub success: bool,
    /// Why it did not.
    pub error: Option<String>,
    /// Tokens that were freed.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub tokens_removed: Option<u64>,
    /// Messages that were replaced.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub messages_removed: Option<u64>,
    /// The summary.
    pub summary_content: Option<String>,
    /// The file with what was replaced.
    pub checkpoint_path: Option<String>,
}

/// Old messages were cut off.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Truncation {
    /// Tokens that fit.
    #[serde(deserialize_with = "lenient::count")]
    pub token_limit: u64,
    /// Tokens that were freed.
    #[serde(deserialize_with = "lenient::count")]
    pub tokens_removed_during_truncation: u64,
    /// Messages that were cut off.
    #[serde(deserialize_with = "lenient::count")]
    pub messages_removed_during_truncation: u64,
}

/// The agent calls its task done.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct TaskComplete {
    /// What it did.
    pub summary: Option<String>,
    /// Whether it succeeded.
    pub success: Option<bool>,
    /// How it ended.
    pub outcome: Option<String>,
}

/// The session ended in the CLI.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SessionShutdown {
    /// How it ended.
    pub shutdown_type: String,
    /// Time spent waiting for models, in milliseconds.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub total_api_duration_ms: Option<u64>,
    /// What was changed in files.
    pub code_changes: Value,
    /// Usage by model.
    pub model_metrics: Value,
}

/// The agent no longer goes on by itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AutopilotStopped {
    /// The message that it went on from.
    pub request_id: Option<RequestId>,
    /// Why.
    pub reason: String,
}

/// A file in the session's workspace was written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct WorkspaceFileChanged {
    /// The file, relative to the workspace.
    pub path: String,
    /// What was done to it.
    pub operation: String,
}

/// Something changed; what, is to be asked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Changed {}

/// The set of tools changed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ToolsUpdated {
    /// The model that they are for.
    pub model: Option<String>,
}

/// The MCP servers were loaded.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct McpServersLoaded {
    /// Each server.
    pub servers: Vec<McpServerStatus>,
}

/// How an MCP server is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct McpServerStatus {
    /// The server.
    pub name: String,
    /// `connected`, `failed`, `needs-auth`, `pending`, `disabled` and the like.
    pub status: String,
    /// Why it failed.
    pub error: Option<String>,
}

/// The status of an MCP server changed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct McpServerStatusChanged {
    /// The server.
    pub server_name: String,
    /// The status from here on.
    pub status: String,
}

/// What the host can show changed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CapabilitiesChanged {
    /// Capabilities of the user interface.
    pub ui: Value,
}

/// Work was aborted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Abort {
    /// Why.
    pub reason: String,
}
