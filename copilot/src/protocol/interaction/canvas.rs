//! `canvas.*` and `session.canvas.*`: things that a program shows and that the agent acts on.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::protocol::SessionId;
use crate::protocol::secret::Url;

/// A canvas that the program offers. Wire: `session.create`, `canvases`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanvasDef {
    pub(crate) id: String,
    pub(crate) display_name: String,
    pub(crate) description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input_schema: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) actions: Vec<CanvasActionDef>,
}

/// Something that the agent can do with a canvas.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanvasActionDef {
    pub(crate) name: String,
    pub(crate) description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input_schema: Option<Value>,
}

/// The program as the provider of canvases. Wire: `session.create`, `canvasProvider`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct CanvasProviderDef {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// The parameters of `canvas.open`, `canvas.close` and `canvas.action.invoke`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanvasParams {
    #[serde(default)]
    pub(crate) canvas_id: String,
    #[serde(default)]
    pub(crate) instance_id: String,
    #[serde(default)]
    pub(crate) action_name: Option<String>,
    #[serde(default)]
    pub(crate) input: Value,
}

/// A canvas is opened, or looked at again. Wire: `canvas.open`, from the CLI.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CanvasOpenRequest {
    /// Which one of the open canvases it is; the same again when it is looked at again.
    pub instance_id: String,
    /// The input that the canvas is opened with.
    pub input: Value,
}

/// The agent or the user does something with an open canvas. Wire: `canvas.action.invoke`, from the CLI.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CanvasActionRequest {
    /// Which one of the open canvases it is.
    pub instance_id: String,
    /// The input of the action.
    pub input: Value,
}

impl CanvasOpenRequest {
    /// The input read as a type of your own.
    ///
    /// # Errors
    ///
    /// When it does not have that shape.
    pub fn input_as<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(&self.input)
            .map_err(|source| Error::decode("the input of the canvas has another shape", source))
    }
}

impl CanvasActionRequest {
    /// The input read as a type of your own.
    ///
    /// # Errors
    ///
    /// When it does not have that shape.
    pub fn input_as<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(&self.input)
            .map_err(|source| Error::decode("the input of the canvas has another shape", source))
    }
}

/// The appearance of an open canvas: the response to a [`CanvasOpenRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[must_use]
pub struct CanvasView {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
}

impl CanvasView {
    /// A view without anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where it can be seen.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(Url::from(url));
        self
    }

    /// Sets the title above the canvas.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the state of the canvas, for people to read.
    pub fn status(mut self, status: impl Into<String>) -> Self {
        self.status = Some(status.into());
        self
    }
}

/// The data of an error that a canvas returns.
#[derive(Serialize)]
pub(crate) struct CanvasErrorData<'a> {
    pub(crate) code: &'a str,
    pub(crate) message: &'a str,
}

/// A canvas that is open, or was just opened. Wire: `session.canvas.listOpen` and `session.canvas.opened`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct OpenCanvas {
    /// Which one of the open canvases it is.
    pub instance_id: String,
    /// The id of the extension that provides the canvas.
    pub extension_id: String,
    /// The name of who offers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension_name: Option<String>,
    /// The id of the canvas among those of its extension.
    pub canvas_id: String,
    /// A picture for it, as a URL or a name that the CLI knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// The title above the canvas; `None` where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The state of the canvas, for people to read; `None` where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Where it can be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The input that the canvas was opened with.
    pub input: Value,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// A canvas that an extension or a program provides in a session. Wire: `session.canvas.list` and
/// `session.canvas.registry_changed`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CanvasInfo {
    /// The id of the extension that provides the canvas.
    pub extension_id: String,
    /// The name of who offers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension_name: Option<String>,
    /// The id of the canvas among those of its extension.
    pub canvas_id: String,
    /// Its name for people.
    pub display_name: String,
    /// A picture for it, as a URL or a name that the CLI knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// The purpose of the canvas, as the model reads it.
    pub description: String,
    /// The JSON schema of the input that opens the canvas; `None` where it is not limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    /// The actions that the canvas offers while it is open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<CanvasActionInfo>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Something that can be done with a canvas.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CanvasActionInfo {
    /// The name of the action.
    pub name: String,
    /// The effect of the action, as the model reads it; `None` where it is not described.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The JSON schema of the input of the action; `None` where it is not limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
}

/// The result of `session.canvas.list`.
#[derive(Debug, Deserialize)]
pub(crate) struct CanvasListResponse {
    #[serde(default)]
    pub(crate) canvases: Vec<CanvasInfo>,
}

/// The result of `session.canvas.listOpen`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanvasListOpenResponse {
    #[serde(default)]
    pub(crate) open_canvases: Vec<OpenCanvas>,
}

/// The result of `session.canvas.action.invoke`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CanvasActionResponse {
    pub(crate) result: Value,
}

/// The parameters of `session.canvas.open`, `session.canvas.close` and `session.canvas.action.invoke`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanvasRequestParams<'a> {
    pub(crate) session_id: &'a SessionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) canvas_id: Option<&'a str>,
    pub(crate) instance_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) action_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canvases_of_1_0_102_round_trip() {
        let open = json!({"instanceId": "one", "extensionId": "connection:1", "canvasId": "board", "title": "Board",
                          "status": "ready", "url": "http://127.0.0.1/x", "input": {"n": 1}, "icon": "pen"});
        let read: OpenCanvas = serde_json::from_value(open.clone()).unwrap();
        assert_eq!(read.icon.as_deref(), Some("pen"));
        assert_eq!(serde_json::to_value(read).unwrap(), open);
        let info = json!({"extensionId": "p", "extensionName": "My App", "canvasId": "board", "displayName": "Board",
                          "description": "A board.", "inputSchema": {"type": "object"},
                          "actions": [{"name": "draw", "description": "Draws."}, {"name": "wipe"}]});
        let read: CanvasInfo = serde_json::from_value(info.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), info);
    }
}
