//! The subjects of permission requests, by kind.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::protocol::decode::Decode;
use crate::protocol::vocabulary::vocabulary;

/// Declares the payload of one kind of request; what the CLI does not send is empty.
macro_rules! subjects {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Decode)]
        #[serde(rename_all = "camelCase", default)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }
    )*};
}

/// The action that the agent asks permission for, with all details that the CLI reports. Returned by
/// [`PermissionRequest::subject`](crate::PermissionRequest::subject).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PermissionSubject {
    /// To run a shell command.
    Shell(ShellSubject),
    /// To write a file.
    Write(WriteSubject),
    /// To read a file.
    Read(ReadSubject),
    /// To call a tool of an MCP server.
    Mcp(McpSubject),
    /// To fetch an address.
    Url(UrlSubject),
    /// To change the agent's memory.
    Memory(MemorySubject),
    /// To call a tool of this or another program.
    CustomTool(CustomToolSubject),
    /// To use a tool of the CLI.
    BuiltinTool(BuiltinToolSubject),
    /// To continue although a hook requires a confirmation.
    Hook(HookSubject),
    /// To change the installed extensions.
    ExtensionManagement(ExtensionManagementSubject),
    /// To run or write a workflow.
    Workflow(WorkflowSubject),
    /// To grant an extension the capabilities that it asks for.
    ExtensionPermissionAccess(ExtensionPermissionSubject),
    /// To give an extension variables of the environment.
    ExtensionEnvAccess(ExtensionEnvSubject),
    /// A kind that this version of the library does not know; see
    /// [`PermissionRequest::data`](crate::PermissionRequest::data).
    Other,
}

