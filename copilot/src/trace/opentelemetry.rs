//! Propagation with OpenTelemetry.

use std::str::FromStr;

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{Propagation, TraceContext};

/// Propagation of the spans of the crate `tracing-opentelemetry` 0.34, in the W3C format, which the CLI uses. Feature
/// `opentelemetry`.
///
/// The subscriber of the program must have the layer of the same version of `tracing-opentelemetry`; with another one,
/// spans have no context, and the traces of the program and the CLI stay separate.
///
/// # Examples
///
/// ```
/// use copilot::Client;
/// use copilot::trace::{OpenTelemetry, Tracing};
///
/// let builder = Client::builder().tracing(Tracing::new().propagation(OpenTelemetry));
/// # drop(builder);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenTelemetry;

impl Propagation for OpenTelemetry {
    fn inject(&self, span: &Span) -> Option<TraceContext> {
        let context = span.context();
        let span = context.span();
        let context = span.span_context();
        if !context.is_valid() {
            return None;
        }
        let traceparent = format!(
            "00-{}-{}-{:02x}",
            context.trace_id(),
            context.span_id(),
            context.trace_flags() & TraceFlags::SAMPLED
        );
        let state = context.trace_state().header();
        let context = TraceContext::new(traceparent);
        Some(if state.is_empty() { context } else { context.tracestate(state) })
    }

    fn extract(&self, span: &Span, parent: &TraceContext) {
        let Some(remote) = read(parent) else {
            tracing::debug!(?parent, "a trace context of the CLI cannot be read");
            return;
        };
        let parent = opentelemetry::Context::new().with_remote_span_context(remote);
        if let Err(error) = span.set_parent(parent) {
            tracing::debug!(%error, "a span was not attached to the trace of the CLI");
        }
    }
}

/// Reads the headers of a context. Pure.
fn read(context: &TraceContext) -> Option<SpanContext> {
    let mut parts = context.traceparent.as_deref()?.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version.len() != 2 || version == "ff" || trace.len() != 32 || span.len() != 16 || flags.len() != 2 {
        return None;
    }
    let state = context.tracestate.as_deref().and_then(|state| TraceState::from_str(state).ok());
    let read = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED,
        true,
        state.unwrap_or_default(),
    );
    read.is_valid().then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_read_and_an_invalid_one_is_not() {
        let context = TraceContext::new("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        let read_context = read(&context.tracestate("a=1,b=2")).unwrap();
        assert_eq!(read_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(read_context.span_id().to_string(), "b7ad6b7169203331");
        assert!(read_context.is_sampled() && read_context.is_remote());
        assert_eq!(read_context.trace_state().header(), "a=1,b=2");
        for invalid in [
            "",
            "00-1-2-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-xx",
            "00-0af7651916cd43dd8448eb211c8031zz-b7ad6b7169203331-01",
        ] {
            assert!(read(&TraceContext::new(invalid)).is_none(), "{invalid}");
        }
        assert!(read(&TraceContext::default()).is_none());
    }
}
