//! Payloads of tool calls.

use std::collections::BTreeMap;

use serde_json::Value;

use super::tool_result::ToolExecutionResult;
use crate::protocol::ToolCallId;

payload! {
    /// A tool call began.
    pub struct ToolExecutionStart {
        /// The id of the tool call.
        pub tool_call_id: ToolCallId,
        /// The name of the tool, as the model calls it.
        pub tool_name: String,
        /// The tool's name for people; CLI 1.0.102 and later.
        pub tool_title: Option<String>,
        /// The arguments, as JSON.
        pub arguments: Value,
        /// The files and addresses that a shell command may access; `None` for other tools.
        pub shell_tool_info: Option<ShellToolInfo>,
        /// The MCP server that has the tool; `None` for other tools.
        pub mcp_server_name: Option<String>,
        /// The tool's name on that server.
        pub mcp_tool_name: Option<String>,
        /// The definition of a tool whose MCP server has a user interface for it.
        pub tool_description: Option<ToolDescription>,
        /// The call that started the sub-agent that makes this one; `None` for the session's own agent.
        pub parent_tool_call_id: Option<ToolCallId>,
        /// The step that the call belongs to.
        pub turn_id: Option<String>,
        /// The model that made the call.
        pub model: Option<String>,
        /// Whether the output is meant to be shown in full.
        pub display_verbatim: bool,
    }

    /// The files and addresses that a shell command may access.
    pub struct ShellToolInfo {
        /// Files that the command may read or write.
        pub possible_paths: Vec<String>,
        /// Whether the command redirects output into a file.
        pub has_write_file_redirection: bool,
        /// The command without a needless change of directory; `None` if it has none.
        pub display_command: Option<String>,
    }

    /// The definition of a tool with a user interface.
    pub struct ToolDescription {
        /// The name of the tool, as the model calls it.
        pub name: String,
        /// The tool's purpose, as the model reads it.
        pub description: Option<String>,
        /// The tool's metadata, as MCP defines it.
        #[serde(rename = "_meta")]
        pub meta: Option<Value>,
    }

    /// Output of a tool while it runs.
    pub struct ToolExecutionPartialResult {
        /// The id of the tool call.
        pub tool_call_id: ToolCallId,
        /// The output so far.
        pub partial_output: String,
    }

    /// A piece of the output of a shell command; CLI 1.0.102 and later.
    pub struct ToolShellOutput {
        /// The id of the tool call.
        pub tool_call_id: ToolCallId,
        /// The number of the piece.
        pub sequence: u64,
        /// The stream that it was written to, such as `stdout`.
        pub stream: String,
        /// The piece, to append to those before it.
        pub text: String,
    }

    /// Progress of a tool while it runs.
    pub struct ToolExecutionProgress {
        /// The id of the tool call.
        pub tool_call_id: ToolCallId,
        /// The progress, for people.
        pub progress_message: String,
    }

    /// A tool call ended.
    pub struct ToolExecutionComplete {
        /// The id of the tool call.
        pub tool_call_id: ToolCallId,
        /// Whether the call succeeded.
        pub success: bool,
        /// The result; `None` where the tool failed.
        pub result: Option<ToolExecutionResult>,
        /// The error; `None` where the tool succeeded.
        pub error: Option<ToolExecutionError>,
        /// The exit of a shell command; CLI 1.0.102 and later.
        pub shell_execution: Option<ShellExecution>,
        /// Measurements of the tool.
        pub tool_telemetry: Value,
        /// The definition of a tool whose MCP server has a user interface for it.
        pub tool_description: Option<ToolDescription>,
        /// Whether the user asked for the call and not the model.
        pub is_user_requested: bool,
        /// Whether the tool ran in a sandbox; `None` where the CLI does not know.
        pub sandboxed: Option<bool>,
        /// The call that started the sub-agent that made this one; `None` for the session's own agent.
        pub parent_tool_call_id: Option<ToolCallId>,
        /// The step that the call belongs to.
        pub turn_id: Option<String>,
        /// The interaction that the call belongs to.
        pub interaction_id: Option<String>,
        /// The model that made the call.
        pub model: Option<String>,
        /// Labels of the result for the control of information flow.
        pub mcp_meta: Option<Value>,
    }

    /// The error of a tool call.
    pub struct ToolExecutionError {
        /// The error text, for people.
        pub message: String,
        /// The kind of failure, such as `failure`, `denied`, `timeout`.
        pub code: Option<String>,
    }

    /// The exit of a shell command.
    pub struct ShellExecution {
        /// The exit code; `None` if a signal ended the command.
        pub exit_code: Option<i64>,
    }

    /// A tool runs because the user asked for it.
    pub struct ToolUserRequested {
        /// The id of the tool call.
        pub tool_call_id: ToolCallId,
        /// The name of the tool, as the model calls it.
        pub tool_name: String,
        /// The arguments, as JSON.
        pub arguments: Value,
    }

    /// A user interface of an MCP server called a tool of that server.
    pub struct McpAppToolCall {
        /// The name of the server in the configuration.
        pub server_name: String,
        /// The name of the tool, as the model calls it.
        pub tool_name: String,
        /// The arguments by name.
        pub arguments: BTreeMap<String, Value>,
        /// Whether the call succeeded.
        pub success: bool,
        /// The duration, in milliseconds.
        pub duration_ms: f64,
        /// The result, as MCP defines it; `None` if the call itself failed.
        pub result: Option<Value>,
        /// The error, if the call itself failed.
        pub error: Option<McpAppError>,
        /// The tool's metadata about user interfaces, as MCP defines it.
        pub tool_meta: Option<Value>,
    }

    /// The error of a call by a user interface.
    pub struct McpAppError {
        /// The error text, for people.
        pub message: String,
    }
}
