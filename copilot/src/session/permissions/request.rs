//! Permission requests, as the program sees them.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::decision::Decision;
use crate::error::{Error, Result};
use crate::protocol::decode::{self, Decode};
use crate::protocol::permission_subjects::PermissionSubject;
use crate::protocol::permissions::{Approval, OwnToolRequest, PermissionDetails, PermissionKind};
use crate::protocol::tools::ToolRequested;
use crate::protocol::{SessionId, ToolCallId, encode};
use crate::tools::Tool;

/// A permission request of the agent. Wire: `permission.requested`, from the CLI.
#[derive(Clone)]
pub struct PermissionRequest {
    session_id: SessionId,
    pub(in crate::session) details: PermissionDetails,
    raw: Arc<RawValue>,
}

impl PermissionRequest {
    pub(crate) fn read(session_id: &SessionId, raw: &RawValue) -> serde_json::Result<Self> {
        // A list would be read as the members in their order.
        if !raw.get().starts_with('{') {
            return Err(serde::de::Error::custom("a permission request is an object"));
        }
        let details = decode::question(raw.get())?;
        Ok(Self { session_id: session_id.clone(), details, raw: Arc::from(raw.to_owned()) })
    }

    /// Reads a request of the CLI's list.
    pub(crate) fn listed(session_id: &SessionId, raw: &RawValue) -> Result<Self> {
        Self::read(session_id, raw).map_err(|source| {
            Error::decode(format!("{}: a request cannot be read", super::pending::LIST), source)
        })
    }

    /// The request that protocol 3 would make for a call of the program's own tool.
    pub(crate) fn for_own_tool(session_id: &SessionId, tool: &Tool, call: &ToolRequested<'_>) -> Self {
        let request = OwnToolRequest {
            kind: PermissionKind::CustomTool,
            tool_call_id: &call.tool_call_id,
            tool_name: tool.name(),
            tool_description: tool.description(),
            args: call.arguments,
        };
        let raw = encode::raw(&request).expect("texts and JSON are JSON");
        Self::read(session_id, &raw).expect("what was just written can be read")
    }

    /// The session that asks.
    pub fn session_id(&self) -> &SessionId {
        &self.session_id
    }

    /// The kind of wish.
    pub fn kind(&self) -> &PermissionKind {
        &self.details.kind
    }

    /// The tool call that it is for.
    pub fn tool_call_id(&self) -> Option<ToolCallId> {
        self.details.tool_call_id.as_deref().map(ToolCallId::from)
    }

    /// Why the agent wants it, in its own words.
    pub fn intention(&self) -> Option<&str> {
        self.details.intention.as_deref()
    }

    /// The whole command line, of [`PermissionKind::Shell`].
    pub fn command(&self) -> Option<&str> {
        self.details.full_command_text.as_deref()
    }

    /// The commands in the command line, of [`PermissionKind::Shell`], as approvals name them.
    pub fn command_identifiers(&self) -> impl Iterator<Item = &str> {
        self.details.commands.iter().filter_map(|command| command.identifier.as_deref())
    }

    /// The approval that covers this request and its like; `None` where there is none for its kind, or where the
    /// request does not name what an approval would have to name: nothing wider stands in for it.
    pub fn approval(&self) -> Option<Approval> {
        let details = &self.details;
        Some(match details.kind {
            PermissionKind::Shell => {
                let command_identifiers: Vec<_> = self.command_identifiers().map(str::to_owned).collect();
                if command_identifiers.is_empty() {
                    return None;
                }
                Approval::Commands { command_identifiers }
            }
            PermissionKind::Read => Approval::Read,
            PermissionKind::Write => Approval::Write,
            PermissionKind::Mcp => Approval::Mcp {
                server_name: details.server_name.clone()?,
                tool_name: Some(self.bare_tool_name()?.to_owned()),
            },
            PermissionKind::Memory => Approval::Memory,
            PermissionKind::CustomTool => Approval::CustomTool { tool_name: details.tool_name.clone()? },
            PermissionKind::ExtensionManagement => {
                Approval::ExtensionManagement { operation: Some(details.operation.clone()?) }
            }
            PermissionKind::Workflow => {
                Approval::Workflow { approval_key: Some(details.approval_key.clone()?) }
            }
            PermissionKind::ExtensionPermissionAccess => {
                Approval::ExtensionPermissionAccess { extension_name: details.extension_name.clone()? }
            }
            PermissionKind::ExtensionEnvAccess => Approval::ExtensionEnvAccess {
                extension_name: details.extension_name.clone()?,
                environment_variables: details.environment_variables.clone(),
            },
            _ => return None,
        })
    }

