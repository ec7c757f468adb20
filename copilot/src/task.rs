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
    /// Ends the task at its next pause.
    pub(crate) fn abort(&self) {
        self.0.abort();
    }

    /// Waits for the task's end; `None` when it was aborted or it panicked.
    pub(crate) async fn join(&mut self) -> Option<T> {
        (&mut self.0).await.ok()
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs code that is not ours: a panic, when the future is made or while it runs, becomes its message.
pub(crate) async fn catch<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        // A future that has panicked is not polled again, so nobody sees what it left half done.
        let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| future.as_mut().poll(cx)));
        match polled {
            Ok(poll) => poll.map(Ok),
            Err(panic) => std::task::Poll::Ready(Err(panic_message(&*panic))),
        }
    })
    .await
}

/// Runs code that may reach a waker, a subscriber or a drop of the program: a panic in it is logged and stops nothing
/// else.
pub(crate) fn contain(what: &str, code: impl FnOnce()) {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    let Err(panic) = catch_unwind(AssertUnwindSafe(code)) else { return };
    tracing::error!(panic = panic_message(&*panic), "{what} panicked");
    // The payload is a value of the program too, and its drop may panic as well.
    if let Err(again) = catch_unwind(AssertUnwindSafe(move || drop(panic))) {
        std::mem::forget(again);
    }
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}
