//! The token that tells a running tool that nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// A flag that can be awaited; clones share it, and once set it stays set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cancellation(Arc<Flag>);

/// The flag itself, for those who have a place for it.
#[derive(Debug, Default)]
pub(crate) struct Flag {
    set: AtomicBool,
    waiters: Notify,
}

impl Flag {
    /// Sets the flag and wakes whoever waits for it.
    pub(crate) fn set(&self) {
        self.set.store(true, Ordering::Release);
        self.waiters.notify_waiters();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Returns once the flag is set.
    pub(crate) async fn wait(&self) {
        // Made before the flag is read, so that a `set` in between wakes it.
        let woken = self.waiters.notified();
        if !self.is_set() {
            woken.await;
        }
    }
}

impl Cancellation {
    /// Sets the flag and wakes whoever waits for it.
    pub(crate) fn cancel(&self) {
        self.0.set();
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.is_set()
    }

    /// Returns once the flag is set.
    pub(crate) async fn cancelled(&self) {
        self.0.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_waiter_wakes_when_the_flag_is_set_and_later_ones_do_not_wait() {
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
