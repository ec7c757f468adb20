//! Sampling: requests of MCP servers for the answer of a model.

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

/// The request of an MCP server for the answer of a model. Wire: `sampling.requested`, from the CLI.
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

    /// Returns the name of the MCP server.
    pub fn server_name(&self) -> &str {
        &self.server_name
    }

    /// Returns the conversation that the model is to continue.
    pub fn messages(&self) -> &[SamplingMessage] {
        &self.details.messages
    }

    /// Returns the system prompt that the server suggests.
    pub fn system_prompt(&self) -> Option<&str> {
        self.details.system_prompt.as_deref()
    }

    /// Returns the maximum length of the answer, in tokens.
    pub fn max_tokens(&self) -> Option<u64> {
        self.details.max_tokens
    }

    /// Returns the request of the server as JSON text, unchanged.
    pub fn raw(&self) -> &str {
        self.raw.get()
    }

    /// Returns the request as a `T`.
    ///
    /// # Errors
    ///
    /// When the request is not a `T`.
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
    /// Returns a text, and the name of the model that wrote it.
    pub fn text(model: impl Into<String>, text: impl Into<String>) -> Self {
        let content = json!({"type": "text", "text": text.into()});
        Self(Given::Answer(
            json!({"role": "assistant", "content": content, "model": model.into(), "stopReason": "endTurn"}),
        ))
    }

    /// Returns any answer, in the shape of MCP's `CreateMessageResult`.
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

    /// Lets the session's model write the answer, outside of the conversation.
    ///
    /// Wire: `session.mcp.executeSampling`, to the CLI.
    pub fn by_session_model() -> Self {
        Self(Given::BySession)
    }

    /// Rejects the request: the server reads that the user refused.
    pub fn rejected() -> Self {
        Self(Given::Rejected)
    }

    /// Leaves the request to another client of the session. Without one the server waits without a limit.
    pub fn elsewhere() -> Self {
        Self(Given::Elsewhere)
    }
}

impl Mcp {
    /// Runs when an MCP server requests the answer of a model.
    ///
    /// Default, and when the handler fails: the server reads that the user refused.
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
            tracing::error!(%error, session = %session.id, "a sampling request cannot be read; rejected");
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

/// Requests the answer from the session's model.
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
        (None, None) => Err(format!("the session's model returned no answer ({})", done.action).into()),
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
