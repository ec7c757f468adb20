//! Requests of the CLI that this library does not know.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::api::unstable::Unstable;
use crate::error::{Error, ErrorKind, Result};
use crate::rpc::{INTERNAL_ERROR, METHOD_NOT_FOUND, Responder};
use crate::session::core::Question;
use crate::session::core::SessionCore;
use crate::session::core::Topic;
use crate::session::core::{Handler, IntoAnswer};

/// A request of the CLI about a session, for which this library has no typed handler.
#[derive(Clone)]
pub struct UnknownRequest {
    method: String,
    params: Arc<RawValue>,
}

impl UnknownRequest {
    /// Returns the method, such as `some.method`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns the parameters as JSON text, `null` where there are none.
    pub fn raw(&self) -> &str {
        self.params.get()
    }

    /// Returns the parameters as a `T`.
    ///
    /// # Errors
    ///
    /// When the parameters are not a `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(self.raw()).map_err(|source| {
            let message = format!("{}: the parameters have another shape", self.method);
            Error::with_source(ErrorKind::Decode, message, source)
        })
    }
}

impl fmt::Debug for UnknownRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnknownRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Unstable {
    /// Runs when the CLI sends a request for which this library has no typed handler; returns the answer.
    ///
    /// When the handler fails, the CLI receives an internal error (-32603). Default: the error "method not found"
    /// (-32601).
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Session;
    /// use copilot::unstable::Unstable;
    /// use serde_json::json;
    ///
    /// let unstable = Unstable::new().on_unknown_request(|request| async move {
    ///     match request.method() {
    ///         "preview.ping" => Ok(json!({"pong": true})),
    ///         other => Err(format!("{other} is not supported")),
    ///     }
    /// });
    /// let builder = Session::builder().unstable(unstable);
    /// # drop(builder);
    /// ```
    ///
    /// Wire: any request of the CLI with a `sessionId`.
    pub fn on_unknown_request<F, R>(
        mut self,
        handler: impl Fn(UnknownRequest) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<Value>,
    {
        self.settings.state.set(Handler::new(handler));
        self
    }
}

fn unknown(session: &Arc<SessionCore>, method: &str, params: &RawValue, responder: Responder) {
    let Some(handler) = session.handler::<UnknownRequest, Value>() else {
        tracing::debug!(method, session = %session.id, "a request without a handler");
        return responder.error(METHOD_NOT_FOUND, &format!("Unhandled method {method}"));
    };
    let question = Question::request("on_unknown_request", method, &responder);
    let request = UnknownRequest { method: method.to_owned(), params: Arc::from(params.to_owned()) };
    session.consult(question, handler.ask(request), |_, answer| match answer {
        Some(answer) => responder.ok(&answer),
        None => responder.error(INTERNAL_ERROR, "the handler of this request failed"),
    });
}

pub(crate) const TOPIC: Topic = Topic { unknown: Some(unknown), ..Topic::NONE };
