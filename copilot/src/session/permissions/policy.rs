//! The policy of a session: the permissions of the agent. Pure.

use super::decision::Decision;
use super::request::PermissionRequest;
use crate::protocol::permissions::{PermissionDetails, PermissionKind};

/// Which of the agent's wishes are granted.
///
/// The default grants the tools that the program itself registered, unless they are marked `destructive` or their
/// `needs_approval` says so, and denies everything else. They hold for each call of a tool, whether the CLI requests a
/// permission for it or not: for tools of MCP servers and of the CLI, for calls of sub-agents, and for calls that a hook
/// or an approval on disk would permit.
///
/// # Examples
///
/// ```
/// use copilot::Permissions;
/// use copilot::permissions::PermissionKind;
///
/// let permissions = Permissions::read_only().allow(PermissionKind::Url).deny(PermissionKind::Mcp);
/// # let _ = permissions;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Permissions {
    base: Base,
    /// Each kind at most once; few enough to be searched one by one.
    rules: Vec<(PermissionKind, bool)>,
    sandbox_bypass: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Base {
    #[default]
    OwnTools,
    ReadOnly,
    ApproveAll,
    DenyAll,
}

impl Permissions {
    /// Grants everything, destructive tools and shell commands included, except
    /// [leaving the sandbox](Self::allow_sandbox_bypass).
    pub fn approve_all() -> Self {
        Self { base: Base::ApproveAll, ..Self::default() }
    }

    /// Grants reading files, and the program's own tools that are not marked `destructive`.
    ///
    /// A shell command is granted only where the CLI marks each part of it as read-only, and CLI 1.0.102 does so for
    /// hardly any: `ls` and `cat` are denied. Tools of MCP servers are denied: the server alone says that they change
    /// nothing. `allow(PermissionKind::Shell)` and `allow(PermissionKind::Mcp)` grant all of them.
    pub fn read_only() -> Self {
        Self { base: Base::ReadOnly, ..Self::default() }
    }

    /// Grants nothing, the program's own tools included.
    pub fn deny_all() -> Self {
        Self { base: Base::DenyAll, ..Self::default() }
    }

    /// Grants every request of this kind.
    pub fn allow(self, kind: PermissionKind) -> Self {
        self.with(kind, true)
    }

    /// Denies every request of this kind.
    pub fn deny(self, kind: PermissionKind) -> Self {
        self.with(kind, false)
    }

    fn with(mut self, kind: PermissionKind, granted: bool) -> Self {
        self.rules.retain(|(other, _)| *other != kind);
        self.rules.push((kind, granted));
        self
    }

    fn rule(&self, kind: &PermissionKind) -> Option<bool> {
        self.rules.iter().find(|(other, _)| other == kind).map(|(_, granted)| *granted)
    }

    /// Grants requests to leave the sandbox too, where the request is granted otherwise. Without it no policy grants
    /// them, [`approve_all`](Self::approve_all) included, and a handler only with
    /// [`Decision::ApproveSandboxBypass`].
    pub fn allow_sandbox_bypass(mut self) -> Self {
        self.sandbox_bypass = true;
        self
    }

    /// Whether there is nothing that these permissions deny by the kind of a tool.
    pub(crate) fn grants_all(&self) -> bool {
        self.base == Base::ApproveAll && self.rules.iter().all(|(_, granted)| *granted)
    }

    /// Whether each own tool is granted that needs no approval.
    pub(crate) fn grants_harmless_tools(&self) -> bool {
        self.rule(&PermissionKind::CustomTool).unwrap_or(self.base != Base::DenyAll)
    }

    /// Whether the program has decided about all requests of this kind.
    pub(super) fn rules_on(&self, kind: &PermissionKind) -> bool {
        self.rule(kind).is_some() || matches!(self.base, Base::ApproveAll | Base::DenyAll)
    }

    /// Whether requests of this kind are denied by the program, and not only for want of a grant.
    #[cfg(feature = "toolbox")]
    pub(crate) fn denies(&self, kind: &PermissionKind) -> bool {
        self.rule(kind).map_or(self.base == Base::DenyAll, |granted| !granted)
    }

    pub(crate) fn grants_sandbox_bypass(&self) -> bool {
        self.sandbox_bypass
    }

