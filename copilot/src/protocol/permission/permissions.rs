//! `permission.*` and `session.permissions.*`: the agent requests permission for an action.
//!
//! Protocol 3 has two vocabularies of decisions, and a CLI does not understand words of the wrong one, so each request
//! carries the vocabulary of its response.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::protocol::SessionId;
use crate::protocol::decode::{self, Decode};
use crate::protocol::settings::settings;
use crate::protocol::vocabulary::vocabulary;

vocabulary! {
    /// The kind of action that the agent asks permission for.
    PermissionKind {
        /// To run a shell command.
        Shell = "shell",
        /// To write a file.
        Write = "write",
        /// To read a file.
        Read = "read",
        /// To call a tool of an MCP server.
        Mcp = "mcp",
        /// To fetch an address.
        Url = "url",
        /// To change the agent's memory.
        Memory = "memory",
        /// To call a tool of this or another program.
        CustomTool = "custom-tool",
        /// To use a tool of the CLI for which the CLI itself requests nothing, such as `sql` or `task`. This library
        /// makes the request.
        BuiltinTool = "builtin-tool",
        /// To continue although a hook requires a confirmation.
        Hook = "hook",
        /// To change the installed extensions.
        ExtensionManagement = "extension-management",
        /// To run or write a workflow.
        Workflow = "workflow",
        /// To grant an extension the capabilities that it asks for.
        ExtensionPermissionAccess = "extension-permission-access",
        /// To give an extension variables of the environment.
        ExtensionEnvAccess = "extension-env-access",
    }
}

/// The payload of `permission.requested`.
#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PermissionAsked<'a> {
    #[serde(default)]
    pub(crate) request_id: Cow<'a, str>,
    /// Null where it is missing: the request must be answered even then, because the CLI waits without a limit.
    #[serde(default = "null")]
    pub(crate) permission_request: &'a RawValue,
    /// Only CLIs with the new vocabulary send it.
    #[serde(default)]
    pub(crate) prompt_request: Option<&'a RawValue>,
    /// Anything other than `true` means that the request is still open.
    #[serde(default)]
    pub(crate) resolved_by_hook: Option<&'a RawValue>,
}

fn null<'a>() -> &'a RawValue {
    RawValue::NULL
}

/// The payload of `permission.completed`.
#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PermissionSettled<'a> {
    #[serde(default)]
    pub(crate) request_id: Cow<'a, str>,
    #[serde(default)]
    pub(crate) tool_call_id: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) result: Option<SettledResult<'a>>,
}

#[derive(Debug, Decode)]
pub(crate) struct SettledResult<'a> {
    #[serde(default)]
    pub(crate) kind: Cow<'a, str>,
}

/// A permission request for a tool of the program, as protocol 3 words it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OwnToolRequest<'a> {
    pub(crate) kind: PermissionKind,
    pub(crate) tool_call_id: &'a str,
    pub(crate) tool_name: &'a str,
    pub(crate) tool_description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) args: Option<&'a RawValue>,
}

/// The members of a permission request that this library looks at.
#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PermissionDetails {
    pub(crate) kind: PermissionKind,
    pub(crate) tool_call_id: Option<String>,
    pub(crate) intention: Option<String>,
    pub(crate) full_command_text: Option<String>,
    pub(crate) file_name: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) server_name: Option<String>,
    pub(crate) tool_name: Option<String>,
    pub(crate) read_only: Option<bool>,
    pub(crate) commands: Vec<ShellCommand>,
    pub(crate) has_write_file_redirection: bool,
    pub(crate) managed_approval_required: bool,
    pub(crate) extension_name: Option<String>,
    pub(crate) environment_variables: Vec<String>,
    pub(crate) operation: Option<String>,
    pub(crate) approval_key: Option<String>,
    pub(crate) request_sandbox_bypass: bool,
    pub(crate) request_sandbox_bypass_reason: Option<String>,
    pub(crate) hook_message: Option<String>,
    pub(crate) tool_args: Value,
}

#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ShellCommand {
    pub(crate) identifier: Option<String>,
    pub(crate) read_only: bool,
}

