//! Whether code of the program runs because the agent waits for it: a tool or a handler.
//!
//! Waiting there for a turn of the same session would never end, because the turn waits for the tool or the handler.
//! Tasks that a tool spawns are not seen.

use std::sync::Arc;

use crate::session::core::Inbox;

tokio::task_local! {
    /// The address of the inbox of the session that waits; it is there as long as the task is.
    static FOR: usize;
}

/// Runs `work`, for which the agent of this session waits.
pub(in crate::session) fn answering<F: Future>(
    inbox: &Arc<Inbox>,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    FOR.scope(Arc::as_ptr(inbox).addr(), work)
}

/// Whether the agent of this session waits for the code that runs now.
pub(in crate::session) fn is_answering(inbox: &Inbox) -> bool {
    FOR.try_with(|waits| *waits == std::ptr::from_ref(inbox).addr()).unwrap_or_default()
}
