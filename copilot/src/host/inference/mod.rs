//! Requests to models, answered by the program.
//!
//! With [`ClientBuilder::inference`](crate::ClientBuilder::inference) the CLI opens no connection to a model: each
//! request that it would make is given to an [`Inference`], which answers, forwards or refuses it. It is asked for
//! models from a Copilot login and for those of a [`Provider`](crate::providers::Provider) alike, in the protocol that the
//! provider is set to speak; the address that is set need not exist.
//!
//! An answer is sent as the program gives it: whole, or in pieces, each of which the CLI has taken before the next is
//! asked for. When the CLI cancels the request, as after an abort, or the connection is lost, the program's future is
//! dropped. A program that fails or panics gives the CLI a failed request, which it tries again, five
//! times in 1.0.102; an answer with a status of 400 and more and a header `x-should-retry: false` is final.
//!
//! **WebSockets.** For a provider whose transport is `websockets`, and for models of a login that have them, the CLI
//! asks with [`InferenceTransport::WebSocket`] and a method `GET`. An answer made by
//! [`InferenceResponse::websocket`] accepts: each piece of the request's body, and of the answer's, is then one
//! message. Any other answer declines, and the CLI asks again over HTTP. (Both seen on CLI 1.0.102.)
//!
//! # Examples
//!
//! ```no_run
//! use copilot::host::inference::{InferenceRequest, InferenceResponse};
//! use copilot::Client;
//! use copilot::providers::Provider;
//! use serde_json::{Value, json};
//!
//! # #[tokio::main]
//! # async fn main() -> copilot::Result<()> {
//! let client = Client::builder()
//!     .inference(|mut request: InferenceRequest| async move {
//!         let asked: Value = request.body.json().await?;
//!         let count = asked["messages"].as_array().map_or(0, Vec::len);
//!         let text = format!("You have said {count} things.");
//!         let chunk = json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]});
//!         Ok(InferenceResponse::new(200)
//!             .header("content-type", "text/event-stream")
//!             .body(format!("data: {chunk}\n\ndata: [DONE]\n\n")))
//!     })
//!     .start()
//!     .await?;
//! let session = client.session().provider(Provider::openai("http://nowhere.invalid/v1")).model("mine").start().await?;
//! println!("{}", session.ask("Hello?").await?);
//! # Ok(())
//! # }
//! ```

mod body;
pub(crate) mod exchange;
mod headers;
mod response;

use std::fmt;

use crate::protocol::SessionId;
use crate::protocol::inference::HttpRequestStartParams;
use crate::protocol::secret::redacted;

pub use crate::protocol::inference::InferenceTransport;
pub use body::{Chunk, RequestBody};
pub use headers::Headers;
#[cfg(feature = "cassette")]
pub(crate) use response::Chunks;
pub use response::{BodyWriter, InferenceResponse};

/// Answers the CLI's requests to models.
///
/// A closure that takes an [`InferenceRequest`] and gives a future of the answer is one.
///
/// Wire: `llmInference.httpRequestStart`, from the CLI.
pub trait Inference: Send + Sync + 'static {
    /// Answers one request. The future runs in a separate task, and is dropped when the CLI cancels the request.
    fn respond(
        &self,
        request: InferenceRequest,
    ) -> impl Future<Output = Result<InferenceResponse, InferenceError>> + Send;
}

impl<F, A> Inference for F
where
    F: Fn(InferenceRequest) -> A + Send + Sync + 'static,
    A: Future<Output = Result<InferenceResponse, InferenceError>> + Send,
{
    fn respond(
        &self,
        request: InferenceRequest,
    ) -> impl Future<Output = Result<InferenceResponse, InferenceError>> + Send {
        self(request)
    }
}

/// A request that the CLI would make to a model. Its `Debug` shows neither credentials nor the query of the address.
#[non_exhaustive]
pub struct InferenceRequest {
    /// The HTTP method, such as `POST`.
    pub method: String,
    /// The address, with its query.
    pub url: String,
    /// The headers, credentials among them.
    pub headers: Headers,
    /// The transport that the CLI would use by itself.
    pub transport: InferenceTransport,
    /// The session that needs it; `None` for requests of the CLI itself, such as a list of models.
    pub session_id: Option<SessionId>,
    /// The agent that needs it. The main agent of a session has the session's id.
    pub agent_id: Option<String>,
    /// The agent that started this one; `None` for a main agent.
    pub parent_agent_id: Option<String>,
    /// The run of the agent that needs it.
    pub agent_invocation_id: Option<String>,
    /// The kind of work that it belongs to, such as `conversation-agent`.
    pub interaction_type: Option<String>,
    /// The body, which arrives while it is read.
    pub body: RequestBody,
}

impl InferenceRequest {
    fn new(start: HttpRequestStartParams, body: RequestBody) -> Self {
        Self {
            method: start.method,
            url: start.url,
            headers: Headers::from(start.headers),
            transport: start.transport.unwrap_or(InferenceTransport::Http),
            session_id: start.session_id,
            agent_id: start.agent_id,
            parent_agent_id: start.parent_agent_id,
            agent_invocation_id: start.agent_invocation_id,
            interaction_type: start.interaction_type,
            body,
        }
    }

    /// Creates a request over HTTP that belongs to no session.
    #[cfg(feature = "cassette")]
    pub(crate) fn http(method: String, url: String, headers: Headers, body: RequestBody) -> Self {
        Self {
            method,
            url,
            headers,
            transport: InferenceTransport::Http,
            session_id: None,
            agent_id: None,
            parent_agent_id: None,
            agent_invocation_id: None,
            interaction_type: None,
            body,
        }
    }

    /// Whether it asks for a WebSocket.
    pub fn is_websocket(&self) -> bool {
        self.transport == InferenceTransport::WebSocket
    }
}

impl fmt::Debug for InferenceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InferenceRequest")
            .field("method", &self.method)
            .field("url", &redacted(&self.url))
            .field("headers", &self.headers)
            .field("transport", &self.transport)
            .field("session_id", &self.session_id)
            .field("agent_id", &self.agent_id)
            .field("interaction_type", &self.interaction_type)
            .finish_non_exhaustive()
    }
}

/// Why a request has no answer, or no whole one: the CLI gets message and code, and tries again.
///
/// Any error becomes one by `?`, and so does text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InferenceError {
    message: String,
    code: Option<String>,
}

impl InferenceError {
    /// Creates an error with this message for people.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: None }
    }

    /// Sets a code for programs.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Returns the message.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for InferenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Not an error itself, so that any error can become one.
impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for InferenceError {
    fn from(error: E) -> Self {
        Self::new(error.into().to_string())
    }
}
