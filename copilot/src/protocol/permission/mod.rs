//! The wire of tool calls, permissions and hooks.

pub(crate) mod dialogs;
pub(crate) mod hooks;
pub(crate) mod permission_subjects;
pub(crate) mod permissions;
pub(crate) mod tools;
