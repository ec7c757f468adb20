//! What a session runs in: its sandbox, what its administrator lays down, experiments, extensions and diagnostics.
//! More setters of [`SessionBuilder`].

use super::SessionBuilder;
use crate::protocol::config::{AskUserVariant, ExtensionInfo};
use crate::protocol::diagnostics::{DiagnosticLevel, Diagnostics, LifecycleDiagnostics};
use crate::protocol::experiments::Experiments;
use crate::protocol::managed::{ManagedPermissions, ManagedSettings};
use crate::protocol::sandbox::Sandbox;
use crate::protocol::settings::setter;

/// What holds the agent in.
impl SessionBuilder {
    setter! {
        /// What the programs that the agent runs may reach; as this machine is configured unless set.
        ///
        /// Wire: `session.create`, `sandboxConfig`.
        sandbox: boxed (Sandbox) in config.sandbox
    }

    /// What an administrator permits, laid over what [`permissions`](Self::permissions) says. CLIs that do not know
    /// it take no notice: 1.0.102 does know it.
    ///
    /// Wire: `session.create`, `managedSettings`.
    pub fn managed_permissions(mut self, permissions: ManagedPermissions) -> Self {
        self.config.managed_permissions = Some(Box::new(ManagedSettings { permissions }));
        self
    }

    setter! {
        /// Whether the CLI fetches what the user's company has laid down; needs a GitHub token.
        ///
        /// Wire: `session.create`, `enableManagedSettings`.
        fetch_managed_settings: flag in config.fetch_managed_settings
    }
    setter! {
        /// Settings that count for this session although they were laid down otherwise, by their paths with dots.
        /// What [`managed_permissions`](Self::managed_permissions) says counts all the same.
        ///
        /// Wire: `session.create`, `excludedManagedSettings`.
        excluded_managed_settings: list in config.excluded_managed_settings
    }
    setter! {
        /// Whether a model that was laid down cannot be changed.
        ///
        /// Wire: `session.create`, `enforceManagedModelDefaults`.
        enforce_managed_model: flag in config.enforce_managed_model
    }
}

/// What is being tried out.
impl SessionBuilder {
    /// Switches a feature of the CLI on or off, by the CLI's own name for it.
    ///
    /// Wire: `session.create`, `featureFlags`.
    pub fn feature_flag(mut self, name: impl Into<String>, on: bool) -> Self {
        self.config.feature_flag.get_or_insert_default().insert(name.into(), on);
        self
    }

    setter! {
        /// The experiments that the session takes part in, in place of those that the CLI would fetch.
        ///
        /// Wire: `session.create`, `expAssignments`.
        experiments: boxed (Experiments) in config.experiments
    }
}

/// Other programs, and people.
impl SessionBuilder {
    setter! {
        /// Whether the session has the CLI's extensions, which are programs that add tools.
        ///
        /// Wire: `session.create`, `requestExtensions`.
        extensions: flag in config.extensions
    }
    setter! {
        /// The directory with the library that extensions are given, in place of the CLI's own.
        ///
        /// Wire: `session.create`, `extensionSdkPath`.
        extension_sdk_path: text in config.extension_sdk_path
    }

    /// Who this program is towards the CLI's extensions: where it comes from, and a name there that stays the same.
    ///
    /// Wire: `session.create`, `extensionInfo`.
    pub fn extension_info(mut self, source: impl Into<String>, name: impl Into<String>) -> Self {
        self.config.extension_info = Some(ExtensionInfo { source: source.into(), name: name.into() });
        self
    }

    setter! {
        /// Whether this program shows the pages that MCP servers bring along; set it only where it does. Whether the
        /// CLI agreed is in [`capabilities`](crate::Session::capabilities).
        ///
        /// Wire: `session.create`, `requestMcpApps`.
        mcp_apps: flag in config.mcp_apps
    }
    setter! {
        /// In which form the model asks the user.
        ///
        /// Wire: `session.create`, `askUserVariant`.
        ask_user_variant: (AskUserVariant) in config.ask_user_variant
    }
}

/// Finding out what went wrong.
impl SessionBuilder {
    /// How much the CLI keeps of what MCP servers say.
    ///
    /// Wire: `session.create`, `diagnostics`.
    pub fn mcp_diagnostics(mut self, level: DiagnosticLevel) -> Self {
        self.config.mcp_diagnostics = Some(Diagnostics::of_mcp_servers(level));
        self
    }

    setter! {
        /// What the CLI keeps about how the session begins and ends.
        ///
        /// Wire: `session.create`, `lifecycleDiagnostics`.
        lifecycle_diagnostics: (LifecycleDiagnostics) in config.lifecycle_diagnostics
    }
}
