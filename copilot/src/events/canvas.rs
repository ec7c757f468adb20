//! Payloads of canvases.

use serde::Deserialize;

use crate::protocol::canvas::CanvasInfo;

/// A canvas is gone: closed, taken out of the session, or without whoever offers it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CanvasGone {
    /// Which one of the open canvases it was.
    pub instance_id: String,
    /// Who offers it.
    pub extension_id: String,
    /// The canvas.
    pub canvas_id: String,
}

/// The canvases that are offered changed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CanvasRegistryChanged {
    /// All that are offered now.
    pub canvases: Vec<CanvasInfo>,
}
