//! Spawning with an owner: a task lives no longer than its handle.
//!
//! This is the one place that may call `tokio::spawn`; everything else keeps a [`Task`], whose drop aborts.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;

pub(crate) use crate::contain::catch;

/// A running task that is aborted when this handle is dropped.
#[derive(Debug)]
pub(crate) struct Task<T = ()>(JoinHandle<Result<T, String>>);

/// Starts `future` on the current runtime; dropping the handle aborts it. Its panics stay inside of the task, those of
/// its drop included: a worker of the runtime does not survive the panic of a payload's drop.
pub(crate) fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "the handle below is the owner")]
    Task(tokio::spawn(catch(future)))
}

impl<T> Task<T> {
    /// Ends the task at its next pause.
    pub(crate) fn abort(&self) {
        self.0.abort();
    }

    /// Waits for the task's end; `None` when it was aborted or it panicked.
    pub(crate) async fn join(&mut self) -> Option<T> {
        (&mut self.0).await.ok()?.ok()
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs a closure when it is dropped, unless it is disarmed before.
#[must_use = "the closure runs when this is dropped"]
pub(crate) struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> OnDrop<F> {
    pub(crate) fn new(action: F) -> Self {
        Self(Some(action))
    }

    /// Drops the closure without running it.
    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(action) = self.0.take() {
            action();
        }
    }
}

/// Locks a mutex whose data is consistent between calls, also after a panic.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