    /// Grants this request and its like for as long as the session lives: for an address, what has the same origin.
    /// Once, where it has no [`approval`](Self::approval).
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Session;
    /// use copilot::permissions::PermissionKind;
    ///
    /// let builder = Session::builder().on_permission(|request| async move {
    ///     match request.kind() {
    ///         PermissionKind::Read => request.approve_for_session(),
    ///         _ => copilot::Decision::Unavailable,
    ///     }
    /// });
    /// # drop(builder);
    /// ```
    pub fn approve_for_session(&self) -> Decision {
        match (self.approval(), self.origin()) {
            (Some(approval), _) => Decision::ApproveForSession(approval),
            (None, Some(domain)) => Decision::ApproveDomainForSession { domain: domain.to_owned() },
            (None, None) => Decision::Approve,
        }
    }

    /// The origin of the address, of [`PermissionKind::Url`], such as `https://example.com`, as approvals name it.
    pub fn origin(&self) -> Option<&str> {
        let url = self.url()?;
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())?;
        // Credentials do not belong to an origin, and an origin without them is not a prefix of the address.
        Some(&url[..scheme.len() + "://".len() + authority.len()]).filter(|origin| !origin.contains('@'))
    }

    /// Returns all members of the request, by its kind.
    ///
    /// # Errors
    ///
    /// When the request does not have the shape of its kind.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::permissions::PermissionSubject;
    /// use copilot::{Decision, Session};
    ///
    /// let builder = Session::builder().on_permission(|request| async move {
    ///     Ok::<_, copilot::Error>(match request.subject()? {
    ///         PermissionSubject::Write(file) if !file.diff.contains("secret") => Decision::Approve,
    ///         PermissionSubject::Shell(shell) if shell.warning.is_none() => Decision::Approve,
    ///         _ => Decision::Default,
    ///     })
    /// });
    /// # drop(builder);
    /// ```
    pub fn subject(&self) -> Result<PermissionSubject> {
        use PermissionSubject as Subject;
        Ok(match self.kind() {
            PermissionKind::Shell => Subject::Shell(self.typed()?),
            PermissionKind::Write => Subject::Write(self.typed()?),
            PermissionKind::Read => Subject::Read(self.typed()?),
            PermissionKind::Mcp => Subject::Mcp(self.typed()?),
            PermissionKind::Url => Subject::Url(self.typed()?),
            PermissionKind::Memory => Subject::Memory(self.typed()?),
            PermissionKind::CustomTool => Subject::CustomTool(self.typed()?),
            PermissionKind::BuiltinTool => Subject::BuiltinTool(self.typed()?),
            PermissionKind::Hook => Subject::Hook(self.typed()?),
            PermissionKind::ExtensionManagement => Subject::ExtensionManagement(self.typed()?),
            PermissionKind::Workflow => Subject::Workflow(self.typed()?),
            PermissionKind::ExtensionPermissionAccess => Subject::ExtensionPermissionAccess(self.typed()?),
            PermissionKind::ExtensionEnvAccess => Subject::ExtensionEnvAccess(self.typed()?),
            PermissionKind::Other(_) => Subject::Other,
        })
    }

    fn typed<'a, T: Decode<'a>>(&'a self) -> Result<T> {
        decode::question(self.raw()).map_err(|source| self.unexpected_shape(source))
    }

    /// The file, of [`PermissionKind::Read`] and [`PermissionKind::Write`].
    pub fn path(&self) -> Option<&str> {
        self.details.path.as_deref().or(self.details.file_name.as_deref())
    }

    /// The address, of [`PermissionKind::Url`].
    pub fn url(&self) -> Option<&str> {
        self.details.url.as_deref()
    }

    /// The MCP server, of [`PermissionKind::Mcp`].
    pub fn server_name(&self) -> Option<&str> {
        self.details.server_name.as_deref()
    }

    /// The tool, of [`PermissionKind::CustomTool`] and [`PermissionKind::Mcp`].
    pub fn tool_name(&self) -> Option<&str> {
        self.details.tool_name.as_deref()
    }

    /// The tool of an MCP server without the server's name, as approvals want it.
    fn bare_tool_name(&self) -> Option<&str> {
        let name = self.tool_name()?;
        let bare = self.server_name().and_then(|server| name.strip_prefix(server)?.strip_prefix('-'));
        Some(bare.unwrap_or(name))
    }

    /// Returns the arguments of the tool, of [`PermissionKind::CustomTool`] and [`PermissionKind::Mcp`].
    pub fn arguments(&self) -> Value {
        #[derive(Decode)]
        struct Arguments {
            #[serde(default)]
            args: Value,
        }
        decode::question::<Arguments>(self.raw()).map(|request| request.args).unwrap_or_default()
    }

    /// Whether this is a request to leave the sandbox. Only [`Decision::ApproveSandboxBypass`] grants it, unless the
    /// session's permissions [allow it](crate::Permissions::allow_sandbox_bypass).
    pub fn requests_sandbox_bypass(&self) -> bool {
        self.details.request_sandbox_bypass
    }

    /// The reason for leaving the sandbox; `None` where the sandbox stays or the CLI gives no reason.
    pub fn sandbox_bypass_reason(&self) -> Option<&str> {
        self.details.request_sandbox_bypass_reason.as_deref()
    }

    /// Whether an administrator wants a person to decide.
    pub fn managed_approval_required(&self) -> bool {
        self.details.managed_approval_required
    }

    /// The request as JSON text, unchanged.
    pub fn raw(&self) -> &str {
        self.raw.get()
    }

    /// The request read as a type of your own.
    ///
    /// # Errors
    ///
    /// When it does not have that shape.
    pub fn data<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        serde_json::from_str(self.raw()).map_err(|source| self.unexpected_shape(source))
    }

    fn unexpected_shape(&self, source: serde_json::Error) -> Error {
        Error::decode(format!("the permission request of kind `{}` has another shape", self.kind()), source)
    }
}

