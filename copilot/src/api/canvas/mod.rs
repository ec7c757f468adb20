//! Canvases of the program: views that it shows, and that the agent opens and acts on.

pub(crate) mod views;

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::api::unstable::Unstable;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::canvas::{CanvasActionDef, CanvasDef, CanvasErrorData, CanvasParams, CanvasProviderDef};
use crate::rpc::{INTERNAL_ERROR, Responder};
use crate::session::SessionBuilder;
use crate::session::core::Question;
use crate::session::core::SessionCore;
use crate::session::core::Topic;
use crate::session::core::{BoxError, Handler, IntoAnswer};
use crate::sorted::SortedMap;

pub use crate::protocol::canvas::{
    CanvasActionInfo, CanvasActionRequest, CanvasInfo, CanvasOpenRequest, CanvasView, OpenCanvas,
};
pub use views::Canvases;

/// The error code for a canvas that the program does not offer.
const NO_CANVAS: &str = "canvas_handler_unset";
/// The error code for an action that the canvas does not have.
const NO_ACTION: &str = "canvas_action_no_handler";
/// The error code for a handler that fails.
const FAILED: &str = "canvas_handler_error";

/// A view that the program shows, such as a board or a preview, and that the agent opens and acts on.
///
/// # Examples
///
/// ```
/// use copilot::canvas::Canvas;
/// use copilot::Session;
/// use copilot::canvas::CanvasView;
/// use copilot::unstable::Unstable;
/// use serde_json::json;
///
/// let board = Canvas::new("board", "Board", "A board to draw on.")
///     .on_open(|board| async move {
///         CanvasView::new().url(format!("http://localhost:8080/{}", board.instance_id)).title("Board")
///     })
///     .action("draw", "Draws a shape.", |call| async move {
///         let shape = call.input["shape"].as_str().ok_or("there is no shape")?;
///         Ok::<_, &str>(json!({"drawn": shape}))
///     });
/// let builder =
///     Session::builder().canvas(board).unstable(Unstable::new().canvas_provider("my-app", "My App"));
/// # drop(builder);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Canvas {
    def: CanvasDef,
    open: Option<Handler<CanvasOpenRequest, CanvasView>>,
    close: Option<Handler<String, ()>>,
    actions: SortedMap<Handler<CanvasActionRequest, Value>>,
}

impl Canvas {
    /// Creates a canvas with an id that is unique in the program, a name for people, and a description for the agent.
    pub fn new(id: impl Into<String>, name: impl Into<String>, description: impl Into<String>) -> Self {
        let def = CanvasDef {
            id: id.into(),
            display_name: name.into(),
            description: description.into(),
            input_schema: None,
            actions: Vec::new(),
        };
        Self { def, open: None, close: None, actions: SortedMap::new() }
    }

    /// Sets the JSON schema of the input with which the canvas is opened. Default: none.
    pub fn input_schema(mut self, schema: impl Into<Value>) -> Self {
        self.def.input_schema = Some(schema.into());
        self
    }

    /// Runs when the canvas is opened; returns its view. Default: an empty view.
    pub fn on_open<F, R>(mut self, handler: impl Fn(CanvasOpenRequest) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<CanvasView>,
    {
        self.open = Some(Handler::new(handler));
        self
    }

    /// Runs when the canvas is closed, with the id of the instance.
    pub fn on_close<F, R>(mut self, handler: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<()>,
    {
        self.close = Some(Handler::new(handler));
        self
    }

    /// Adds an action, with a description for the agent. The agent reads the result of the handler, and the message of
    /// a [`CanvasError`]; it does not read the text of other errors.
    pub fn action<F, R>(
        mut self,
        name: impl Into<String>,
        description: impl Into<String>,
        handler: impl Fn(CanvasActionRequest) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<Value>,
    {
        let (name, description) = (name.into(), description.into());
        self.def.actions.push(CanvasActionDef { name: name.clone(), description, input_schema: None });
        self.actions.insert(name, Handler::new(handler));
        self
    }

    /// Sets the JSON schema of the input of the last [`action`](Self::action). Without an action it has no effect.
    pub fn action_schema(mut self, schema: impl Into<Value>) -> Self {
        if let Some(action) = self.def.actions.last_mut() {
            action.input_schema = Some(schema.into());
        }
        self
    }
}

impl fmt::Debug for Canvas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.def.fmt(f)
    }
}

/// An error of a canvas, whose message the agent reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanvasError {
    code: String,
    message: String,
}

