//! The cancellation token of a tool call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// A cancellation token; clones share it, and a cancelled token stays cancelled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cancellation(Arc<Flag>);

/// A flag that can be awaited, for owners that need no shared handle. It cannot be reset.
#[derive(Debug, Default)]
pub(crate) struct Flag {
    set: AtomicBool,
    waiters: Notify,
}

impl Flag {
    /// Sets the flag and wakes all waiting tasks.
    pub(crate) fn set(&self) {
        self.set.store(true, Ordering::Release);
        self.waiters.notify_waiters();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Completes when the flag is set.
    pub(crate) async fn wait(&self) {
        // Created before the flag is read, so that a concurrent `set` wakes it.
        let woken = self.waiters.notified();
        if !self.is_set() {
            woken.await;
        }
    }
}

impl Cancellation {
    /// Cancels the token and wakes all waiting tasks.
    pub(crate) fn cancel(&self) {
        self.0.set();
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.is_set()
    }

    /// Completes when the token is cancelled.
    pub(crate) async fn cancelled(&self) {
        self.0.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn cancelling_wakes_a_waiting_task_and_later_waits_return_immediately() {
        let cancellation = Cancellation::default();
        let mut waiter = crate::task::spawn({
            let cancellation = cancellation.clone();
            async move { cancellation.cancelled().await }
        });
        tokio::task::yield_now().await;
        cancellation.cancel();
        assert_eq!(waiter.join().await, Some(()));
        cancellation.cancelled().await;
    }
}
