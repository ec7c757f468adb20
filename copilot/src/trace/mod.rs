//! Traces of the program: spans of turns, model requests and tool calls, and the trace context of sessions and messages.
//!
//! The library opens [`tracing`] spans with the target `copilot` and the level `INFO`, whose names and fields are those
//! of the [OpenTelemetry conventions for generative AI](https://github.com/open-telemetry/semantic-conventions-genai).
//! The guide is [observability](crate::docs::observability). Spans cost nothing while no subscriber is interested in them.
//!
//! | Span | Opened for | Ends |
//! |---|---|---|
//! | `invoke_agent` | a message of the program, before it is sent; work of the agent that no message of the program has started; a sub-agent | when the agent has finished |
//! | `chat` | a request of the agent to its model | with the answer of the model |
//! | `execute_tool` | a tool call, of the program or of the CLI | with the result |
//! | `permission` | a decision about a permission request | with the decision |
//! | `handler` | a call of a handler or hook of the program | with the answer |
//!
//! The fields `otel.name`, `otel.kind` and `otel.status_code` are those that the crate `tracing-opentelemetry` reads. A
//! list, such as `gen_ai.response.finish_reasons`, is JSON text, because a `tracing` field has no list.

mod content;
mod in_span;
#[cfg(feature = "opentelemetry")]
mod opentelemetry;
mod operation;
mod propagation;
mod settings;
mod wait;

pub use crate::protocol::trace::TraceContext;
#[cfg(feature = "opentelemetry")]
pub use opentelemetry::OpenTelemetry;
pub use propagation::Propagation;
pub use settings::Tracing;

pub(crate) use content::{Content, secrets_of};
pub(crate) use in_span::InSpan;
pub(crate) use operation::{
    AgentSpan, Failure, Operation, ToolSpan, chat, event, fail, handler, invoke_agent, is_enabled,
    permission, provider, record_count, tool_ended,
};
pub(crate) use settings::Observation;
pub(crate) use wait::Wait;