impl CanvasError {
    /// Creates an error with a code, such as `board_is_full`, and a message.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    /// Returns the code, such as `board_is_full`.
    pub fn code(&self) -> &str {
        &self.code
    }

    fn answer(&self, responder: Responder) {
        let data = CanvasErrorData { code: &self.code, message: &self.message };
        responder.error_with(INTERNAL_ERROR, &self.message, &data);
    }
}

impl fmt::Display for CanvasError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CanvasError {}

/// The canvases that a program offers.
#[derive(Clone, Debug, Default)]
pub(crate) struct OfferedCanvases {
    offered: Vec<Canvas>,
}

impl OfferedCanvases {
    pub(crate) fn defs(&self) -> Vec<CanvasDef> {
        self.offered.iter().map(|canvas| canvas.def.clone()).collect()
    }

    /// Refuses names that are not unique: the CLI accepts them, but the agent cannot distinguish them.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |problem: String| Err(Error::new(ErrorKind::Configuration, problem));
        for (at, Canvas { def, .. }) in self.offered.iter().enumerate() {
            let id = &def.id;
            if self.offered[..at].iter().any(|other| other.def.id == *id) {
                return refuse(format!("the canvas `{id}` is offered twice; rename one"));
            }
            for (at, action) in def.actions.iter().enumerate() {
                let name = &action.name;
                if name.starts_with("canvas.") {
                    return refuse(format!(
                        "the action `{name}` of the canvas `{id}` has the reserved prefix `canvas.`; rename it"
                    ));
                }
                if def.actions[..at].iter().any(|other| other.name == *name) {
                    return refuse(format!("the canvas `{id}` has the action `{name}` twice; rename one"));
                }
            }
        }
        Ok(())
    }
}

fn offered<'a>(session: &'a SessionCore, id: &str) -> std::result::Result<&'a Canvas, CanvasError> {
    let canvases = session.topic::<OfferedCanvases>();
    let found = canvases.and_then(|canvases| canvases.offered.iter().find(|canvas| canvas.def.id == id));
    found.ok_or_else(|| CanvasError::new(NO_CANVAS, format!("this program has no canvas `{id}`")))
}

impl SessionBuilder {
    /// Adds a canvas. The agent gets tools to open it and to act on it, which need permission. Events and
    /// [`Session::canvases`](crate::Session::canvases) report the open canvases.
    ///
    /// Wire: `canvas.open`, `canvas.close` and `canvas.action.invoke`, from the CLI (1.0.57 and later).
    pub fn canvas(mut self, canvas: Canvas) -> Self {
        self.settings.state.update(|canvases: &mut OfferedCanvases| canvases.offered.push(canvas));
        let defs =
            self.settings.state.get::<OfferedCanvases>().map(OfferedCanvases::defs).unwrap_or_default();
        self.settings.members.set("canvases", defs);
        // The agent gets its tools for canvases only where a client renders them.
        self.settings.members.set("requestCanvasRenderer", true);
        self
    }
}

impl Unstable {
    /// Sets the source of the canvases: a stable id, with which the open canvases are opened again when the session is
    /// resumed, and a name for people. Default: the connection.
    ///
    /// Wire: `session.create`, `canvasProvider`.
    pub fn canvas_provider(mut self, id: impl Into<String>, name: impl Into<String>) -> Self {
        let provider = CanvasProviderDef { id: id.into(), name: name.into() };
        self.settings.members.set("canvasProvider", provider);
        self
    }
}

fn canvas_opened(session: &Arc<SessionCore>, asked: CanvasParams, responder: Responder) {
    let canvas = match offered(session, &asked.canvas_id) {
        Ok(canvas) => canvas,
        Err(error) => return error.answer(responder),
    };
    let Some(handler) = canvas.open.clone() else { return responder.ok(&CanvasView::new()) };
    let question = Question::request("on_open", format!("the canvas {}", asked.canvas_id), &responder);
    let open = CanvasOpenRequest { instance_id: asked.instance_id, input: asked.input };
    session.consult(question, separated(handler.ask(open)), |_, view| match outcome(view) {
        Ok(view) => responder.ok(&view),
        Err(error) => error.answer(responder),
    });
}

