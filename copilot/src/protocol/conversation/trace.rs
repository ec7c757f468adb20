//! The position of work in a distributed trace.

use serde::Serialize;

/// A W3C trace context: the CLI's own spans become children of this one. Wire: `traceparent` and `tracestate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[must_use]
pub struct TraceContext {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) traceparent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tracestate: Option<String>,
}

impl TraceContext {
    /// Creates the context of a `traceparent` header, such as
    /// `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`.
    pub fn new(traceparent: impl Into<String>) -> Self {
        Self { traceparent: Some(traceparent.into()), tracestate: None }
    }

    /// Sets the `tracestate` header that accompanies the `traceparent`.
    pub fn tracestate(mut self, state: impl Into<String>) -> Self {
        self.tracestate = Some(state.into());
        self
    }
}
