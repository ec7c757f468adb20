//! Whether the running code belongs to a tool or handler that the agent of a session waits for.
//!
//! A wait for a turn of the same session would never end there, because the turn waits for the tool or the handler.
//! Tasks that a tool spawns are not recognised.

use std::sync::Arc;

use futures_core::future::BoxFuture;
use tokio::task::futures::TaskLocalFuture;
use tracing::Span;

use super::state::SessionCore;
use crate::trace::InSpan;

tokio::task_local! {
    /// The address of the core of the session, which outlives the task.
    static SESSION: usize;
}

/// Work that the agent of a session waits for, inside of its span. Of one type, whatever the work is.
pub(in crate::session) type SessionWork = TaskLocalFuture<usize, InSpan<BoxFuture<'static, ()>>>;

/// Marks `work` as work that the agent of this session waits for.
pub(in crate::session) fn within_session(
    core: &Arc<SessionCore>,
    span: Span,
    work: BoxFuture<'static, ()>,
) -> SessionWork {
    SESSION.scope(Arc::as_ptr(core).addr(), InSpan::new(span, work))
}

/// Whether the agent of this session waits for the code that runs now.
pub(in crate::session) fn is_within_session(core: &SessionCore) -> bool {
    SESSION.try_with(|session| *session == std::ptr::from_ref(core).addr()).unwrap_or_default()
}
