//! What happens to the sessions of a CLI, its other clients' included: they come, change and go.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::protocol::SessionId;
use crate::protocol::sessions::{LifecycleKind, LifecycleMetadata};

/// How many happenings wait for a slow reader. What comes on top is dropped and counted: nobody waits for a reader.
const WAITING: usize = 1024;

/// Something that happened to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LifecycleEvent {
    /// What.
    pub kind: LifecycleKind,
    /// To which one.
    pub session_id: SessionId,
    /// What the CLI knows of it; nothing once it is deleted.
    pub metadata: Option<LifecycleMetadata>,
}

/// What happens to the sessions of a CLI, as a [`Stream`]. Made by [`Client::lifecycle`](crate::Client::lifecycle).
///
/// It ends with its client.
#[derive(Debug)]
#[must_use]
pub struct LifecycleEvents {
    events: mpsc::Receiver<LifecycleEvent>,
    missed: Arc<AtomicU64>,
}

impl LifecycleEvents {
    /// The next happening, or `None` when the client is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<LifecycleEvent> {
        self.events.recv().await
    }

    /// How many happenings were dropped because nobody read them: more than a thousand waited.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

impl Stream for LifecycleEvents {
    type Item = LifecycleEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<LifecycleEvent>> {
        self.get_mut().events.poll_recv(cx)
    }
}

/// Who wants to know.
#[derive(Debug, Default)]
pub(super) struct Watchers(Mutex<Vec<Watcher>>);

#[derive(Debug)]
struct Watcher {
    events: mpsc::Sender<LifecycleEvent>,
    missed: Arc<AtomicU64>,
}

impl Watchers {
    pub(super) fn watch(&self) -> LifecycleEvents {
        let (sender, events) = mpsc::channel(WAITING);
        let missed = Arc::new(AtomicU64::new(0));
        let watcher = Watcher { events: sender, missed: Arc::clone(&missed) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(watcher);
        LifecycleEvents { events, missed }
    }

    /// Called on the reader's task.
    pub(super) fn tell(&self, kind: &str, session: &str, metadata: Option<&RawValue>) {
        let mut watchers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The CLI tells after every event of every session, and mostly nobody listens.
        if watchers.is_empty() {
            return;
        }
        let event = LifecycleEvent {
            kind: kind.into(),
            session_id: session.into(),
            metadata: metadata.and_then(|metadata| serde_json::from_str(metadata.get()).ok()),
        };
        watchers.retain(|watcher| match watcher.events.try_send(event.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                watcher.missed.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        });
    }

    /// The client is gone.
    pub(super) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_reader_misses_what_does_not_fit() {
        let watchers = Watchers::default();
        let mut events = watchers.watch();
        drop(watchers.watch());
        for _ in 0..WAITING + 3 {
            watchers.tell("session.updated", "s", None);
        }
        assert_eq!(events.missed(), 3);
        assert_eq!(events.next().await.unwrap().kind, LifecycleKind::Updated);
        watchers.close();
        let mut left = 0;
        while events.next().await.is_some() {
            left += 1;
        }
        assert_eq!(left, WAITING - 1);
    }

    #[tokio::test]
    async fn what_the_cli_knows_comes_along() {
        let watchers = Watchers::default();
        let mut events = watchers.watch();
        let metadata = r#"{"startTime":"a","modifiedTime":"b","summary":"c"}"#;
        watchers.tell("session.created", "s", Some(serde_json::from_str(metadata).unwrap()));
        let event = events.next().await.unwrap();
        assert_eq!((event.kind, event.session_id.as_str()), (LifecycleKind::Created, "s"));
        assert_eq!(event.metadata.unwrap().summary.as_deref(), Some("c"));
    }
}
