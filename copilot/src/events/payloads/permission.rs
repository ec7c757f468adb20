//! Payloads of permissions: what the agent asked for, and what was decided.

use serde_json::Value;

use crate::protocol::instructions::PermissionMode;
use crate::protocol::session::AgentMode;
use crate::protocol::vocabulary::vocabulary;
use crate::protocol::{RequestId, SessionId, ToolCallId};

payload! {
    /// The agent asks for permission.
    pub struct PermissionRequested {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// The request of the agent. Its members depend on its `kind`;
        /// [`PermissionRequest`](crate::PermissionRequest) reads them in the permission handler.
        pub permission_request: Value,
        /// The same as a user interface shows it, on CLIs from 1.0.57 on.
        pub prompt_request: Option<Value>,
        /// The program's assessment of its tool's risk, to be shown. It must not decide.
        pub risk_assessment: Option<Value>,
        /// Whether a hook has answered already.
        pub resolved_by_hook: bool,
        /// The agent's mode; CLI 1.0.102 and later.
        pub agent_mode: Option<AgentMode>,
        /// The CLI's own permission mode; CLI 1.0.102 and later.
        pub permission_mode: Option<PermissionMode>,
        /// The session whose agent asks; CLI 1.0.102 and later.
        pub owner_session_id: Option<SessionId>,
    }

    /// A permission was granted or denied.
    pub struct PermissionCompleted {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// The tool call that it was for.
        pub tool_call_id: Option<ToolCallId>,
        /// The decision about the request.
        pub result: PermissionOutcome,
    }

    /// A decision about a permission. Members that do not belong to its kind are `None` or empty.
    pub struct PermissionOutcome {
        /// The kind of decision.
        pub kind: PermissionOutcomeKind,
        /// The approval, for [`ApprovedForSession`](PermissionOutcomeKind::ApprovedForSession) and
        /// [`ApprovedForLocation`](PermissionOutcomeKind::ApprovedForLocation), in the form of
        /// [`Approval`](crate::permissions::Approval).
        pub approval: Option<Value>,
        /// The directory or repository that it is good for.
        pub location_key: Option<String>,
        /// Whether a prescribed setting asked for the approval.
        pub managed_approval_handled: Option<bool>,
        /// The user's feedback for the agent; `None` without any.
        pub feedback: Option<String>,
        /// Whether the turn ends.
        pub force_reject: Option<bool>,
        /// Whether a hook interrupted the turn.
        pub interrupt: Option<bool>,
        /// The reason of a hook or a policy.
        pub message: Option<String>,
        /// The reason of a cancellation.
        pub reason: Option<String>,
        /// The path that a policy excludes.
        pub path: Option<String>,
        /// The rules that deny.
        pub rules: Vec<PermissionRule>,
    }

    /// A rule about permissions.
    pub struct PermissionRule {
        /// The rule's kind, such as `Shell`.
        pub kind: String,
        /// The rule's argument; `None` for kinds without one.
        pub argument: Option<String>,
    }
}

impl PermissionOutcome {
    /// Returns whether the agent got the permission.
    pub fn is_approved(&self) -> bool {
        self.kind.as_str().starts_with("approved")
    }
}

vocabulary! {
    /// The kind of a decision about a permission.
    PermissionOutcomeKind {
        /// Granted for this request only.
        Approved = "approved",
        /// Granted for the session.
        ApprovedForSession = "approved-for-session",
        /// Granted for a directory or repository.
        ApprovedForLocation = "approved-for-location",
        /// The request was withdrawn.
        Cancelled = "cancelled",
        /// Denied by rules of the user or of an organization.
        DeniedByRules = "denied-by-rules",
        /// Denied because no rule allows it and no user can be asked.
        DeniedWithoutApprover = "denied-no-approval-rule-and-could-not-request-from-user",
        /// Denied by the user.
        DeniedByUser = "denied-interactively-by-user",
        /// Denied because a policy excludes the content.
        DeniedByContentExclusion = "denied-by-content-exclusion-policy",
        /// Denied by a hook.
        DeniedByHook = "denied-by-permission-request-hook",
    }
}
