//! The trace context of sessions and messages.

pub use crate::protocol::trace::TraceContext;
