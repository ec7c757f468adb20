//! The subjects of permission requests, by kind: see [`PermissionRequest::subject`](crate::PermissionRequest::subject).

pub use crate::protocol::permissions::{Approval, PermissionKind};

pub use crate::protocol::permission_subjects::{
    BuiltinToolSubject, CommandSegment, CustomToolSubject, ExtensionEnvSubject, ExtensionManagementSubject,
    ExtensionPermissionSubject, HookSubject, McpSubject, MemoryAction, MemoryDirection, MemorySubject,
    PermissionSubject, PossibleUrl, ReadSubject, ShellCommandSubject, ShellSubject, UrlSubject,
    WorkflowOperation, WorkflowPhase, WorkflowSubject, WriteSubject,
};