subjects! {
    /// A shell command that the agent wants to run.
    ShellSubject {
        /// The whole command line.
        full_command_text: String,
        /// The agent's reason for the command.
        intention: String,
        /// The commands in it.
        commands: Vec<ShellCommandSubject>,
        /// The paths that the command may touch.
        possible_paths: Vec<String>,
        /// The URLs that the command may reach.
        possible_urls: Vec<PossibleUrl>,
        /// Whether the command writes its output to a file.
        has_write_file_redirection: bool,
        /// Whether the CLI accepts an approval for the session.
        can_offer_session_approval: bool,
        /// A warning about the command; `None` where the CLI has none.
        warning: Option<String>,
        /// The parts of the command line, each with its text.
        command_segments: Vec<CommandSegment>,
        /// Whether the command needs to leave the sandbox.
        request_sandbox_bypass: bool,
        /// The reason for leaving the sandbox.
        request_sandbox_bypass_reason: Option<String>,
    }
    /// A part of a command line.
    CommandSegment {
        /// The identifier of the command in approvals.
        identifier: String,
        /// The text of the part.
        full_command_text: String,
    }
    /// One command of a command line.
    ShellCommandSubject {
        /// The identifier of the command in approvals.
        identifier: String,
        /// Whether the CLI knows that the command changes nothing.
        read_only: bool,
    }
    /// A URL that a command may reach.
    PossibleUrl {
        /// The URL in the command.
        url: String,
    }
    /// A file to write.
    WriteSubject {
        /// The path of the file.
        file_name: String,
        /// The agent's reason for the change.
        intention: String,
        /// The changes of the file, as a diff.
        diff: String,
        /// The contents of the file after the change; `None` on CLIs that do not report it.
        new_file_contents: Option<String>,
        /// Whether the CLI accepts an approval for the session.
        can_offer_session_approval: bool,
        /// Whether the change needs to leave the sandbox.
        request_sandbox_bypass: bool,
        /// The reason for leaving the sandbox.
        request_sandbox_bypass_reason: Option<String>,
    }
    /// A file to read.
    ReadSubject {
        /// The path of the file.
        path: String,
        /// The agent's reason for the read.
        intention: String,
        /// Whether the read needs to leave the sandbox.
        request_sandbox_bypass: bool,
        /// The reason for leaving the sandbox.
        request_sandbox_bypass_reason: Option<String>,
    }
    /// A tool of an MCP server.
    McpSubject {
        /// The name of the MCP server.
        server_name: String,
        /// The tool, as the model calls it.
        tool_name: String,
        /// The tool's name for people.
        tool_title: String,
        /// The arguments of the call.
        args: Value,
        /// Whether the server declares that the tool changes nothing.
        read_only: bool,
        /// The CLI's recommendation, such as `approve`; `None` without one.
        permission_recommendation: Option<String>,
    }
    /// An address to fetch.
    UrlSubject {
        /// The URL that the agent wants to fetch.
        url: String,
        /// The agent's reason for the request.
        intention: String,
        /// The URL that redirected to this one; `None` without a redirection.
        redirected_from: Option<String>,
        /// Whether the request needs to leave the sandbox.
        request_sandbox_bypass: bool,
        /// The reason for leaving the sandbox.
        request_sandbox_bypass_reason: Option<String>,
    }
    /// A change of the agent's memory.
    MemorySubject {
        /// Whether the agent stores a new fact or votes on a stored one.
        action: MemoryAction,
        /// The subject of the fact; `None` where the agent names none.
        subject: Option<String>,
        /// The fact that the agent wants to remember.
        fact: String,
        /// The sources of the fact; `None` where the agent names none.
        citations: Option<String>,
        /// The agent's reason for the change; `None` where it gives none.
        reason: Option<String>,
        /// The agent's vote; `None` unless the action is a vote.
        direction: Option<MemoryDirection>,
        /// The scope of the memory: `repository` or `user`.
        scope: Option<String>,
        /// The repository, as `owner/name`.
        repo_nwo: Option<String>,
    }
    /// A tool of this or another program.
    CustomToolSubject {
        /// The name of the tool.
        tool_name: String,
        /// The description of the tool.
        tool_description: String,
        /// The arguments of the call.
        args: Value,
        /// Whether the tool is declared as one that needs no permission.
        skip_permission: bool,
    }
    /// A tool of the CLI, such as `sql` or `task`.
    BuiltinToolSubject {
        /// The name of the tool.
        tool_name: String,
        /// The arguments of the call.
        args: Value,
    }
    /// A tool for which a hook requires a confirmation.
    HookSubject {
        /// The name of the tool.
        tool_name: String,
        /// The arguments of the call.
        tool_args: Value,
        /// The message of the hook; `None` where it gave none.
        hook_message: Option<String>,
    }
    /// A change to the extensions.
    ExtensionManagementSubject {
        /// The operation, such as `reload`.
        operation: String,
        /// The name of the extension; `None` where the operation is for all of them.
        extension_name: Option<String>,
    }
    /// A workflow that the agent wants to run or write.
    WorkflowSubject {
        /// Whether it is to be run or written.
        operation: WorkflowOperation,
        /// The name of the workflow.
        name: String,
        /// The purpose of the workflow.
        description: String,
        /// The identifier of the workflow in approvals.
        approval_key: String,
        /// The phases of the workflow, in their order.
        phases: Vec<WorkflowPhase>,
        /// Whether the CLI can store an approval.
        can_persist_approval: bool,
        /// The largest number of sub-agents that work at the same time; `None` where the request names none.
        max_concurrent_subagents: Option<u64>,
        /// The time limit of the workflow, in seconds; `None` where the request names none.
        timeout_seconds: Option<f64>,
        /// The largest number of sub-agents in total; `None` where the request names none.
        max_total_subagents: Option<u64>,
        /// The largest number of AI credits; `None` where the request names none.
        max_ai_credits: Option<f64>,
        /// Other members that the CLI sent.
        #[serde(flatten)]
        other: BTreeMap<String, Value>,
    }
    /// A part of a workflow.
    WorkflowPhase {
        /// The title of the phase.
        title: String,
        /// The details of the phase; `None` where there are none.
        detail: Option<String>,
    }
    /// Capabilities that an extension asks for.
    ExtensionPermissionSubject {
        /// The name of the extension.
        extension_name: String,
        /// The names of the capabilities.
        capabilities: Vec<String>,
    }
    /// Variables of the environment that an extension asks for.
    ExtensionEnvSubject {
        /// The name of the extension.
        extension_name: String,
        /// The names of the environment variables.
        environment_variables: Vec<String>,
    }
}

vocabulary! {
    /// The change of the agent's memory.
    MemoryAction {
        /// A new fact is stored.
        Store = "store",
        /// The agent votes on a stored fact.
        Vote = "vote",
    }
}

vocabulary! {
    /// The agent's vote on a stored fact.
    MemoryDirection {
        /// The fact is confirmed.
        Upvote = "upvote",
        /// The fact is refuted.
        Downvote = "downvote",
    }
}

vocabulary! {
    /// The operation on a workflow.
    WorkflowOperation {
        /// The workflow is run.
        Run = "run",
        /// The workflow is written.
        Author = "author",
    }
}
