//! Whether the running code belongs to a tool or handler that the agent of a session waits for.
//!
//! A wait for a turn of the same session would never end there, because the turn waits for the tool or the handler.
//! Tasks that a tool spawns are not recognised.

use std::sync::Arc;

use super::state::SessionCore;

tokio::task_local! {
    /// The address of the core of the session, which outlives the task.
    static SESSION: usize;
}

/// Marks `work` as work that the agent of this session waits for.
pub(in crate::session) fn within_session<F: Future>(
    core: &Arc<SessionCore>,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    SESSION.scope(Arc::as_ptr(core).addr(), work)
}

/// Whether the agent of this session waits for the code that runs now.
pub(in crate::session) fn is_within_session(core: &SessionCore) -> bool {
    SESSION.try_with(|session| *session == std::ptr::from_ref(core).addr()).unwrap_or_default()
}
