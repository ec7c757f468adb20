//! MCP servers that want a model to write something for them.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Mcp;
use crate::error::{Error, ErrorKind, Result};
use crate::events::EventName;
use crate::protocol::decode;
use crate::protocol::sampling::{
    ExecuteSamplingParams, ExecuteSamplingResponse, SamplingAnswerParams, SamplingAsked, SamplingDetails,
    SamplingMessage,
};
use crate::session::core::Question;
use crate::session::core::SessionCore;
use crate::session::core::Topic;
use crate::session::core::Unreadable;
use crate::session::core::settled;
use crate::session::core::{BoxError, Handler, IntoAnswer};

/// What an MCP server wants a model to write. Wire: `sampling.requested`, from the CLI.
#[derive(Clone)]
pub struct SamplingRequest {
    server_name: String,
    mcp_request_id: Arc<RawValue>,
    details: SamplingDetails,
    raw: Arc<RawValue>,
}

impl SamplingRequest {
    fn read(asked: SamplingAsked<'_>) -> serde_json::Result<Self> {
        let raw = asked.request.unwrap_or(RawValue::NULL);
        Ok(Self {
            server_name: asked.server_name.into_owned(),
            mcp_request_id: Arc::from(asked.mcp_request_id.unwrap_or(RawValue::NULL).to_owned()),
            details: decode::question(raw.get())?,
            raw: Arc::from(raw.to_owned()),
        })
    }

    /// The server that asks.
    pub fn server_name(&self) -> &str {
        &self.server_name
    }

    /// The conversation that the model is to go on with.
    pub fn messages(&self) -> &[SamplingMessage] {
        &self.details.messages
    }

    /// The system prompt that the server would like.
    pub fn system_prompt(&self) -> Option<&str> {
        self.details.system_prompt.as_deref()
    }

    /// How long the answer may be, in tokens.
    pub fn max_tokens(&self) -> Option<u64> {
        self.details.max_tokens
    }

    /// The request as JSON text, exactly as the server has made it.
    pub fn raw(&self) -> &str {
        self.raw.get()
    }

    /// The request read as a type of your own.
    ///
    /// # Errors
    ///
    /// When it does not have that shape.
    pub fn data<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        serde_json::from_str(self.raw())
            .map_err(|source| Error::decode("the sampling request has another shape", source))
    }
}

impl fmt::Debug for SamplingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SamplingRequest")
            .field("server_name", &self.server_name)
            .field("request", &self.raw())
            .finish_non_exhaustive()
    }
}

/// The answer to a [`SamplingRequest`].
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct SamplingResponse(Given);

#[derive(Clone, Debug, PartialEq)]
enum Given {
    Answer(Value),
    BySession,
    Rejected,
    Elsewhere,
}

impl SamplingResponse {
    /// The model of this name has written this text.
    pub fn text(model: impl Into<String>, text: impl Into<String>) -> Self {
        let content = json!({"type": "text", "text": text.into()});
        Self(Given::Answer(
            json!({"role": "assistant", "content": content, "model": model.into(), "stopReason": "endTurn"}),
        ))
    }

    /// An answer of another kind, as MCP's `CreateMessageResult` has it.
    ///
    /// # Errors
    ///
    /// When `result` is not JSON.
    pub fn result(result: impl Serialize) -> Result<Self> {
        let result = serde_json::to_value(result).map_err(|source| {
            Error::with_source(ErrorKind::InvalidInput, "the answer to an MCP server is not JSON", source)
        })?;
        Ok(Self(Given::Answer(result)))
    }

    /// The session's own model is to write it. The CLI asks it outside of the conversation.
    ///
    /// Wire: `session.mcp.executeSampling`, to the CLI.
    pub fn by_session_model() -> Self {
        Self(Given::BySession)
    }

    /// The server gets no answer of a model, and is told that the user refused.
    pub fn rejected() -> Self {
        Self(Given::Rejected)
    }

