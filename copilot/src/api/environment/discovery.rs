//! Configuration that the CLI finds by itself in directories.

use crate::session::builder::SavedApprovals;
use crate::session::core::Topic;
use crate::session::core::setters::members;

members! {
    @group
        /// Configuration that the CLI finds by itself in directories. Everything here that a repository can bring is
        /// off unless it is enabled.
        ///
        /// # Examples
        ///
        /// ```
        /// use copilot::Session;
        /// use copilot::discovery::Discovery;
        ///
        /// // Only for a repository that you trust: its hooks are commands that run on this machine.
        /// let builder = Session::builder().discovery(Discovery::new().file_hooks(true));
        /// # drop(builder);
        /// ```
        Discovery
        /// Sets the configuration that the CLI finds by itself in directories.
        discovery {
            /// Enables agents and skills of the working directory and of the state directory. An agent of a repository
            /// may bring MCP servers, which are programs that the CLI starts with the agent. Default: off, as in the
            /// CLI.
            ///
            /// Wire: `session.create`, `enableConfigDiscovery`.
            agents_and_skills: flag in members "enableConfigDiscovery";

            /// Sets the directories with plugins.
            ///
            /// Wire: `session.create`, `pluginDirectories`.
            plugin_directories: list in members "pluginDirectories";

            /// Sets the directories with hooks that the CLI runs itself.
            ///
            /// Wire: `session.create`, `hookDirectories`.
            hook_directories: list in members "hookDirectories";

            /// Enables the hooks of the working directory: commands in `.github/hooks/*.json`, in
            /// `.github/copilot/settings.json` and in `.claude/settings.json` (their `.local.json` variants included).
            ///
            /// Enable it only for repositories that you trust. The commands run on this machine from the start of the
            /// session on, without a request, and may change the arguments of tools. They do not grant permissions:
            /// where such a hook allows a call, the session's [`permissions`](crate::SessionBuilder::permissions) still
            /// decide. Default: off.
            ///
            /// Wire: `session.create`, `enableFileHooks`.
            file_hooks: flag in members "enableFileHooks";
        }
}

impl Discovery {
    /// Enables approvals that an earlier session has saved for the working directory, with
    /// [`Decision::ApproveForLocation`](crate::Decision::ApproveForLocation) or by the user of the CLI: the calls that
    /// they cover run without a request. Default: off.
    ///
    /// Wire: `session.permissions.resetSessionApprovals`, to the CLI, where this is off.
    pub fn saved_approvals(mut self, on: bool) -> Self {
        self.settings.state.set(SavedApprovals(on));
        self
    }
}

pub(crate) const TOPIC: Topic = Topic {
    members: MEMBERS,
    // Commands of a repository run only where the program enables them.
    defaults: Some(|settings| settings.members.set_default("enableFileHooks", false)),
    paths: Some(|members, files| {
        members.change("hookDirectories", |paths: &mut Vec<String>| {
            files.directories("Discovery::hook_directories", paths)
        })?;
        members.change("pluginDirectories", |paths: &mut Vec<String>| {
            files.directories("Discovery::plugin_directories", paths)
        })
    }),
    foreign_hooks: Some(|members| {
        let set = |list: &str| members.get::<Vec<String>>(list).is_some_and(|set| !set.is_empty());
        members.get("enableFileHooks") == Some(&true) || set("hookDirectories") || set("pluginDirectories")
    }),
    ..Topic::NONE
};
