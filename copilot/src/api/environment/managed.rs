//! Settings of an administrator.

use crate::protocol::managed::ManagedSettings as Wire;
use crate::session::core::Topic;
use crate::session::core::setters::members;

pub use crate::protocol::managed::{BypassMode, ManagedPermissions};

members! {
    @group
        /// Settings of an administrator, for the users of a company.
        ///
        /// # Examples
        ///
        /// ```
        /// use copilot::Session;
        /// use copilot::managed::ManagedSettings;
        ///
        /// let builder = Session::builder().managed_settings(ManagedSettings::new().fetch(true).enforce_model(true));
        /// # drop(builder);
        /// ```
        ManagedSettings
        /// Sets the settings of an administrator.
        managed_settings {
            /// Enables the fetch of the settings of the user's company, which needs a GitHub token. Default: off.
            ///
            /// Wire: `session.create`, `enableManagedSettings`.
            fetch: flag in members "enableManagedSettings";

            /// Sets the managed settings that this session overrides, by their paths with dots. Those of
            /// [`permissions`](Self::permissions) apply in any case.
            ///
            /// Wire: `session.create`, `excludedManagedSettings`.
            excluded: list in members "excludedManagedSettings";

            /// Enables the enforcement of a managed model: a session cannot change it. Default: off.
            ///
            /// Wire: `session.create`, `enforceManagedModelDefaults`.
            enforce_model: flag in members "enforceManagedModelDefaults";

            @also "managedSettings" permissions,
        }
}

impl ManagedSettings {
    /// Sets the permissions of an administrator, which limit the session's
    /// [`permissions`](crate::SessionBuilder::permissions). From CLI 1.0.102 on; older ones ignore them.
    ///
    /// Wire: `session.create`, `managedSettings`.
    pub fn permissions(mut self, permissions: ManagedPermissions) -> Self {
        self.settings.members.set("managedSettings", Wire { permissions });
        self
    }
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, ..Topic::NONE };
