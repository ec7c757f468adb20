//! Listeners that are called with each event.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::runtime::Handle;
use tokio::task::coop::consume_budget;

use crate::contain::{self, UserValue};
use crate::events::{Event, EventStream};
use crate::task::{self, Task};

/// Keeps a listener subscribed; dropping it unsubscribes. Once the drop has returned, no call of the listener begins;
/// one that has begun runs to its end.
#[derive(Debug)]
#[must_use = "dropping the subscription unsubscribes immediately"]
pub struct Subscription {
    calls: Arc<Calls>,
    _task: Task,
}

impl Subscription {
    pub(in crate::session) fn start(
        runtime: &Handle,
        mut events: EventStream,
        listener: impl FnMut(&Event) + Send + 'static,
    ) -> Self {
        let calls = Arc::new(Calls::default());
        let mut listener = Listener { listener: UserValue::new(listener), calls: Arc::clone(&calls) };
        let task = task::spawn_on(runtime, async move {
            while let Some(event) = events.next().await {
                if !listener.call(&event) {
                    return;
                }
                // A backlog must not occupy the thread.
                consume_budget().await;
            }
        });
        Self { calls, _task: task }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.calls.end();
    }
}

/// Whether the listener is being called, and whether it may be.
#[derive(Debug, Default)]
struct Calls(AtomicU8);

impl Calls {
    const NONE: u8 = 0;
    const ONE: u8 = 1;
    const ENDED: u8 = 2;

    /// `false` when no call may begin any more.
    fn begin(&self) -> bool {
        self.0.compare_exchange(Self::NONE, Self::ONE, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// `false` when no call may follow.
    fn finish(&self) -> bool {
        self.0.compare_exchange(Self::ONE, Self::NONE, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn end(&self) {
        self.0.store(Self::ENDED, Ordering::Release);
    }
}

/// A listener whose panics end nothing but the call, and whose drop may panic.
struct Listener<F> {
    listener: UserValue<F>,
    calls: Arc<Calls>,
}

impl<F: FnMut(&Event)> Listener<F> {
    /// `false` when no call may follow.
    fn call(&mut self, event: &Event) -> bool {
        if !self.calls.begin() {
            return false;
        }
        // Whether the listener's own state is whole after a panic concerns the listener.
        if let Err(panic) = contain::run(|| (*self.listener)(event)) {
            tracing::error!(event = event.name(), panic, "a listener panicked");
        }
        self.calls.finish()
    }
}
