//! Configuration that the CLI finds by itself in directories.

use crate::session::setters::members;
use crate::session::topic::Topic;

members! {
    /// Whether configuration is looked for in the working directory.
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

    /// Whether hooks in files are run.
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

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, ..Topic::NONE };
