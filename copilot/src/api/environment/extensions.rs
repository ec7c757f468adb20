//! Extensions of the CLI.

use crate::api::unstable::Unstable;
use crate::protocol::config::ExtensionInfo;
use crate::session::core::Topic;
use crate::session::core::setters::members;

members! {
    @unstable Unstable {
        /// Enables the extensions of the CLI, which are programs that add tools. Default: off.
        ///
        /// Wire: `session.create`, `requestExtensions`.
        extensions: flag in members "requestExtensions";

        /// Sets the directory of the library that extensions load. Default: the CLI's library.
        ///
        /// Wire: `session.create`, `extensionSdkPath`.
        extension_sdk_path: text in members "extensionSdkPath";

        @also "extensionInfo" extension_info,
    }
}

impl Unstable {
    /// Sets the identity of this program for extensions: its source, and a stable name there.
    ///
    /// Wire: `session.create`, `extensionInfo`.
    pub fn extension_info(mut self, source: impl Into<String>, name: impl Into<String>) -> Self {
        let info = ExtensionInfo { source: source.into(), name: name.into() };
        self.settings.members.set("extensionInfo", info);
        self
    }
}

pub(crate) const TOPIC: Topic = Topic {
    members: MEMBERS,
    paths: Some(|members, files| {
        members.change("extensionSdkPath", |path: &mut String| {
            *path = files.absolute("Unstable::extension_sdk_path", path)?;
            Ok(())
        })
    }),
    ..Topic::NONE
};
