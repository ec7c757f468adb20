//! Messages for a session, and the ends of its connection. The reader task runs this code, so it only reads, looks up,
//! queues and spawns.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use serde_json::value::RawValue;

use super::state::{SessionCore, Topic};
use crate::error::{Error, ErrorKind};
use crate::events::{Event, EventHead, EventName, MessageSkipped, Reached};
use crate::protocol::capabilities::Capabilities;
use crate::protocol::decode;
use crate::protocol::tools::Settled;
use crate::rpc::{Head, Responder};

/// The events that the session core itself handles.
pub(crate) const TOPIC: Topic = Topic {
    state_events: &[
        (EventName::CapabilitiesChanged, capabilities_changed),
        (EventName::UserMessage, message_reached),
    ],
    ..Topic::NONE
};

fn message_reached(session: &Arc<SessionCore>, event: &EventHead<'_>) {
    if event.agent().is_some() || !session.call_budgets.is_used() {
        return;
    }
    let reached = Reached::read(event.data().get());
    match reached.message() {
        _ if reached.steers() => {}
        // A hook that makes the agent continue sends a message too.
        Some(message) if !session.subscribers.is_sent(&message) => {}
        message => session.call_budgets.reached(message),
    }
}

fn capabilities_changed(session: &Arc<SessionCore>, event: &EventHead<'_>) {
    match decode::event::<Capabilities>(event.data().get()) {
        Ok(newer) => session.merge_capabilities(&newer),
        Err(error) => tracing::error!(%error, session = %session.id, "capabilities cannot be read"),
    }
}

impl SessionCore {
    /// Handles an event of this session. Sleeping subscribers are added to `asleep`, for the caller to wake.
    ///
    /// The state that the event changes is changed before subscribers receive it, so that a subscriber that has the
    /// event sees the state.
    ///
    /// An event that ends a turn and comes twice is handled once: the second could end the next turn.
    pub(crate) fn event(self: &Arc<Self>, head: &EventHead<'_>, asleep: &mut Vec<Waker>) {
        if self.subscribers.is_repeated(head) {
            return tracing::debug!(event = head.name().as_str(), session = %self.id, "an event came twice");
        }
        self.spans.observe(&self.id, head, |name| self.tools().get(name).cloned());
        self.history.observe(head);
        if let Some(handle) = self.topics.event(head.name()).state {
            handle(self, head);
        }
        self.subscribers.deliver(head, asleep);
        self.handle(head);
    }

    /// Runs the handlers that answer an event.
    pub(in crate::session) fn handle(self: &Arc<Self>, head: &EventHead<'_>) {
        let handlers = self.topics.event(head.name());
        if let Some(handle) = handlers.payload {
            handle(self, head.data());
        }
        if let Some(handle) = handlers.head {
            handle(self, head);
        }
        if head.agent().is_some()
            && (handlers.payload.is_some() || handlers.head.is_some())
            && let Ok(question) = decode::usual_question::<Settled<'_>>(head.data().get())
        {
            self.calls.set_of_sub_agent(&question.request_id);
        }
    }

    /// Handles a request of the CLI about this session.
    pub(crate) fn request(self: &Arc<Self>, method: &str, params: &RawValue, responder: Responder) {
        match self.topics.request(method) {
            Some(handle) => handle(self, params, responder),
            None => self.topics.unknown(self, method, params, responder),
        }
    }

    /// Reports a message about this session that was skipped. A request among them gets its safe answer.
    pub(crate) fn skipped(self: &Arc<Self>, head: &Head<'_>, why: &str) {
        tracing::error!(event = head.event, session = %self.id, why, "a message of the CLI was skipped");
        self.answer_skipped(head, why);
        // The CLI may wait for an answer to it.
        if head.event.as_deref().is_none_or(|event| head.request.is_none() && self.asks(event)) {
            self.ask_for_skipped();
        }
        let error = Error::new(ErrorKind::Transport, format!("a message of the CLI was skipped: {why}"));
        let skipped = MessageSkipped { event: head.event.clone(), error };
        self.subscribers.publish(&Event::message_skipped(skipped));
    }

    /// Whether events of this type ask.
    fn asks(&self, event: &str) -> bool {
        self.topics.unreadable(EventName::read(event)).is_some()
    }

    /// Handles the loss of a connection that may be replaced: running work is cancelled, and callers wait. Returns what
    /// was cancelled.
    pub(crate) fn interrupt(&self, cause: &Error) -> Vec<String> {
        self.connection.set_disconnected();
        self.watch.stop();
        // Work that may continue does so until it is known whether the restarted CLI still waits for it.
        let continues = self.continues();
        self.spans.interrupted(cause, continues);
        let cancelled = self.calls.interrupt(continues);
        self.subscribers.interrupt(&Event::disconnected(cause.clone()));
        cancelled
    }

    /// Handles the end of the connection: waiting callers fail with the cause, and nothing more runs.
    pub(crate) fn disconnect(&self, cause: &Error) {
        self.connection.close(cause);
        self.spans.close(cause);
        self.watch.stop();
        self.calls.close();
        self.subscribers.interrupt(&Event::disconnected(cause.clone()));
        self.subscribers.close();
    }

    /// Handles that another handle of this client has resumed the session, which stays open on the CLI.
    pub(crate) fn replaced(&self) {
        self.replaced.store(true, Ordering::Relaxed);
        self.closed.store(true, Ordering::Relaxed);
        let message = format!("session {} was resumed by another handle of this client", self.id);
        let cause = Error::new(ErrorKind::Closed, message);
        self.disconnect(&cause);
        self.calls.abort();
    }

    /// Closes the session.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        // Callers that wait for a connection, or call later, fail with this error: the session is not resumed.
        let cause = Error::new(ErrorKind::Closed, "the session is closed");
        self.connection.close(&cause);
        self.watch.stop();
        self.calls.close();
        self.spans.close(&cause);
        self.subscribers.close();
    }

    pub(crate) fn is_replaced(&self) -> bool {
        self.replaced.load(Ordering::Relaxed)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }
}