fn canvas_closed(session: &Arc<SessionCore>, asked: CanvasParams, responder: Responder) {
    let canvas = match offered(session, &asked.canvas_id) {
        Ok(canvas) => canvas,
        Err(error) => return error.answer(responder),
    };
    let Some(handler) = canvas.close.clone() else { return responder.ok(&()) };
    let question = Question::request("on_close", format!("the canvas {}", asked.canvas_id), &responder);
    // The canvas is closed even if the handler fails.
    session.consult(question, handler.ask(asked.instance_id), |_, _| responder.ok(&()));
}

fn canvas_acted_on(session: &Arc<SessionCore>, asked: CanvasParams, responder: Responder) {
    let action = asked.action_name.unwrap_or_default();
    let found = offered(session, &asked.canvas_id).and_then(|canvas| {
        canvas.actions.get(&action).ok_or_else(|| {
            let message = format!("the canvas `{}` has no action `{action}`", asked.canvas_id);
            CanvasError::new(NO_ACTION, message)
        })
    });
    let handler = match found {
        Ok(handler) => handler.clone(),
        Err(error) => return error.answer(responder),
    };
    let what = format!("{action} on the canvas {}", asked.canvas_id);
    let question = Question::request("action", what, &responder);
    let call = CanvasActionRequest { instance_id: asked.instance_id, input: asked.input };
    session.consult(question, separated(handler.ask(call)), |_, result| match outcome(result) {
        Ok(result) => responder.ok(&result),
        Err(error) => error.answer(responder),
    });
}

/// Separates a [`CanvasError`], which is an answer for the agent, from failures of the handler.
async fn separated<A>(
    answer: impl Future<Output = std::result::Result<A, BoxError>>,
) -> std::result::Result<std::result::Result<A, CanvasError>, BoxError> {
    match answer.await {
        Ok(answer) => Ok(Ok(answer)),
        Err(error) => error.downcast::<CanvasError>().map(|error| Err(*error)),
    }
}

fn outcome<A>(answer: Option<std::result::Result<A, CanvasError>>) -> std::result::Result<A, CanvasError> {
    answer.unwrap_or_else(|| Err(CanvasError::new(FAILED, "the handler of the canvas failed")))
}

pub(crate) const TOPIC: Topic = Topic {
    members: &[
        ("canvases", "canvas"),
        ("requestCanvasRenderer", "canvas"),
        ("canvasProvider", "unstable(Unstable::new().canvas_provider"),
    ],
    requests: &[
        ("canvas.open", |session, params, responder| {
            session.read("canvas.open", params, responder, canvas_opened);
        }),
        ("canvas.close", |session, params, responder| {
            session.read("canvas.close", params, responder, canvas_closed);
        }),
        ("canvas.action.invoke", |session, params, responder| {
            session.read("canvas.action.invoke", params, responder, canvas_acted_on);
        }),
    ],
    check: Some(|settings, _| settings.state.get::<OfferedCanvases>().map_or(Ok(()), OfferedCanvases::check)),
    ..Topic::NONE
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canvases_and_actions_with_equal_names_are_refused() {
        let check =
            |offered: Vec<Canvas>| OfferedCanvases { offered }.check().map_err(|error| error.to_string());
        let canvas = |id: &str| Canvas::new(id, "A", "A.");
        let act = |canvas: Canvas, name: &str| canvas.action(name, "", |_| async { Value::Null });
        check(vec![act(act(canvas("a"), "x"), "y"), act(canvas("b"), "x")]).unwrap();
        for (bad, why) in [
            (vec![canvas("a"), canvas("a")], "offered twice"),
            (vec![act(act(canvas("a"), "x"), "x")], "action `x` twice"),
            (vec![act(canvas("a"), "canvas.open")], "reserved prefix"),
        ] {
            let refused = check(bad).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
