//! Payloads of tool calls and of the questions that come with them.

use serde::Deserialize;
use serde_json::Value;

use crate::protocol::elicitation::ElicitationMode;
use crate::protocol::modes::{AutoModeSwitch, PlanProposal};
use crate::protocol::{RequestId, SessionId, ToolCallId};

/// A tool begins.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ToolExecutionStart {
    /// The call.
    pub tool_call_id: ToolCallId,
    /// The tool.
    pub tool_name: String,
    /// The arguments.
    pub arguments: Value,
    /// The MCP server that has the tool.
    pub mcp_server_name: Option<String>,
    /// The tool's name on that server.
    pub mcp_tool_name: Option<String>,
    /// The call of the sub-agent that makes this one.
    pub parent_tool_call_id: Option<ToolCallId>,
    /// The step that it belongs to.
    pub turn_id: Option<String>,
}

/// Output of a tool while it runs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ToolExecutionPartialResult {
    /// The call.
    pub tool_call_id: ToolCallId,
    /// The output so far.
    pub partial_output: String,
}

/// Progress of a tool while it runs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ToolExecutionProgress {
    /// The call.
    pub tool_call_id: ToolCallId,
    /// What it says.
    pub progress_message: String,
}

/// A tool ended.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ToolExecutionComplete {
    /// The call.
    pub tool_call_id: ToolCallId,
    /// Whether it succeeded.
    pub success: bool,
    /// What it gave.
    pub result: Option<ToolExecutionResult>,
    /// Why it failed.
    pub error: Option<ToolExecutionError>,
    /// What the tool measured.
    pub tool_telemetry: Value,
}

/// What a tool gave.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ToolExecutionResult {
    /// What the model reads.
    pub content: String,
    /// What a person reads, where it differs.
    pub detailed_content: Option<String>,
    /// Images and other binary results.
    pub binary_results_for_llm: Vec<Value>,
}

/// Why a tool failed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ToolExecutionError {
    /// What happened.
    pub message: String,
    /// The kind of failure, such as `failure`, `denied`, `timeout`.
    pub code: Option<String>,
}

/// The CLI asks for a tool to be run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ExternalToolRequested {
    /// The question.
    pub request_id: RequestId,
    /// The session.
    pub session_id: SessionId,
    /// The call.
    pub tool_call_id: ToolCallId,
    /// The tool.
    pub tool_name: String,
    /// The arguments.
    pub arguments: Value,
    /// Where the agent works.
    pub working_directory: Option<String>,
    /// The trace that the call belongs to.
    pub traceparent: Option<String>,
    /// Its vendor part.
    pub tracestate: Option<String>,
}

/// A tool call was answered or dropped.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ExternalToolCompleted {
    /// The question.
    pub request_id: RequestId,
}

/// The agent asks for permission.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PermissionRequested {
    /// The question.
    pub request_id: RequestId,
    /// What it wants to do.
    pub permission_request: Value,
    /// Whether a hook has answered already.
    pub resolved_by_hook: bool,
}

/// A permission was given or denied.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PermissionCompleted {
    /// The question.
    pub request_id: RequestId,
    /// The call it was for.
    pub tool_call_id: Option<ToolCallId>,
    /// The decision; its `kind` begins with `approved` or `denied`.
    pub result: Value,
}

/// The agent asks the user.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct UserInputRequested {
    /// The question's id.
    pub request_id: RequestId,
    /// The question.
    pub question: String,
    /// Answers to choose from.
    pub choices: Vec<String>,
    /// Whether another answer is welcome.
    pub allow_freeform: Option<bool>,
}

/// The agent, or an MCP server, wants a form filled in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ElicitationRequested {
    /// The question's id.
    pub request_id: RequestId,
    /// What it is for.
    pub message: String,
    /// How it is shown; as fields where this is not said.
    pub mode: Option<ElicitationMode>,
    /// Its fields, as a JSON Schema.
    pub requested_schema: Value,
    /// The page to open.
    pub url: Option<String>,
    /// Who wants it.
    pub elicitation_source: Option<String>,
    /// The call that wants it.
    pub tool_call_id: Option<ToolCallId>,
}

/// The agent has a plan, and wants to leave the plan mode.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ExitPlanModeRequested {
    /// The question's id.
    pub request_id: RequestId,
    /// The plan.
    #[serde(flatten)]
    pub plan: PlanProposal,
}

/// The CLI offers to go on with another model.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AutoModeSwitchRequested {
    /// The question's id.
    pub request_id: RequestId,
    /// The offer.
    #[serde(flatten)]
    pub offer: AutoModeSwitch,
}

/// A tool runs because the user said so.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ToolUserRequested {
    /// The call.
    pub tool_call_id: ToolCallId,
    /// The tool.
    pub tool_name: String,
    /// The arguments.
    pub arguments: Value,
}

/// A question was answered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct RequestCompleted {
    /// The question.
    pub request_id: RequestId,
}
