//! Reading the events of a session in tests, with a limit so that a test that fails ends.

use std::future::IntoFuture;
use std::time::Duration;

use copilot::events::Restarted;
use copilot::{Event, EventKind, EventStream};
use tokio::time::timeout;

/// The longest wait in a test that passes is far shorter.
const LIMIT: Duration = Duration::from_secs(60);

/// Returns the output of the future.
///
/// # Panics
///
/// Panics if the future does not finish within a minute.
pub async fn within<F: IntoFuture>(future: F) -> F::Output {
    timeout(LIMIT, future).await.expect("the wait ends within a minute")
}

/// Returns the next event of the wanted kind, and drops those before it.
///
/// # Panics
///
/// Panics if the stream ends, or gives no event for a minute.
pub async fn next_event(events: &mut EventStream, wanted: impl Fn(&EventKind) -> bool) -> Event {
    loop {
        let event = within(events.next()).await.expect("the stream continues");
        if wanted(event.kind()) {
            return event;
        }
    }
}

/// Returns the next report of a restart, and drops the events before it.
///
/// # Panics
///
/// Panics if the stream ends, or gives no event for a minute.
pub async fn next_restart(events: &mut EventStream) -> Restarted {
    match next_event(events, |kind| matches!(kind, EventKind::Restarted(_))).await.kind() {
        EventKind::Restarted(restarted) => (**restarted).clone(),
        other => unreachable!("the event was filtered by its kind: {other:?}"),
    }
}

/// Returns the names of the handlers that have failed, in the order of their failures. Ends when the session is closed.
pub async fn failed_handlers(events: &mut EventStream) -> Vec<&'static str> {
    let mut failed = Vec::new();
    while let Some(event) = events.next().await {
        if let EventKind::HandlerFailed(failure) = event.kind() {
            failed.push(failure.handler);
        }
    }
    failed
}
