//! What a program does when the CLI asks.

use std::fmt;

use super::hooks::Hooks;
use super::permissions::{PermissionHandler, Permissions};
use crate::protocol::offers::Offers;

/// The handlers of one session.
#[derive(Clone, Default)]
pub(crate) struct Handlers {
    /// Decides where there is no handler.
    pub(crate) permissions: Permissions,
    pub(crate) permission: Option<PermissionHandler>,
    pub(crate) hooks: Hooks,
}

impl Handlers {
    /// What the CLI is told to ask.
    pub(crate) fn offers(&self) -> Offers {
        Offers { hooks: !self.hooks.is_empty(), ..Offers::default() }
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("permissions", &self.permissions)
            .field("permission", &self.permission.is_some())
            .field("hooks", &self.hooks)
            .finish()
    }
}
