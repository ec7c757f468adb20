//! The subjects of permission requests, by kind: see [`PermissionRequest::subject`](crate::PermissionRequest::subject);
//! and how a decision came about: see [`Decision::with_context`](crate::Decision::with_context).

pub use crate::protocol::permissions::{
    Approval, DecisionContext, DecisionOutcome, DecisionSource, PermissionKind,
};
pub use crate::session::permissions::decision::Decided;

pub use crate::protocol::permission_subjects::{
    BuiltinToolSubject, CommandSegment, CustomToolSubject, ExtensionEnvSubject, ExtensionManagementSubject,
    ExtensionPermissionSubject, HookSubject, McpSubject, MemoryAction, MemoryDirection, MemorySubject,
    PermissionSubject, PossibleUrl, ReadSubject, ShellCommandSubject, ShellSubject, UrlSubject,
    WorkflowOperation, WorkflowPhase, WorkflowSubject, WriteSubject,
};
