//! Forms of the CLI for the user.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};
use crate::events::EventName;
use crate::protocol::ToolCallId;
use crate::protocol::elicitation::{ElicitationAnswerParams, ElicitationRequested};
use crate::session::SessionBuilder;
use crate::session::core::Question;
use crate::session::core::SessionCore;
use crate::session::core::Topic;
use crate::session::core::Unreadable;
use crate::session::core::settled;
use crate::session::core::{Handler, IntoAnswer};

pub use crate::protocol::elicitation::{ElicitationAction, ElicitationMode, ElicitationResponse};

/// The request to show a form to the user. Wire: `elicitation.requested`, from the CLI.
#[derive(Clone)]
pub struct ElicitationRequest {
    message: String,
    mode: ElicitationMode,
    schema: Option<Box<RawValue>>,
    url: Option<String>,
    source: Option<String>,
    tool_call_id: Option<ToolCallId>,
}

impl ElicitationRequest {
    /// Returns the message above the form.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the mode: a form with fields, or a page to open.
    pub fn mode(&self) -> &ElicitationMode {
        &self.mode
    }

    /// Returns the JSON schema of the content as text, unchanged, because its order is the order of the fields. `None`
    /// without fields.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref().map(RawValue::get)
    }

    /// Returns the schema as a `T`.
    ///
    /// # Errors
    ///
    /// When the schema is not a `T`, or there is none.
    pub fn schema_as<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        serde_json::from_str(self.schema().unwrap_or("null"))
            .map_err(|source| Error::decode("the schema of the form has another shape", source))
    }

    /// Returns the URL of the page to open, with [`ElicitationMode::Url`].
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Returns the source of the form, such as the name of an MCP server.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// Returns the id of the tool call that sent the form, if one did.
    pub fn tool_call_id(&self) -> Option<&ToolCallId> {
        self.tool_call_id.as_ref()
    }
}

impl fmt::Debug for ElicitationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ElicitationRequest")
            .field("message", &self.message)
            .field("mode", &self.mode)
            .field("schema", &self.schema())
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl ElicitationResponse {
    /// Returns the content of the form, by field.
    ///
    /// # Errors
    ///
    /// When `content` is not JSON.
    pub fn accept(content: impl Serialize) -> Result<Self> {
        let content = serde_json::to_value(content).map_err(|source| {
            Error::with_source(ErrorKind::InvalidInput, "the content of a form is not JSON", source)
        })?;
        Ok(Self { action: ElicitationAction::Accept, content: Some(content) })
    }

    /// Declines: the user refused to fill in the form.
    pub fn decline() -> Self {
        Self { action: ElicitationAction::Decline, content: None }
    }

    /// Cancels: the user dismissed the form without a decision.
    pub fn cancel() -> Self {
        Self { action: ElicitationAction::Cancel, content: None }
    }
}

impl SessionBuilder {
    /// Runs when an MCP server, the agent or [`Session::ui`](crate::Session::ui) sends a form to the user; returns the
    /// content.
    ///
    /// A handler that fails cancels the form.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Session;
    /// use copilot::elicitation::ElicitationResponse;
    ///
    /// let builder = Session::builder().on_elicitation(|form| async move {
    ///     println!("{}\n{}", form.message(), form.schema().unwrap_or_default());
    ///     ElicitationResponse::decline()
    /// });
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `elicitation.requested`, from the CLI.
    pub fn on_elicitation<F, R>(
        mut self,
        handler: impl Fn(ElicitationRequest) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<ElicitationResponse>,
    {
        self.settings.state.set(Handler::new(handler));
        self.settings.members.set("requestElicitation", true);
        self.settings.features.push("on_elicitation");
        self
    }
}

fn form_requested(session: &Arc<SessionCore>, asked: ElicitationRequested<'_>) {
    // Every client of the session receives the event; one without a handler leaves it to the others.
    let Some(handler) = session.handler() else { return };
    let id: Box<str> = asked.request_id.as_ref().into();
    let question = Question::event("on_elicitation", "a form", &id);
    let request = ElicitationRequest {
        message: asked.message.into_owned(),
        mode: asked.mode.unwrap_or(ElicitationMode::Form),
        schema: asked.requested_schema.map(ToOwned::to_owned),
        url: asked.url,
        source: asked.elicitation_source,
        tool_call_id: asked.tool_call_id.as_deref().map(ToolCallId::from),
    };
    session.consult(question, handler.ask(request), move |inbox, elicited| {
        let elicited = elicited.unwrap_or_else(ElicitationResponse::cancel);
        let params = ElicitationAnswerParams { session_id: &inbox.id, request_id: &id, result: &elicited };
        inbox.post_answer("session.ui.handlePendingElicitation", &params);
    });
}

pub(crate) const TOPIC: Topic = Topic {
    members: &[("requestElicitation", "on_elicitation")],
    events: &[
        (EventName::ElicitationRequested, |session, data| {
            session.read_event(EventName::ElicitationRequested, data, form_requested);
        }),
        (EventName::ElicitationCompleted, settled),
    ],
    unreadable: &[(EventName::ElicitationRequested, |session, _, _| {
        session.topic::<Handler<ElicitationRequest, ElicitationResponse>>()?;
        let answer = json!({"result": ElicitationResponse::cancel()});
        Some(Unreadable::new("on_elicitation", "session.ui.handlePendingElicitation", answer))
    })],
    ..Topic::NONE
};