/// The range of an approval, beyond the request that it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Approval {
    /// These shell commands, as [`PermissionRequest::command_identifiers`](crate::PermissionRequest::command_identifiers)
    /// names them.
    Commands {
        /// The identifiers of the commands, as the request names them.
        command_identifiers: Vec<String>,
    },
    /// Every read of a file.
    Read,
    /// Every write of a file.
    Write,
    /// Tools of an MCP server.
    Mcp {
        /// The name of the MCP server.
        server_name: String,
        /// The name of the tool; `None` for all tools of the server.
        tool_name: Option<String>,
    },
    /// Answers of a model for an MCP server.
    McpSampling {
        /// The name of the MCP server.
        server_name: String,
    },
    /// Every change of the agent's memory.
    Memory,
    /// A tool that a program provides.
    CustomTool {
        /// The name of the tool.
        tool_name: String,
    },
    /// Changes to the extensions.
    ExtensionManagement {
        /// The operation, such as `reload`; `None` for every operation.
        #[serde(skip_serializing_if = "Option::is_none")]
        operation: Option<String>,
    },
    /// The use of a workflow.
    Workflow {
        /// The workflow, as its request names it; `None` for all workflows.
        #[serde(skip_serializing_if = "Option::is_none")]
        approval_key: Option<String>,
    },
    /// The capabilities that an extension asks for.
    ExtensionPermissionAccess {
        /// The name of the extension.
        extension_name: String,
    },
    /// Variables of the environment for an extension.
    ExtensionEnvAccess {
        /// The name of the extension.
        extension_name: String,
        /// The names of the environment variables.
        environment_variables: Vec<String>,
    },
    /// An approval that this version of the library does not know, as the CLI reads it.
    #[serde(untagged)]
    Other(Value),
}

/// A decision as the CLI reads it.
#[derive(Debug, Default, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DecisionWire<'a> {
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) feedback: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) approval: Option<&'a Approval>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) location_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) domain: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) directories: Option<&'a [String]>,
}

/// The parameters of `session.permissions.handlePendingPermissionRequest`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PermissionAnswerParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) request_id: &'a str,
    pub(crate) result: &'a DecisionWire<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decision_context: Option<&'a DecisionContext>,
}

settings! {
    /// How a decision about a permission request came about, which the CLI records. Wire: `decisionContext` of
    /// `session.permissions.handlePendingPermissionRequest`.
    DecisionContext {
        /// Sets whether a user was asked.
        outcome: (DecisionOutcome),
        /// Sets the maker of the decision.
        source: (DecisionSource),
        /// Sets the program in which the decision was made. Default: the CLI's default for programs.
        surface: text,
    }
}

vocabulary! {
    /// Whether a user was asked for a decision.
    DecisionOutcome {
        /// Granted without a user.
        AutoApproved = "auto_approved",
        /// Denied without a user, because the agent works on its own.
        AutopilotDenied = "autopilot_denied",
        /// A user has decided.
        PromptedUser = "prompted_user",
    }
}

vocabulary! {
    /// The maker of a decision.
    DecisionSource {
        /// A model that judges requests.
        AssistedApproval = "assisted_approval",
        /// A person.
        HumanResponse = "human_response",
        /// A rule of the program.
        HostPolicy = "host_policy",
        /// The default of a program that could ask no user.
        UnattendedFallback = "unattended_fallback",
    }
}

/// The parameters of protocol 2's `permission.request`.
#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PermissionRequestParams<'a> {
    #[serde(default = "null")]
    pub(crate) permission_request: &'a RawValue,
}

/// The answer to `session.permissions.pendingRequests`: what the CLI still waits for.
#[derive(Debug, Default, Decode)]
pub(crate) struct PermissionsPendingResponse {
    #[serde(default)]
    pub(crate) items: Vec<PendingPermission>,
}

/// A permission that was asked for by an event which is past.
#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PendingPermission {
    pub(crate) request_id: String,
    /// The texts of a dialog, until the request itself was found.
    pub(crate) request: Box<RawValue>,
}

impl PendingPermission {
    /// Returns the kind of the request, or of its dialog; `None` where it cannot be read.
    pub(crate) fn kind(&self) -> Option<Cow<'_, str>> {
        #[derive(Decode)]
        struct Kind<'a> {
            kind: Cow<'a, str>,
        }

        decode::event::<Kind<'_>>(self.request.get()).ok().map(|named| named.kind)
    }
}
