//! What the agent may be asked for, kind by kind: see [`PermissionRequest::subject`](crate::PermissionRequest::subject).

pub use crate::protocol::permission_subjects::{
    BuiltinToolSubject, CustomToolSubject, ExtensionEnvSubject, ExtensionManagementSubject,
    ExtensionPermissionSubject, HookSubject, McpSubject, MemoryAction, MemorySubject, PermissionSubject,
    PossibleUrl, ReadSubject, ShellCommandSubject, ShellSubject, UrlSubject, WorkflowOperation,
    WorkflowSubject, WriteSubject,
};
