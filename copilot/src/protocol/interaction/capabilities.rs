//! What a CLI can do in a session, and the event that says it changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the CLI and its other clients can do in a session. Old CLIs do not tell; then everything is `None`.
///
/// Wire: `session.create` and `capabilities.changed`, from the CLI.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Capabilities {
    /// What can be shown to the user.
    pub ui: UiCapabilities,
    /// Whether there are extensions.
    pub extensions: Option<bool>,
    /// Everything else that came with it.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// What can be shown to the user of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct UiCapabilities {
    /// Forms that ask for something.
    pub elicitation: Option<bool>,
    /// Apps that MCP servers bring.
    pub mcp_apps: Option<bool>,
    /// Canvases.
    pub canvases: Option<bool>,
    /// Everything else that came with it.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl Capabilities {
    /// Takes what the newer word says; what it does not mention stays.
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
