//! What happens to the sessions of a CLI, its other clients' included: they come, change and go.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde_json::value::RawValue;

use super::watchers::{Watch, Watchers};
use crate::protocol::SessionId;
use crate::protocol::decode;
use crate::protocol::sessions::{LifecycleKind, LifecycleMetadata};

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
pub struct LifecycleEvents(pub(super) Watch<LifecycleEvent>);

impl LifecycleEvents {
    /// The next happening, or `None` when the client is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<LifecycleEvent> {
        self.0.next().await
    }

    /// How many happenings were dropped because nobody read them: more than a thousand waited.
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

/// Called on the reader's task: the CLI tells after every event of every session, and mostly nobody listens.
pub(super) fn tell(
    watchers: &Watchers<LifecycleEvent>,
    kind: &str,
    session: &str,
    metadata: Option<&RawValue>,
) {
    watchers.tell(|| {
        let metadata = metadata.and_then(|metadata| decode::event(metadata.get()).ok());
        Some(LifecycleEvent { kind: kind.into(), session_id: session.into(), metadata })
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_the_cli_knows_comes_along() {
        let watchers = Watchers::default();
        let mut events = LifecycleEvents(watchers.watch());
        let metadata = r#"{"startTime":"a","modifiedTime":"b","summary":"c"}"#;
        tell(&watchers, "session.created", "s", Some(serde_json::from_str(metadata).unwrap()));
        let event = events.next().await.unwrap();
        assert_eq!((event.kind, event.session_id.as_str()), (LifecycleKind::Created, "s"));
        assert_eq!(event.metadata.unwrap().summary.as_deref(), Some("c"));
    }
}
