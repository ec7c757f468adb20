//! Listeners that are called with each event.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::events::{Event, EventStream};
use crate::task::{self, Task, panic_message};

/// Keeps a listener subscribed; dropping it unsubscribes.
#[derive(Debug)]
#[must_use = "dropping the subscription unsubscribes at once"]
pub struct Subscription {
    _task: Task,
}

impl Subscription {
    pub(super) fn start(mut events: EventStream, mut listener: impl FnMut(&Event) + Send + 'static) -> Self {
        let task = task::spawn(async move {
            while let Some(event) = events.next().await {
                // Whether what the listener left behind is whole is the listener's own affair.
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| listener(&event))) {
                    tracing::error!(
                        event = event.name(),
                        panic = panic_message(&*panic),
                        "a listener panicked"
                    );
                }
            }
        });
        Self { _task: task }
    }
}
