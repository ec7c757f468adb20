//! The canvases of a session: what is offered, by whomever, and what is open.

use serde_json::Value;

use crate::error::Result;
use crate::protocol::canvas::{
    CanvasActionResponse, CanvasInfo, CanvasListOpenResponse, CanvasListResponse, CanvasRequestParams,
    OpenCanvas,
};
use crate::protocol::session::SessionParams;
use crate::session::Session;

/// The canvases of a session. Made by [`Session::canvases`].
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
    /// The canvases of the session.
    pub fn canvases(&self) -> Canvases<'_> {
        Canvases(self)
    }
}

impl Canvases<'_> {
    /// Those that are offered.
    ///
    /// Wire: `session.canvas.list`, a [query](crate#queries).
    pub async fn list(&self) -> Result<Vec<CanvasInfo>> {
        let params = SessionParams { session_id: self.0.id() };
        let answer: CanvasListResponse =
            self.0.peer().await?.request("session.canvas.list", &params).decoded().await?;
        Ok(answer.canvases)
    }

    /// Those that are open.
    ///
    /// Wire: `session.canvas.listOpen`, a [query](crate#queries).
    pub async fn list_open(&self) -> Result<Vec<OpenCanvas>> {
        let params = SessionParams { session_id: self.0.id() };
        let answer: CanvasListOpenResponse =
            self.0.peer().await?.request("session.canvas.listOpen", &params).decoded().await?;
        Ok(answer.open_canvases)
    }

    /// Opens a canvas as the instance of this name, or looks at it again.
    ///
    /// # Errors
    ///
    /// As every command, and when nobody offers the canvas, whoever does fails, or.
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

    /// Does something with an open canvas.
    ///
    /// # Errors
    ///
    /// As every command, and when there is no such instance or action, whoever offers the canvas fails, or.
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
    /// As every command, and when there is no such instance or the CLI refuses.
    ///
    /// Wire: `session.canvas.close`, a [command](crate#commands).
    pub async fn close(&self, instance: &str) -> Result<()> {
        self.0.peer().await?.request("session.canvas.close", &self.params(instance)).raw().await.map(drop)
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