impl fmt::Debug for PermissionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PermissionRequest").field(&self.raw()).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(request: &Value) -> PermissionRequest {
        let raw = serde_json::value::to_raw_value(request).unwrap();
        PermissionRequest::read(&"s".into(), &raw).unwrap()
    }

    #[test]
    fn an_approval_covers_what_is_asked_for() {
        let approval =
            |asked: Value| request(&asked).approval().map(|approval| serde_json::to_value(approval).unwrap());
        // As 1.0.102 asks.
        let shell = json!({"kind": "shell", "toolCallId": "c", "fullCommandText": "echo hello", "shellType": "bash",
            "commands": [{"identifier": "echo hello", "readOnly": false}], "possiblePaths": [],
            "canOfferSessionApproval": false, "hasWriteFileRedirection": false, "possibleUrls": []});
        for (asked, approved) in [
            (shell, Some(json!({"kind": "commands", "commandIdentifiers": ["echo hello"]}))),
            (json!({"kind": "read", "path": "/x"}), Some(json!({"kind": "read"}))),
            (json!({"kind": "write", "fileName": "/x"}), Some(json!({"kind": "write"}))),
            // The server's name stands before the tool's in the request, and not in the approval.
            (
                json!({"kind": "mcp", "serverName": "a-b", "toolName": "a-b-c-d"}),
                Some(json!({"kind": "mcp", "serverName": "a-b", "toolName": "c-d"})),
            ),
            (
                json!({"kind": "mcp", "serverName": "a", "toolName": "other"}),
                Some(json!({"kind": "mcp", "serverName": "a", "toolName": "other"})),
            ),
            (json!({"kind": "memory", "fact": "f"}), Some(json!({"kind": "memory"}))),
            (
                json!({"kind": "custom-tool", "toolName": "t"}),
                Some(json!({"kind": "custom-tool", "toolName": "t"})),
            ),
            (
                json!({"kind": "extension-management", "operation": "reload"}),
                Some(json!({"kind": "extension-management", "operation": "reload"})),
            ),
            (
                json!({"kind": "workflow", "approvalKey": "k"}),
                Some(json!({"kind": "workflow", "approvalKey": "k"})),
            ),
            (
                json!({"kind": "extension-permission-access", "extensionName": "e", "capabilities": ["c"]}),
                Some(json!({"kind": "extension-permission-access", "extensionName": "e"})),
            ),
            (
                json!({"kind": "extension-env-access", "extensionName": "e", "environmentVariables": ["V"]}),
                Some(
                    json!({"kind": "extension-env-access", "extensionName": "e", "environmentVariables": ["V"]}),
                ),
            ),
            (json!({"kind": "url", "url": "http://x"}), None),
            (json!({"kind": "hook", "toolName": "t"}), None),
            (json!({"kind": "custom-tool"}), None),
            // An approval without a name would cover more than the request.
            (json!({"kind": "shell", "commands": []}), None),
            (json!({"kind": "mcp", "serverName": "a"}), None),
            (json!({"kind": "extension-management"}), None),
            (json!({"kind": "workflow"}), None),
        ] {
            assert_eq!(approval(asked.clone()), approved, "{asked}");
        }
    }

    #[test]
    fn a_request_says_whose_call_it_is_and_why() {
        let asked = json!({"kind": "shell", "toolCallId": "c", "intention": "look", "fullCommandText": "ls"});
        let asked = request(&asked);
        assert_eq!((asked.session_id().as_str(), asked.kind()), ("s", &PermissionKind::Shell));
        assert_eq!(asked.tool_call_id(), Some("c".into()));
        assert_eq!((asked.intention(), asked.command()), (Some("look"), Some("ls")));
        let bare = request(&json!({"kind": "shell"}));
        assert_eq!((bare.tool_call_id(), bare.intention(), bare.command()), (None, None, None));
    }

    #[test]
    fn an_address_is_approved_by_its_origin() {
        for (url, origin) in [
            ("https://example.com/a?b", Some("https://example.com")),
            ("http://127.0.0.1:8080#x", Some("http://127.0.0.1:8080")),
            ("http://[::1]:80/", Some("http://[::1]:80")),
            ("http://user:word@example.com/", None),
            ("mailto:someone", None),
            ("file:///etc/passwd", None),
        ] {
            let asked = request(&json!({"kind": "url", "url": url}));
            assert_eq!(asked.origin(), origin, "{url}");
            let for_domain = |domain: &str| Decision::ApproveDomainForSession { domain: domain.to_owned() };
            assert_eq!(asked.approve_for_session(), origin.map_or(Decision::Approve, for_domain));
        }
    }

    #[test]
    fn every_kind_has_a_subject() {
        for kind in [
            "shell",
            "write",
            "read",
            "mcp",
            "url",
            "memory",
            "custom-tool",
            "builtin-tool",
            "hook",
            "extension-management",
            "workflow",
            "extension-permission-access",
            "extension-env-access",
        ] {
            let subject = request(&json!({"kind": kind, "novelty": 1})).subject().unwrap();
            assert_ne!(subject, PermissionSubject::Other, "{kind}");
        }
        assert_eq!(request(&json!({"kind": "novelty"})).subject().unwrap(), PermissionSubject::Other);
        request(&json!({"kind": "memory", "fact": 5})).subject().unwrap_err();
        let write = json!({"kind": "write", "fileName": "/x", "diff": "+a", "newFileContents": "a"});
        let PermissionSubject::Write(write) = request(&write).subject().unwrap() else {
            panic!("it is a file")
        };
        assert_eq!(
            (&*write.file_name, &*write.diff, write.new_file_contents.as_deref()),
            ("/x", "+a", Some("a"))
        );
    }
}
