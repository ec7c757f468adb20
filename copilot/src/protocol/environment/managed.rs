//! Restrictions that an administrator sets for a session. Wire: `managedSettings`.

use serde::Serialize;

use crate::protocol::settings::settings;
use crate::protocol::vocabulary::vocabulary;

/// Settings of an administrator; so far only permissions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ManagedSettings {
    pub(crate) permissions: ManagedPermissions,
}

settings! {
    /// Permissions that an administrator sets above the session's own permissions. Of several such layers the strictest
    /// counts. They hold while the session is open, and must be set again on resume. Wire: `managedSettings`.
    ///
    /// A pattern names a kind and what it is about, such as `shell(git push)`, `write` or `Domain(*.example.com)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Session;
    /// use copilot::managed::{BypassMode, ManagedPermissions, ManagedSettings};
    ///
    /// let rules = ManagedPermissions::new().deny(["shell(rm)"]).bypass(BypassMode::Disable);
    /// let builder = Session::builder().managed_settings(ManagedSettings::new().permissions(rules));
    /// # drop(builder);
    /// ```
    ManagedPermissions {
        /// Sets the rules of actions that are always denied.
        deny: list,
        /// Sets the rules of actions that always need the user's consent.
        ask: list,
        /// Sets the rules of actions that are allowed without a question.
        allow: list,
        /// Sets the only hosts that may be reached.
        limit_to: list,
        /// Sets whether permissions may be bypassed.
        bypass: (BypassMode) as "disableBypassPermissionsMode",
        /// Sets whether decisions by a model are ruled out.
        no_assistance: flag as "disableAssistedPermissionsMode",
    }
}

vocabulary! {
    /// Whether permissions may be bypassed in a session.
    BypassMode {
        /// Permissions are bypassed only where the CLI does so itself.
        AllowAutoOnly = "allow-auto-only",
        /// The bypass is never available.
        Disable = "disable",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_reach_the_wire() {
        let permissions = ManagedPermissions::new()
            .deny(["shell(rm)"])
            .ask(["write"])
            .allow(["read"])
            .limit_to(["Domain(example.com)"])
            .bypass(BypassMode::Disable)
            .no_assistance(true);
        assert_eq!(
            serde_json::to_value(ManagedSettings { permissions }).unwrap(),
            json!({"permissions": {
                "deny": ["shell(rm)"], "ask": ["write"], "allow": ["read"], "limitTo": ["Domain(example.com)"],
                "disableBypassPermissionsMode": "disable", "disableAssistedPermissionsMode": true,
            }})
        );
    }
}
