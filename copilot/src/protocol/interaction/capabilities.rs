//! The abilities of a CLI in a session, and the event that reports a change of them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::protocol::decode::Decode;

/// The abilities of the CLI and its other clients in a session. Old CLIs do not report them; then everything is `None`.
///
/// Wire: `session.create` and `capabilities.changed`, from the CLI.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Capabilities {
    /// The ways to show something to the user.
    pub ui: UiCapabilities,
    /// Whether the session supports extensions; `None` where the CLI does not report it.
    pub extensions: Option<bool>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The ways to show something to the user of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct UiCapabilities {
    /// Whether forms can be shown; `None` where the CLI does not report it.
    pub elicitation: Option<bool>,
    /// Whether apps of MCP servers can be shown; `None` where the CLI does not report it.
    pub mcp_apps: Option<bool>,
    /// Whether canvases can be shown; `None` where the CLI does not report it.
    pub canvases: Option<bool>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl Capabilities {
    /// Replaces the values that the newer report sets; the others stay.
    pub(crate) fn merge(&mut self, newer: &Self) {
        fn take(old: &mut Option<bool>, new: Option<bool>) {
            if new.is_some() {
                *old = new;
            }
        }
        self.other.extend(newer.other.clone());
        self.ui.other.extend(newer.ui.other.clone());
        take(&mut self.ui.elicitation, newer.ui.elicitation);
        take(&mut self.ui.mcp_apps, newer.ui.mcp_apps);
        take(&mut self.ui.canvases, newer.ui.canvases);
        take(&mut self.extensions, newer.extensions);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leaves_alone_what_it_does_not_mention() {
        let read = |json: &str| serde_json::from_str::<Capabilities>(json).unwrap();
        let mut known =
            read(r#"{"ui":{"elicitation":false,"mcpApps":false,"canvases":false},"extensions":false}"#);
        known.merge(&read(r#"{"ui":{"elicitation":true},"novelty":3}"#));
        assert_eq!(
            known,
            read(
                r#"{"ui":{"elicitation":true,"mcpApps":false,"canvases":false},"extensions":false,"novelty":3}"#
            )
        );
        assert_eq!(read("{}"), Capabilities::default());
    }
}
