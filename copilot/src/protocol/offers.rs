//! What the program offers to answer: members of `session.create` that follow from its handlers.

use serde::Serialize;

use super::canvas::{CanvasDef, CanvasProviderDef};
use super::commands::CommandDef;

/// What the CLI may ask in a session. What is not offered is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Offers {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) hooks: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) request_user_input: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) request_elicitation: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) request_exit_plan_mode: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) request_auto_mode_switch: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) commands: Vec<CommandDef>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) has_skill_provider: bool,
    /// The agent gets its tools for canvases only where somebody shows them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) request_canvas_renderer: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) canvases: Vec<CanvasDef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) canvas_provider: Option<CanvasProviderDef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) git_hub_token_provider_registration_id: Option<String>,
}
