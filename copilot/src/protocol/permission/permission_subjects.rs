//! What a permission is asked for, kind by kind.

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

/// What the agent asks permission for, with all that the CLI tells about it. Made by
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
    /// To remember something.
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
    /// A shell command.
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
        /// What to beware of.
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
        /// The address.
        url: String,
    }
    /// A file to write.
    WriteSubject {
        /// The file.
        file_name: String,
        /// Why the agent wants it.
        intention: String,
        /// What changes in it.
        diff: String,
        /// What it would contain.
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
        /// The file.
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
        /// The server.
        server_name: String,
        /// The tool, as the model calls it.
        tool_name: String,
        /// The tool's name for people.
        tool_title: String,
        /// What it is called with.
        args: Value,
        /// Whether the server says that it changes nothing.
        read_only: bool,
        /// The CLI's recommendation, such as `approve`; `None` without one.
        permission_recommendation: Option<String>,
    }
    /// An address to fetch.
    UrlSubject {
        /// The address.
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
    /// Something to remember.
    MemorySubject {
        /// Whether it is new, or a word on what is remembered already.
        action: MemoryAction,
        /// What it is about.
        subject: Option<String>,
        /// What is to be remembered.
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
        /// The tool.
        tool_name: String,
        /// What it does.
        tool_description: String,
        /// What it is called with.
        args: Value,
        /// Whether the tool is declared as one that needs no permission.
        skip_permission: bool,
    }
    /// A tool of the CLI, such as `sql` or `task`.
    BuiltinToolSubject {
        /// The tool.
        tool_name: String,
        /// Its arguments.
        args: Value,
    }
    /// A tool for which a hook requires a confirmation.
    HookSubject {
        /// The tool.
        tool_name: String,
        /// What it is called with.
        tool_args: Value,
        /// What the hook says.
        hook_message: Option<String>,
    }
    /// A change to the extensions.
    ExtensionManagementSubject {
        /// What is to be done, such as `reload`.
        operation: String,
        /// The extension.
        extension_name: Option<String>,
    }
    /// A workflow.
    WorkflowSubject {
        /// Whether it is to be run or written.
        operation: WorkflowOperation,
        /// Its name.
        name: String,
        /// What it does.
        description: String,
        /// How approvals name it.
        approval_key: String,
        /// Its parts.
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
        /// The title.
        title: String,
        /// More about it.
        detail: Option<String>,
    }
    /// What an extension asks for.
    ExtensionPermissionSubject {
        /// The extension.
        extension_name: String,
        /// What it wants to be able to do.
        capabilities: Vec<String>,
    }
    /// Variables of the environment that an extension asks for.
    ExtensionEnvSubject {
        /// The extension.
        extension_name: String,
        /// Their names.
        environment_variables: Vec<String>,
    }
}

vocabulary! {
    /// What is to be done with the agent's memory.
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
        /// It holds.
        Upvote = "upvote",
        /// It does not hold.
        Downvote = "downvote",
    }
}

vocabulary! {
    /// What is to be done with a workflow.
    WorkflowOperation {
        /// To run it.
        Run = "run",
        /// To write it.
        Author = "author",
    }
}
