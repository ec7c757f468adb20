//! Configuration that the CLI finds by itself in directories.

use crate::session::core::Topic;
use crate::session::core::setters::members;

members! {
    /// Enables agents and skills of the working directory and of the state directory. An agent of a repository may
    /// bring MCP servers, which are programs that the CLI starts with the agent. Default: off, as in the CLI.
    ///
    /// Wire: `session.create`, `enableConfigDiscovery`.
    config_discovery: flag in members "enableConfigDiscovery";

    /// Directories with plugins.
    ///
    /// Wire: `session.create`, `pluginDirectories`.
    plugin_directories: list in members "pluginDirectories";

    /// Directories with hooks that the CLI runs itself.
    ///
    /// Wire: `session.create`, `hookDirectories`.
    hook_directories: list in members "hookDirectories";

    /// Enables the hooks of the working directory: commands in `.github/hooks/*.json`, in
    /// `.github/copilot/settings.json` and in `.claude/settings.json` (their `.local.json` variants included).
    ///
    /// Enable it only for repositories that you trust. The commands run on this machine from the start of the session
    /// on, without a request, and may change the arguments of tools. They do not grant permissions: where such a hook
    /// allows a call, the session's [`permissions`](Self::permissions) still decide. Default: off.
    ///
    /// Wire: `session.create`, `enableFileHooks`.
    file_hooks: flag in members "enableFileHooks";

    /// Whether the CLI itself runs git on this machine.
    ///
    /// Wire: `session.create`, `enableHostGitOperations`.
    host_git_operations: flag in members "enableHostGitOperations";

    /// Whether the agent names itself as co-author of commits.
    ///
    /// Wire: `session.options.update`, `coauthorEnabled`.
    coauthor: flag in options "coauthorEnabled";
}

pub(crate) const TOPIC: Topic = Topic {
    members: MEMBERS,
    // Commands of a repository run only where the program wants them to.
    defaults: Some(|settings| settings.members.set_default("enableFileHooks", false)),
    ..Topic::NONE
};
