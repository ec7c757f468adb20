//! Extensions of the CLI.

use crate::protocol::config::ExtensionInfo;
use crate::session::SessionBuilder;
use crate::session::core::Topic;
use crate::session::core::setters::members;

members! {
    /// Whether the session has the CLI's extensions, which are programs that add tools.
    ///
    /// Wire: `session.create`, `requestExtensions`.
    extensions: flag in members "requestExtensions";

    /// The directory with the library that extensions are given, in place of the CLI's own.
    ///
    /// Wire: `session.create`, `extensionSdkPath`.
    extension_sdk_path: text in members "extensionSdkPath";

    @also "extensionInfo" extension_info,
}

impl SessionBuilder {
    /// Who this program is towards the CLI's extensions: where it comes from, and a name there that stays the same.
    ///
    /// Wire: `session.create`, `extensionInfo`.
    pub fn extension_info(mut self, source: impl Into<String>, name: impl Into<String>) -> Self {
        let info = ExtensionInfo { source: source.into(), name: name.into() };
        self.settings.members.set("extensionInfo", info);
        self
    }
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, ..Topic::NONE };
