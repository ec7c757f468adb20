//! The offered and the open canvases of a session, those of other programs included.

use serde_json::Value;

use crate::error::Result;
use crate::protocol::canvas::{
    CanvasActionResponse, CanvasInfo, CanvasListOpenResponse, CanvasListResponse, CanvasRequestParams,
    OpenCanvas,
};
use crate::protocol::session::SessionParams;
use crate::session::Session;

/// The canvases of a session. Returned by [`Session::canvases`].
///
/// # Examples
///
/// ```no_run
/// # async fn example(session: &copilot::Session) -> copilot::Result<()> {
/// let board = session.canvases().open("board", "board-1", serde_json::json!({"size": 3})).await?;
/// println!("see {}", board.url.unwrap_or_default());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Canvases<'a>(&'a Session);

impl Session {
    /// Returns the view on the session's canvases.
    pub fn canvases(&self) -> Canvases<'_> {
        Canvases(self)
    }
}

impl Canvases<'_> {
    /// Returns the canvases that programs offer.
    ///
    /// Wire: `session.canvas.list`, a [query](crate#queries).
    pub async fn list(&self) -> Result<Vec<CanvasInfo>> {
        let params = SessionParams { session_id: self.0.id() };
        let answer: CanvasListResponse =
            self.0.peer().await?.request("session.canvas.list", &params).decoded().await?;
        Ok(answer.canvases)
    }

    /// Returns the open canvases.
    ///
    /// Wire: `session.canvas.listOpen`, a [query](crate#queries).
    pub async fn list_open(&self) -> Result<Vec<OpenCanvas>> {
        let params = SessionParams { session_id: self.0.id() };
        let answer: CanvasListOpenResponse =
            self.0.peer().await?.request("session.canvas.listOpen", &params).decoded().await?;
        Ok(answer.open_canvases)
    }

    /// Opens a canvas as the instance of this name, or returns the instance that is already open.
    ///
    /// # Errors
    ///
    /// As every command, and when no program offers the canvas, or its handler fails.
    ///
    /// Wire: `session.canvas.open`, a [command](crate#commands).
    pub async fn open(
        &self,
        canvas: &str,
        instance: &str,
        input: impl Into<Value> + Send,
    ) -> Result<OpenCanvas> {
        let params = CanvasRequestParams {
            canvas_id: Some(canvas),
            input: Some(input.into()),
            ..self.params(instance)
        };
        self.0.peer().await?.request("session.canvas.open", &params).decoded().await
    }

    /// Invokes an action of an open canvas, and returns its result.
    ///
    /// # Errors
    ///
    /// As every command, and when there is no such instance or action, or its handler fails.
    ///
    /// Wire: `session.canvas.action.invoke`, a [command](crate#commands).
    pub async fn invoke(
        &self,
        instance: &str,
        action: &str,
        input: impl Into<Value> + Send,
    ) -> Result<Value> {
        let params = CanvasRequestParams {
            action_name: Some(action),
            input: Some(input.into()),
            ..self.params(instance)
        };
        let answer: CanvasActionResponse =
            self.0.peer().await?.request("session.canvas.action.invoke", &params).decoded().await?;
        Ok(answer.result)
    }

    /// Closes an open canvas.
    ///
    /// # Errors
    ///
    /// As every command, and when there is no such instance.
    ///
    /// Wire: `session.canvas.close`, a [command](crate#commands).
    pub async fn close(&self, instance: &str) -> Result<()> {
        self.0.order("session.canvas.close", &self.params(instance)).await
    }

    fn params<'a>(&'a self, instance_id: &'a str) -> CanvasRequestParams<'a> {
        CanvasRequestParams {
            session_id: self.0.id(),
            canvas_id: None,
            instance_id,
            action_name: None,
            input: None,
        }
    }
}
