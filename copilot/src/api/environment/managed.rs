//! Settings that an administrator makes.

use crate::protocol::managed::ManagedSettings as Wire;
use crate::session::core::setters::members;
use crate::session::core::topic::Topic;

pub use crate::protocol::managed::{BypassMode, ManagedPermissions};

members! {
    @group
        /// Settings that an administrator makes for a company.
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
        /// Sets the settings that an administrator makes.
        managed_settings {
            /// Fetches the settings of the user's company; needs a GitHub token. Default: off.
            ///
            /// Wire: `session.create`, `enableManagedSettings`.
            fetch: flag in members "enableManagedSettings";

            /// Sets the managed settings that this session overrides, by their paths with dots. Those of
            /// [`permissions`](Self::permissions) apply all the same.
            ///
            /// Wire: `session.create`, `excludedManagedSettings`.
            excluded: list in members "excludedManagedSettings";

            /// Refuses changes of a managed model. Default: off.
            ///
            /// Wire: `session.create`, `enforceManagedModelDefaults`.
            enforce_model: flag in members "enforceManagedModelDefaults";

            @also "managedSettings" permissions,
        }
}

impl ManagedSettings {
    /// Sets what an administrator permits, which limits the session's
    /// [`permissions`](crate::SessionBuilder::permissions). CLI 1.0.102 knows it; older ones ignore it.
    ///
    /// Wire: `session.create`, `managedSettings`.
    pub fn permissions(mut self, permissions: ManagedPermissions) -> Self {
        self.settings.members.set("managedSettings", Wire { permissions });
        self
    }
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, ..Topic::NONE };
