//! Listeners that are called with each event.

use crate::contain::{self, UserValue};
use crate::events::{Event, EventStream};
use crate::task::{self, Task};

/// Keeps a listener subscribed; dropping it unsubscribes.
#[derive(Debug)]
#[must_use = "dropping the subscription unsubscribes at once"]
pub struct Subscription {
    _task: Task,
}

impl Subscription {
    pub(super) fn start(mut events: EventStream, listener: impl FnMut(&Event) + Send + 'static) -> Self {
        let mut listener = UserValue::new(listener);
        let task = task::spawn(async move {
            while let Some(event) = events.next().await {
                // Whether what the listener left behind is whole is the listener's own affair.
                if let Err(panic) = contain::run(|| listener(&event)) {
                    tracing::error!(event = event.name(), panic, "a listener panicked");
                }
            }
        });
        Self { _task: task }
    }
}