    /// Another client of the session answers. Where there is none the server waits for ever.
    pub fn elsewhere() -> Self {
        Self(Given::Elsewhere)
    }
}

impl Mcp {
    /// Has the program answer when an MCP server wants a model to write something.
    ///
    /// Without a handler, and when it fails, the server is told that the user refused.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Session;
    /// use copilot::mcp::{Mcp, SamplingResponse};
    ///
    /// let sampling = Mcp::new().on_sampling(|request| async move {
    ///     match request.server_name() {
    ///         "translator" => SamplingResponse::by_session_model(),
    ///         _ => SamplingResponse::rejected(),
    ///     }
    /// });
    /// let builder = Session::builder().mcp(sampling);
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `sampling.requested`, from the CLI.
    pub fn on_sampling<F, R>(mut self, handler: impl Fn(SamplingRequest) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<SamplingResponse>,
    {
        self.settings.state.set(Handler::new(handler));
        self
    }
}

fn sampling_requested(session: &Arc<SessionCore>, asked: SamplingAsked<'_>) {
    let id = asked.request_id.as_ref().to_owned();
    let Some(handler) = session.handler::<SamplingRequest, SamplingResponse>() else {
        return answer_sampling(session, &id, &Given::Rejected);
    };
    let request = match SamplingRequest::read(asked) {
        Ok(request) => request,
        Err(error) => {
            tracing::error!(%error, session = %session.id, "what an MCP server wants cannot be read; rejected");
            return answer_sampling(session, &id, &Given::Rejected);
        }
    };
    let what = format!("an answer for the MCP server {}", request.server_name());
    let question = Question::event("Mcp::on_sampling", what, &id);
    let work = {
        let (inbox, id) = (Arc::clone(session), id.clone());
        async move {
            match handler.ask(request.clone()).await? {
                SamplingResponse(Given::BySession) => sample(&inbox, &id, &request).await.map(Given::Answer),
                SamplingResponse(given) => Ok(given),
            }
        }
    };
    session.consult(question, work, move |inbox, given| {
        answer_sampling(inbox, &id, &given.unwrap_or(Given::Rejected));
    });
}

/// Has the session's own model write the answer.
async fn sample(
    session: &SessionCore,
    id: &str,
    request: &SamplingRequest,
) -> std::result::Result<Value, BoxError> {
    let params = ExecuteSamplingParams {
        session_id: &session.id,
        request_id: id,
        server_name: request.server_name(),
        mcp_request_id: &request.mcp_request_id,
        request: &request.raw,
    };
    let peer = session.connection.ready().await?;
    let done: ExecuteSamplingResponse =
        peer.request("session.mcp.executeSampling", &params).decoded().await?;
    match (done.result, done.error) {
        (Some(result), _) => Ok(result),
        (None, Some(error)) => Err(error.into()),
        (None, None) => Err(format!("the session's model gave no answer ({})", done.action).into()),
    }
}

fn answer_sampling(session: &SessionCore, request_id: &str, given: &Given) {
    let response = match given {
        Given::Elsewhere => return,
        Given::Answer(answer) => Some(answer),
        Given::Rejected | Given::BySession => None,
    };
    let params = SamplingAnswerParams { session_id: &session.id, request_id, response };
    session.post_answer("session.ui.handlePendingSampling", &params);
}

pub(crate) const TOPIC: Topic = Topic {
    events: &[
        (EventName::SamplingRequested, |session, data| {
            session.read_event(EventName::SamplingRequested, data, sampling_requested);
        }),
        (EventName::SamplingCompleted, settled),
    ],
    unreadable: &[(EventName::SamplingRequested, |session, _, _| {
        let handler =
            session.topic::<Handler<SamplingRequest, SamplingResponse>>().map(|_| "Mcp::on_sampling");
        Some(Unreadable { handler, method: "session.ui.handlePendingSampling", answer: json!({}) })
    })],
    ..Topic::NONE
};
