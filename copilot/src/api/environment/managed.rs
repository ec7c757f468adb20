//! Settings that an administrator makes.

use crate::protocol::managed::ManagedPermissions;
use crate::protocol::managed::ManagedSettings;
use crate::session::SessionBuilder;
use crate::session::core::Topic;
use crate::session::core::setters::members;

members! {
    /// Whether the CLI fetches what the user's company has laid down; needs a GitHub token.
    ///
    /// Wire: `session.create`, `enableManagedSettings`.
    fetch_managed_settings: flag in members "enableManagedSettings";

    /// Settings that count for this session although they were laid down otherwise, by their paths with dots.
    /// What [`managed_permissions`](Self::managed_permissions) says counts all the same.
    ///
    /// Wire: `session.create`, `excludedManagedSettings`.
    excluded_managed_settings: list in members "excludedManagedSettings";

    /// Whether a model that was laid down cannot be changed.
    ///
    /// Wire: `session.create`, `enforceManagedModelDefaults`.
    enforce_managed_model: flag in members "enforceManagedModelDefaults";

    @also "managedSettings" managed_permissions,
}

impl SessionBuilder {
    /// What an administrator permits, laid over what [`permissions`](Self::permissions) says. CLIs that do not know
    /// it take no notice: 1.0.102 does know it.
    ///
    /// Wire: `session.create`, `managedSettings`.
    pub fn managed_permissions(mut self, permissions: ManagedPermissions) -> Self {
        self.settings.members.set("managedSettings", ManagedSettings { permissions });
        self
    }
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, ..Topic::NONE };
