//! A message on its way to the agent, and what is known about the session while it is.
//!
//! The reader notes the CLI's answer before it delivers anything later, so that every event is known to be from before
//! or after it. On CLIs that do not say which message an event belongs to, the next message that reaches the agent is
//! taken for the turn's own; there turns hold a lock, and a message that nobody waits for any more keeps it until the
//! message has reached the agent or cannot.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::events::{Event, EventName, EventStream};
use crate::protocol::MessageId;
use crate::protocol::decode;
use crate::protocol::session::SessionSendResponse;
use crate::session::core::Inbox;
use crate::session::turn::tracker::Progress;
use crate::task::lock;

/// The lock that keeps turns apart, where they need it.
pub(in crate::session) type Lock = Option<OwnedMutexGuard<()>>;

/// What there is of a turn before the CLI has taken its message.
#[derive(Debug)]
pub(in crate::session) struct Outgoing {
    /// Since before the message was sent.
    pub(in crate::session) events: EventStream,
    /// Whether the agent had nothing to do then.
    pub(in crate::session) was_idle: bool,
    pub(in crate::session) lock: Lock,
    /// Whether the CLI says which message an event belongs to.
    pub(in crate::session) correlates: bool,
}

/// Shared by the sender, who may go, and the reader, who sees the answer.
struct Slot {
    outgoing: Option<Outgoing>,
    /// How often the agent was told to stop before the CLI took the message; set when it has.
    aborts: Option<u32>,
    /// The sender has gone.
    gone: bool,
    inbox: Arc<Inbox>,
}

impl Slot {
    /// Once the CLI has the message and nobody waits for it.
    fn leave(&mut self) {
        let Some((Outgoing { events, was_idle, lock: Some(lock), .. }, aborts)) =
            self.outgoing.take().zip(self.aborts)
        else {
            return;
        };
        // Which message it is does not matter where events do not tell.
        let progress = Progress::new(MessageId::default(), was_idle).after_aborts(aborts).keeping(false);
        self.inbox.left.keep(Alone { events, progress, _lock: lock });
    }
}

/// The sender's side; dropped without [`taken`](Self::taken), nobody waits for the message any more.
pub(in crate::session) struct OnItsWay(Arc<Mutex<Slot>>);

impl OnItsWay {
    pub(in crate::session) fn new(outgoing: Outgoing, inbox: &Arc<Inbox>) -> Self {
        let inbox = Arc::clone(inbox);
        let slot = Slot { outgoing: Some(outgoing), aborts: None, gone: false, inbox };
        Self(Arc::new(Mutex::new(slot)))
    }

    /// What the reader does when the answer is here, which the CLI has if it took the message.
    pub(in crate::session) fn note(&self) -> impl FnOnce(Option<&RawValue>) + Send + use<> {
        let slot = Arc::clone(&self.0);
        move |answer| {
            let mut slot = lock(&slot);
            let Some(answer) = answer else { return };
            if let Some(outgoing) = slot.outgoing.as_ref().filter(|outgoing| outgoing.correlates)
                && let Ok(sent) = decode::answer::<SessionSendResponse>(answer.get())
            {
                slot.inbox.subscribers.taken(&outgoing.events, sent.message_id);
            }
            let is_abort =
                |event: &Event| event.event_name() == EventName::Abort && event.agent_id().is_none();
            let aborts = slot.outgoing.as_ref().map_or(0, |outgoing| outgoing.events.count(is_abort));
            slot.aborts = Some(u32::try_from(aborts).unwrap_or(u32::MAX));
            if slot.gone {
                slot.leave();
            }
        }
    }

    /// The CLI has taken the message: what there is, and how many aborts are from before.
    pub(in crate::session) fn taken(self) -> Option<(Outgoing, u32)> {
        let mut slot = lock(&self.0);
        Some((slot.outgoing.take()?, slot.aborts.unwrap_or_default()))
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        let mut slot = lock(&self.0);
        slot.gone = true;
        if slot.aborts.is_some() {
            slot.leave();
        }
    }
}

/// A message that was sent alone and is not waited for.
#[derive(Debug)]
pub(in crate::session) struct Alone {
    pub(in crate::session) events: EventStream,
    pub(in crate::session) progress: Progress,
    pub(in crate::session) _lock: OwnedMutexGuard<()>,
}

impl Alone {
    /// Takes in what has come; whether the next message may be sent.
    fn is_done(&mut self) -> bool {
        while let Some(event) = self.events.try_next() {
            if self.progress.observe(&event) || event.event_name() == EventName::Disconnected {
                return true;
            }
        }
        self.progress.has_begun() || self.events.is_closed()
    }
}

/// The message that nobody waits for any more, until it has reached the agent.
#[derive(Debug, Default)]
pub(crate) struct Left(Mutex<Option<Box<(Alone, Instant)>>>);

impl Left {
    pub(in crate::session) fn keep(&self, alone: Alone) {
        *lock(&self.0) = Some(Box::new((alone, Instant::now())));
        // What came until here is looked at now, and what comes later when it comes.
        self.look();
    }

    /// Something has come that may tell how far it is.
    pub(in crate::session) fn look(&self) {
        self.take_if(|left| left.0.is_done());
    }

    /// Whoever waits for it longer than this waits in vain.
    pub(in crate::session) fn give_up(&self, after: Duration) {
        self.take_if(|left| left.1.elapsed() >= after);
    }

    fn take_if(&self, done: impl FnOnce(&mut (Alone, Instant)) -> bool) {
        let taken = lock(&self.0).take_if(|left| done(left));
        drop(taken);
    }
}
