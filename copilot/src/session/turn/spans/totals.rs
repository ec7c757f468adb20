//! The fields that spans get with their ends: what was used, and the class of a failure. Pure, but for the spans.

use tracing::Span;

use crate::error::{Error, ErrorKind};
use crate::events::{ModelCallFailure, ModelFailureKind};
use crate::session::turn::usage::Usage;
use crate::trace::record_count;

/// Records what a turn, or the work of a sub-agent, has used.
pub(super) fn record_totals(span: &Span, usage: &Usage) {
    if usage.requests == 0 {
        return;
    }
    for (name, count) in [
        ("gen_ai.usage.input_tokens", usage.input_tokens),
        ("gen_ai.usage.output_tokens", usage.output_tokens),
        ("copilot.model_requests", usage.requests),
    ] {
        record_count(span, name, count);
    }
    for (name, count) in [
        ("gen_ai.usage.cache_read.input_tokens", usage.cache_read_tokens),
        ("gen_ai.usage.cache_creation.input_tokens", usage.cache_write_tokens),
        ("gen_ai.usage.reasoning.output_tokens", usage.reasoning_tokens),
    ] {
        if count > 0 {
            record_count(span, name, count);
        }
    }
    span.record("github.copilot.cost", usage.cost);
    if usage.ai_units.nano() > 0.0 {
        span.record("github.copilot.nano_aiu", usage.ai_units.nano());
    }
}

/// Returns the class of a failed request to a model.
pub(super) fn failure_type(failure: &ModelCallFailure) -> String {
    match (failure.status_code, &failure.failure_kind) {
        (Some(status), _) => status.to_string(),
        (None, Some(ModelFailureKind::Transport)) => "transport".to_owned(),
        _ => "api".to_owned(),
    }
}

/// Returns the class of an error of the library.
pub(super) fn error_type(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Timeout => "timeout",
        ErrorKind::Budget => "budget",
        ErrorKind::Disconnected | ErrorKind::Transport => "disconnected",
        ErrorKind::Closed => "closed",
        ErrorKind::Response => "response",
        ErrorKind::Session => "agent",
        _ => "invalid",
    }
}
