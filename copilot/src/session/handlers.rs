//! What a program does when the CLI asks.

use std::fmt;

use super::permissions::{PermissionHandler, Permissions};

/// The handlers of one session.
#[derive(Clone, Default)]
pub(crate) struct Handlers {
    /// Decides where there is no handler.
    pub(crate) permissions: Permissions,
    pub(crate) permission: Option<PermissionHandler>,
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("permissions", &self.permissions)
            .field("permission", &self.permission.is_some())
            .finish()
    }
}
