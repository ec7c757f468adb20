//! The seam between the spans of `tracing`, which have no identity outside of the process, and a tracing system.

use tracing::Span;

use super::TraceContext;

/// Carries traces across the boundary of the process: to the CLI, with each message, and from the CLI, with each call of
/// a tool and each hook. Set by [`Tracing::propagation`](super::Tracing::propagation).
///
/// `OpenTelemetry` (feature `opentelemetry`) is the implementation for the crate `tracing-opentelemetry`. Panics are
/// caught and logged.
///
/// # Examples
///
/// ```
/// use copilot::trace::{Propagation, TraceContext};
///
/// /// Puts all messages into the trace of one job.
/// #[derive(Debug)]
/// struct OfJob(String);
///
/// impl Propagation for OfJob {
///     fn inject(&self, _: &tracing::Span) -> Option<TraceContext> {
///         Some(TraceContext::new(&self.0))
///     }
///
///     fn extract(&self, span: &tracing::Span, parent: &TraceContext) {
///         tracing::debug!(parent: span, ?parent, "called by the CLI");
///     }
/// }
/// ```
pub trait Propagation: Send + Sync {
    /// Returns the context of a span, which the CLI receives as the parent of its spans; `None` for a span that is not
    /// part of a trace.
    fn inject(&self, span: &Span) -> Option<TraceContext>;

    /// Makes a context that the CLI has sent the parent of a span, which was created a moment ago and was not entered.
    fn extract(&self, span: &Span, parent: &TraceContext);
}
