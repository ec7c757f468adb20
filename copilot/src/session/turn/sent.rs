//! A message that was sent and that the CLI has not accepted yet.
//!
//! The reader notes the response of the CLI before it delivers anything later, so that every event is known to be from
//! before or after it.

use std::fmt;
use std::sync::{Arc, Mutex};

use serde_json::value::RawValue;

use super::tracker::TurnTracker;
use crate::events::{Event, EventName, EventStream};
use crate::protocol::MessageId;
use crate::protocol::decode;
use crate::protocol::session::SessionSendResponse;
use crate::session::core::SessionCore;
use crate::session::link::TurnPass;
use crate::task::lock;

/// The parts of a turn that exist before the CLI has accepted its message.
pub(super) struct Prepared {
    /// The events since before the message was sent.
    pub(super) events: EventStream,
    /// Whether the agent was idle then.
    pub(super) was_idle: bool,
    /// Excludes other turns on CLIs whose events do not name their message.
    pub(super) pass: Option<Box<dyn TurnPass>>,
}

/// Shared by the sender, whose future may be dropped, and the reader, which sees the response.
struct State {
    prepared: Option<Prepared>,
    /// The number of aborts before the CLI accepted the message; `None` until it has.
    earlier_aborts: Option<u32>,
    /// Whether the sender's future was dropped.
    is_abandoned: bool,
    core: Arc<SessionCore>,
}

impl State {
    /// Watches an accepted message without a sender until it cannot be confused with the next one.
    fn abandon(&mut self) {
        let Some((Prepared { events, was_idle, pass: Some(pass) }, aborts)) =
            self.prepared.take().zip(self.earlier_aborts)
        else {
            return;
        };
        // The id does not matter where events do not name it.
        let tracker = TurnTracker::new(MessageId::default(), was_idle).after_aborts(aborts);
        pass.abandon(events, tracker.into_watch());
    }
}

/// The sender's side; dropped before [`accepted`](Self::accepted), it abandons the message.
pub(super) struct SentMessage(Arc<Mutex<State>>);

impl SentMessage {
    pub(super) fn new(prepared: Prepared, core: &Arc<SessionCore>) -> Self {
        let core = Arc::clone(core);
        let state = State { prepared: Some(prepared), earlier_aborts: None, is_abandoned: false, core };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Returns the function that the reader calls with the response, which is `None` where the CLI has refused the
    /// message.
    pub(super) fn on_response(&self) -> impl FnOnce(Option<&RawValue>) + Send + use<> {
        let state = Arc::clone(&self.0);
        move |response| {
            let mut state = lock(&state);
            let Some(response) = response else { return };
            if let Some(prepared) = state.prepared.as_ref().filter(|prepared| prepared.pass.is_none())
                && let Ok(sent) = decode::answer::<SessionSendResponse>(response.get())
            {
                state.core.subscribers.taken(&prepared.events, sent.message_id);
            }
            let is_abort =
                |event: &Event| event.event_name() == EventName::Abort && event.agent_id().is_none();
            let aborts = state.prepared.as_ref().map_or(0, |prepared| prepared.events.count(is_abort));
            state.earlier_aborts = Some(u32::try_from(aborts).unwrap_or(u32::MAX));
            if state.is_abandoned {
                state.abandon();
            }
        }
    }

    /// Returns the parts of the turn, and the number of aborts before the CLI accepted the message.
    pub(super) fn accepted(self) -> Option<(Prepared, u32)> {
        let mut state = lock(&self.0);
        Some((state.prepared.take()?, state.earlier_aborts.unwrap_or_default()))
    }
}

impl Drop for SentMessage {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.is_abandoned = true;
        if state.earlier_aborts.is_some() {
            state.abandon();
        }
    }
}

impl fmt::Debug for SentMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SentMessage")
    }
}
