//! The trace context of a session.

use crate::protocol::trace::TraceContext;
use crate::session::SessionBuilder;
use crate::session::core::Topic;

impl SessionBuilder {
    /// The trace that the session belongs to.
    ///
    /// Wire: `session.create`, `traceparent` and `tracestate`.
    pub fn trace_context(mut self, context: TraceContext) -> Self {
        self.settings.members.set_or_remove("traceparent", context.traceparent);
        self.settings.members.set_or_remove("tracestate", context.tracestate);
        self
    }
}

pub(crate) const TOPIC: Topic =
    Topic { members: &[("traceparent", "trace_context"), ("tracestate", "trace_context")], ..Topic::NONE };
