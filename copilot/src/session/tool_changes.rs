//! The state of changes of tools in a running session. Pure.

use std::sync::Arc;

use crate::tools::{Tool, ToolSet};

/// The remains of changes of the tools.
#[derive(Debug, Default)]
pub(in crate::session) struct ToolChanges {
    /// The tools that the program has switched off for a while.
    pub(super) disabled: Vec<Tool>,
    /// Sets that are no longer in use. Tools may hold a user's values, whose drop is a user's code and must not run on
    /// the reader's task; so they wait here for the next change.
    pub(super) retired: Vec<Arc<ToolSet>>,
}
