//! The subjects of permission requests, by kind.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::protocol::lenient;
use crate::protocol::vocabulary::vocabulary;

/// Declares the payload of one kind of request; what the CLI does not send is empty.
macro_rules! subjects {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
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
    /// A change of the agent's memory.
    Memory(MemorySubject),
    /// To call a tool of this or another program.
    CustomTool(CustomToolSubject),
    /// To use a tool of the CLI.
    BuiltinTool(BuiltinToolSubject),
    /// To continue although a hook requires a confirmation.
    Hook(HookSubject),
    /// To change which extensions there are.
    ExtensionManagement(ExtensionManagementSubject),
    /// To run or write a workflow.
    Workflow(WorkflowSubject),
    /// To give an extension what it asks for.
    ExtensionPermissionAccess(ExtensionPermissionSubject),
    /// To give an extension variables of the environment.
    ExtensionEnvAccess(ExtensionEnvSubject),
    /// Something that this version of the library does not know; see
    /// [`PermissionRequest::data`](crate::PermissionRequest::data).
    Other,
}

subjects! {
    /// A shell command that the agent wants to run.
    ShellSubject {
        /// The whole command line.
        full_command_text: String,
        /// Why the agent wants it.
        intention: String,
        /// The commands in it.
        commands: Vec<ShellCommandSubject>,
        /// Paths that it may touch.
        possible_paths: Vec<String>,
        /// Addresses that it may reach.
        possible_urls: Vec<PossibleUrl>,
        /// Whether its output is written to a file.
        has_write_file_redirection: bool,
        /// Whether the CLI would take an approval for the session.
        can_offer_session_approval: bool,
        /// A warning about the command; `None` where the CLI has none.
        warning: Option<String>,
        /// The parts of the command line, each with its text.
        command_segments: Vec<CommandSegment>,
        /// Whether to leave the sandbox, and not only to do this.
        request_sandbox_bypass: bool,
        /// The reason for leaving the sandbox.
        request_sandbox_bypass_reason: Option<String>,
    }
    /// A part of a command line.
    CommandSegment {
        /// How approvals name the command.
        identifier: String,
        /// The text of the part.
        full_command_text: String,
    }
    /// One command of a command line.
    ShellCommandSubject {
        /// How approvals name it.
        identifier: String,
        /// Whether the CLI knows it to change nothing.
        read_only: bool,
    }
    /// An address that a command may reach.
    PossibleUrl {
        /// The URL in the command.
        url: String,
    }
    /// A file to write.
    WriteSubject {
        /// The path of the file.
        file_name: String,
        /// Why the agent wants it.
        intention: String,
        /// The changes of the file, as a unified diff.
        diff: String,
        /// The contents of the file after the change; `None` on CLIs that do not report it.
        new_file_contents: Option<String>,
        /// Whether the CLI would take an approval for the session.
        can_offer_session_approval: bool,
        /// Whether to leave the sandbox, and not only to do this.
        request_sandbox_bypass: bool,
        /// The reason for leaving the sandbox.
        request_sandbox_bypass_reason: Option<String>,
    }
    /// A file to read.
    ReadSubject {
        /// The path of the file.
        path: String,
        /// Why the agent wants it.
        intention: String,
        /// Whether to leave the sandbox, and not only to do this.
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
        /// Whether the server says that it changes nothing.
        read_only: bool,
        /// The CLI's recommendation, such as `approve`; `None` without one.
        permission_recommendation: Option<String>,
    }
    /// An address to fetch.
    UrlSubject {
        /// The URL that the agent wants to fetch.
        url: String,
        /// Why the agent wants it.
        intention: String,
        /// The address that led to this one.
        redirected_from: Option<String>,
        /// Whether to leave the sandbox, and not only to do this.
        request_sandbox_bypass: bool,
        /// The reason for leaving the sandbox.
        request_sandbox_bypass_reason: Option<String>,
    }
    /// A change of the agent's memory.
    MemorySubject {
        /// Whether it is new, or a word on what is remembered already.
        action: MemoryAction,
        /// The subject of the fact; `None` where the agent names none.
        subject: Option<String>,
        /// The fact that the agent wants to remember.
        fact: String,
        /// Where it comes from.
        citations: Option<String>,
        /// Why the agent wants it.
        reason: Option<String>,
        /// Whether the agent agrees with what is remembered, for a vote.
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
        /// How approvals name it.
        approval_key: String,
        /// The phases of the workflow, in their order.
        phases: Vec<WorkflowPhase>,
        /// Whether the CLI would keep an approval.
        can_persist_approval: bool,
        /// The number of sub-agents that it may have at the same time.
        #[serde(deserialize_with = "lenient::maybe_count")]
        max_concurrent_subagents: Option<u64>,
        /// How long it may work, in seconds.
        timeout_seconds: Option<f64>,
        /// How many sub-agents it may start in all.
        #[serde(deserialize_with = "lenient::maybe_count")]
        max_total_subagents: Option<u64>,
        /// How many AI credits it may use.
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
        /// To remember something new.
        Store = "store",
        /// To say whether something remembered holds.
        Vote = "vote",
    }
}

vocabulary! {
    /// The agent's vote on something remembered.
    MemoryDirection {
        /// The fact is confirmed.
        Upvote = "upvote",
        /// It does not hold.
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
