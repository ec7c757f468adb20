//! `canvas.*` and `session.canvas.*`: views that a program shows and that the agent acts on.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::protocol::SessionId;
use crate::protocol::decode::Decode;
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

/// An action that the agent can take on a canvas.
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
#[derive(Debug, Decode)]
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

/// A request to open a canvas, or to render an open one again. Wire: `canvas.open`, from the CLI.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CanvasOpenRequest {
    /// The id of the open canvas; the same for each rendering of it.
    pub instance_id: String,
    /// The input that the canvas is opened with.
    pub input: Value,
}

/// A request for an action of the agent or the user on an open canvas. Wire: `canvas.action.invoke`, from the CLI.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CanvasActionRequest {
    /// The id of the open canvas.
    pub instance_id: String,
    /// The input of the action.
    pub input: Value,
}

impl CanvasOpenRequest {
    /// Decodes the input as a type of your own.
    ///
    /// # Errors
    ///
    /// Fails when the input does not have the shape of the type.
    pub fn input_as<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(&self.input)
            .map_err(|source| Error::decode("the input of the canvas has another shape", source))
    }
}

impl CanvasActionRequest {
    /// Decodes the input as a type of your own.
    ///
    /// # Errors
    ///
    /// Fails when the input does not have the shape of the type.
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
    /// Creates a view without content.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the URL of the content.
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct OpenCanvas {
    /// The id of the open canvas.
    pub instance_id: String,
    /// The id of the extension that provides the canvas.
    pub extension_id: String,
    /// The name of the extension, for people; `None` where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension_name: Option<String>,
    /// The id of the canvas among those of its extension.
    pub canvas_id: String,
    /// The icon of the canvas, as a URL or a name that the CLI knows; `None` where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// The title above the canvas; `None` where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The state of the canvas, for people to read; `None` where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The URL of the content; `None` where it has none.
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CanvasInfo {
    /// The id of the extension that provides the canvas.
    pub extension_id: String,
    /// The name of the extension, for people; `None` where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension_name: Option<String>,
    /// The id of the canvas among those of its extension.
    pub canvas_id: String,
    /// The name of the canvas, for people.
    pub display_name: String,
    /// The icon of the canvas, as a URL or a name that the CLI knows; `None` where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// The purpose of the canvas, as the model reads it.
    pub description: String,
    /// The JSON schema of the input that opens the canvas; `None` where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    /// The actions that the canvas offers while it is open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<CanvasActionInfo>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// An action that can be taken on a canvas.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CanvasActionInfo {
    /// The name of the action.
    pub name: String,
    /// The effect of the action, as the model reads it; `None` where it is not described.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The JSON schema of the input of the action; `None` where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
}

/// The result of `session.canvas.list`.
#[derive(Debug, Decode)]
pub(crate) struct CanvasListResponse {
    #[serde(default)]
    pub(crate) canvases: Vec<CanvasInfo>,
}

/// The result of `session.canvas.listOpen`.
#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CanvasListOpenResponse {
    #[serde(default)]
    pub(crate) open_canvases: Vec<OpenCanvas>,
}

/// The result of `session.canvas.action.invoke`.
#[derive(Debug, Default, Decode)]
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
