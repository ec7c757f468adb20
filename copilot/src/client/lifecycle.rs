//! The lifecycle of all sessions of a CLI, those of its other clients included.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde_json::value::RawValue;

use super::Client;
use super::broadcast::{Broadcast, Receiver};
use crate::protocol::SessionId;
use crate::protocol::decode;
use crate::protocol::sessions::{LifecycleKind, LifecycleMetadata};

/// A change in the lifecycle of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LifecycleEvent {
    /// The kind of the change.
    pub kind: LifecycleKind,
    /// The id of the session.
    pub session_id: SessionId,
    /// The metadata of the session; `None` once it is deleted.
    pub metadata: Option<LifecycleMetadata>,
}

impl Client {
    /// Returns a stream of the lifecycle of the CLI's sessions from now on, those of its other clients included. The CLI
    /// sends `Updated` after every event that it stores. Version 0.0.394 sends no changes.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(client: copilot::Client) {
    /// let mut lifecycle = client.lifecycle();
    /// while let Some(event) = lifecycle.next().await {
    ///     println!("{}: {}", event.session_id, event.kind);
    /// }
    /// # }
    /// ```
    ///
    /// Wire: `session.lifecycle`, from the CLI.
    pub fn lifecycle(&self) -> LifecycleEvents {
        LifecycleEvents(self.0.router.lifecycle.subscribe())
    }
}

/// The lifecycle of the sessions of a CLI, as a [`Stream`]. Returned by [`Client::lifecycle`](crate::Client::lifecycle).
///
/// The stream ends with its client.
#[derive(Debug)]
#[must_use]
pub struct LifecycleEvents(pub(super) Receiver<LifecycleEvent>);

impl LifecycleEvents {
    /// Returns the next change; `None` once the client has ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<LifecycleEvent> {
        self.0.next().await
    }

    /// Returns the number of changes that were dropped because more than 1024 were unread.
    pub fn missed(&self) -> u64 {
        self.0.missed()
    }
}

impl Stream for LifecycleEvents {
    type Item = LifecycleEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<LifecycleEvent>> {
        self.get_mut().0.poll_next(cx)
    }
}

/// Publishes a notification. Called on the reader's task after every event of every session, mostly without a receiver.
pub(super) fn publish(
    broadcast: &Broadcast<LifecycleEvent>,
    kind: &str,
    session: &str,
    metadata: Option<&RawValue>,
) {
    broadcast.send_with(|| {
        let metadata = metadata.and_then(|metadata| decode::event(metadata.get()).ok());
        Some(LifecycleEvent { kind: kind.into(), session_id: session.into(), metadata })
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_has_the_metadata_of_the_session() {
        let broadcast = Broadcast::default();
        let mut events = LifecycleEvents(broadcast.subscribe());
        let metadata = r#"{"startTime":"a","modifiedTime":"b","summary":"c"}"#;
        publish(&broadcast, "session.created", "s", Some(serde_json::from_str(metadata).unwrap()));
        let event = events.next().await.unwrap();
        assert_eq!((event.kind, event.session_id.as_str()), (LifecycleKind::Created, "s"));
        assert_eq!(event.metadata.unwrap().summary.as_deref(), Some("c"));
    }
}