    /// Decides without asking anybody. `own` says what the program knows of the tool that is asked for.
    pub(crate) fn decide(&self, request: &PermissionRequest, own: Option<OwnTool>) -> Decision {
        let details = &request.details;
        // An administrator wants a person to look at it, or the sandbox is to be left.
        if details.managed_approval_required || details.request_sandbox_bypass && !self.sandbox_bypass {
            return Decision::Unavailable;
        }
        let granted = match self.rule(&details.kind) {
            Some(granted) => granted,
            None => match self.base {
                Base::ApproveAll => true,
                Base::DenyAll => false,
                Base::OwnTools => own.is_some_and(|tool| !tool.needs_approval),
                Base::ReadOnly => own.map_or_else(|| details.only_reads(), |tool| !tool.needs_approval),
            },
        };
        if granted { Decision::Approve } else { Decision::Unavailable }
    }
}

/// A tool of the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnTool {
    /// Whether a user has to agree to this call.
    pub(crate) needs_approval: bool,
}

impl PermissionDetails {
    fn only_reads(&self) -> bool {
        match self.kind {
            PermissionKind::Read => true,
            PermissionKind::Shell => {
                !self.has_write_file_redirection
                    && !self.commands.is_empty()
                    && self.commands.iter().all(|command| command.read_only)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn decide(permissions: &Permissions, request: &Value, own: Option<bool>) -> bool {
        let raw = serde_json::value::to_raw_value(request).unwrap();
        let request = PermissionRequest::read(&"s".into(), &raw).unwrap();
        let own = own.map(|needs_approval| OwnTool { needs_approval });
        permissions.decide(&request, own) == Decision::Approve
    }

    #[test]
    fn the_last_rule_for_a_kind_counts_and_leaves_the_others() {
        let rules = Permissions::default().allow(PermissionKind::Url).allow(PermissionKind::Mcp);
        let rules = rules.deny(PermissionKind::Url).allow(PermissionKind::Write);
        for (kind, granted) in [("url", false), ("mcp", true), ("write", true), ("read", false)] {
            assert_eq!(decide(&rules, &json!({"kind": kind}), None), granted, "{kind}");
        }
        assert!(decide(&rules.allow(PermissionKind::Url), &json!({"kind": "url"}), None));
    }

    #[test]
    fn the_default_grants_our_own_harmless_tools_only() {
        let default = Permissions::default();
        let tool = json!({"kind": "custom-tool", "toolName": "t"});
        assert!(decide(&default, &tool, Some(false)));
        assert!(!decide(&default, &tool, Some(true)));
        assert!(!decide(&default, &tool, None));
        for kind in ["shell", "write", "read", "url", "mcp", "never-heard-of"] {
            assert!(!decide(&default, &json!({"kind": kind}), None), "{kind}");
        }
    }

    #[test]
    fn read_only_looks_at_what_the_request_would_do() {
        let read_only = Permissions::read_only();
        for (granted, request) in [
            (true, json!({"kind": "read", "path": "/x"})),
            (false, json!({"kind": "write", "fileName": "/x"})),
            (true, json!({"kind": "shell", "commands": [{"identifier": "ls", "readOnly": true}]})),
            (false, json!({"kind": "shell", "commands": [{"readOnly": true}, {"readOnly": false}]})),
            (
                false,
                json!({"kind": "shell", "commands": [{"readOnly": true}], "hasWriteFileRedirection": true}),
            ),
            (false, json!({"kind": "shell", "commands": []})),
            // Only the server says so.
            (false, json!({"kind": "mcp", "readOnly": true})),
            (false, json!({"kind": "mcp"})),
        ] {
            assert_eq!(decide(&read_only, &request, None), granted, "{request}");
        }
    }

    #[test]
    fn rules_win_over_the_base_and_an_administrator_over_both() {
        let permissions = Permissions::approve_all().deny(PermissionKind::Shell);
        assert!(!decide(&permissions, &json!({"kind": "shell"}), None));
        assert!(decide(&permissions, &json!({"kind": "url"}), None));
        assert!(!decide(&permissions, &json!({"kind": "url", "managedApprovalRequired": true}), None));
        let permissions = Permissions::deny_all().allow(PermissionKind::Read);
        assert!(decide(&permissions, &json!({"kind": "read"}), None));
        assert!(!decide(&permissions, &json!({"kind": "custom-tool"}), Some(false)));
    }
}
