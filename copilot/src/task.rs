//! Spawning with an owner: a task lives no longer than its handle.
//!
//! This is the one place that may call `tokio::spawn`; everything else keeps a [`Task`], whose drop aborts.

use std::future::Future;

use tokio::task::JoinHandle;

/// A running task that is aborted when this handle is dropped.
#[derive(Debug)]
pub(crate) struct Task<T = ()>(JoinHandle<T>);

/// Starts `future` on the current runtime; dropping the handle aborts it.
pub(crate) fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "the handle below is the owner")]
    Task(tokio::spawn(future))
}

impl<T> Task<T> {
    /// Waits for the task's end; `None` when it was aborted or it panicked.
    pub(crate) async fn join(mut self) -> Option<T> {
        (&mut self.0).await.ok()
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
