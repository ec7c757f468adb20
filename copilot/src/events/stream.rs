//! Subscriptions: a queue for each subscriber, filled by the reader, read at the subscriber's pace.
//!
//! Policy: a queue starts empty and loses nothing until its byte budget is full. Then the oldest events make room for
//! the newest, so that the end of a turn always arrives, and their number stands in their place as
//! [`EventKind::Lagged`](super::EventKind::Lagged). Filling a queue never waits, so no subscriber delays another.
//! A stream also reports whether a discarded event decided a turn, because a turn must not end without its answer.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use super::{Event, EventName};
use crate::metrics::Recorder;
use crate::task::lock;

/// The bytes of events that wait for a subscriber before the oldest are dropped: 64 MiB.
pub(crate) const DEFAULT_BUDGET: usize = 64 << 20;

/// The events of a session from the moment of subscribing, as a [`Stream`].
///
/// It ends when the session is closed, and after [`EventKind::Disconnected`](super::EventKind::Disconnected). A lost
/// connection that the client restores does not end it: [`EventKind::Restarted`](super::EventKind::Restarted) follows, and
/// then the events of the resumed session. Dropping it unsubscribes.
#[derive(Debug)]
pub struct EventStream {
    pub(super) queue: Arc<Queue>,
}

impl EventStream {
    /// Returns the next event; `None` when the stream has ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: an event is taken only when the future completes.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.queue.poll(cx)).await
    }

    /// Returns the next event if one is waiting.
    pub fn try_next(&mut self) -> Option<Event> {
        self.queue.state().pop()
    }

    /// Returns the number of events that wait to be read.
    pub fn waiting(&self) -> usize {
        self.queue.state().events.len()
    }

    /// Creates a stream without events, which has ended.
    pub(crate) fn ended() -> Self {
        Self { queue: Arc::new(Queue::new(0, true, Recorder::default())) }
    }

    /// The byte budget of the stream if an event was discarded that decides how a turn ends: a message, an error, an
    /// abort or an idle of the session's own agent.
    pub(crate) fn lost_turn(&self) -> Option<usize> {
        let state = self.queue.state();
        state.lost_turn.then_some(state.budget)
    }

    /// Returns how many of the waiting events satisfy a condition.
    pub(crate) fn count(&self, like: impl Fn(&Event) -> bool) -> usize {
        self.queue.state().events.iter().filter(|event| like(event)).count()
    }
}

impl Stream for EventStream {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.queue.poll(cx)
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        let events = {
            let mut state = self.queue.state();
            state.abandoned = true;
            state.bytes = 0;
            std::mem::take(&mut state.events)
        };
        // Freed outside the lock: there may be many.
        drop(events);
    }
}

#[derive(Debug)]
pub(super) struct Queue(Mutex<State>, Recorder);

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Event>,
    bytes: usize,
    budget: usize,
    /// Events dropped from the front since the last one was read.
    missed: u64,
    /// An event that decides how a turn ends was among those dropped.
    lost_turn: bool,
    warned: bool,
    closed: bool,
    abandoned: bool,
    waker: Option<Waker>,
}

impl Queue {
    pub(super) fn new(budget: usize, closed: bool, recorder: Recorder) -> Self {
        Self(Mutex::new(State { budget, closed, ..State::default() }), recorder)
    }

    /// Returns the bytes of the events that wait.
    #[cfg(feature = "metrics")]
    pub(super) fn bytes(&self) -> u64 {
        self.state().bytes as u64
    }

    /// Ends the stream after what it still holds.
    pub(super) fn close(&self) -> Option<Waker> {
        let mut state = self.state();
        state.closed = true;
        state.waker.take()
    }

    /// Returns whether a waiting event satisfies a condition.
    pub(super) fn holds(&self, like: impl Fn(&Event) -> bool) -> bool {
        self.state().events.iter().any(like)
    }

    /// Adds an event; `false` when the subscriber has been dropped.
    pub(super) fn push(&self, event: Event, asleep: &mut Vec<Waker>) -> bool {
        let mut state = self.state();
        if state.abandoned {
            return false;
        }
        let missed = state.missed;
        state.push(event);
        if state.missed > missed {
            self.1.lagged(state.missed - missed);
        }
        asleep.extend(state.waker.take());
        true
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut state = self.state();
        if let Some(event) = state.pop() {
            return Poll::Ready(Some(event));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            empty => *empty = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl State {
    fn push(&mut self, event: Event) {
        self.bytes += event.size();
        self.events.push_back(event);
        if self.bytes > self.budget / 2 && !self.warned {
            self.warned = true;
            tracing::warn!(
                events = self.events.len(),
                bytes = self.bytes,
                budget = self.budget,
                "a subscriber reads slowly; past the budget its oldest events are dropped"
            );
        }
        // The newest event stays, however large it is.
        while self.bytes > self.budget && self.events.len() > 1 {
            if let Some(dropped) = self.events.pop_front() {
                self.bytes -= dropped.size();
                self.missed += 1;
                self.lost_turn |= decides(&dropped);
            }
        }
    }

    fn pop(&mut self) -> Option<Event> {
        if self.missed > 0 {
            let missed = std::mem::take(&mut self.missed);
            return Some(Event::lagged(missed));
        }
        let event = self.events.pop_front()?;
        self.bytes -= event.size();
        if self.events.is_empty() {
            self.warned = false;
            if self.events.capacity() > 1024 {
                self.events = VecDeque::new();
            }
        }
        Some(event)
    }
}

/// Whether a turn may begin, end or be answered with this event.
fn decides(event: &Event) -> bool {
    use EventName::{Abort, AssistantMessage, SessionError, SessionIdle, UserMessage};
    let name = event.event_name();
    event.agent_id().is_none()
        && matches!(name, UserMessage | AssistantMessage | SessionError | SessionIdle | Abort)
}

#[cfg(test)]
mod tests {
    use super::super::{EventKind, Subscribers};
    use super::*;

    fn event(text: &str) -> Event {
        let json = format!(
            r#"{{"type":"session.info","id":"{text}","timestamp":"","data":{{"message":"{text}"}}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn ids(stream: &mut EventStream) -> Vec<String> {
        std::iter::from_fn(|| stream.try_next())
            .map(|event| match event.kind() {
                EventKind::Lagged(missed) => format!("lagged {missed}"),
                _ => event.id().to_owned(),
            })
            .collect()
    }

    #[test]
    fn every_subscriber_gets_every_event_from_its_subscription_on() {
        let subscribers = Subscribers::default();
        let mut first = subscribers.subscribe(DEFAULT_BUDGET);
        subscribers.publish(&event("a"));
        let mut second = subscribers.subscribe(DEFAULT_BUDGET);
        subscribers.publish(&event("b"));
        assert_eq!(ids(&mut first), ["a", "b"]);
        assert_eq!(ids(&mut second), ["b"]);
        drop(first);
        subscribers.publish(&event("c"));
        assert_eq!(subscribers.len(), 1);
    }

    #[test]
    fn a_slow_subscriber_learns_how_many_events_it_missed_and_sees_the_newest() {
        let subscribers = Subscribers::default();
        let budget = 3 * event("0").size();
        let (mut slow, mut quick) = (subscribers.subscribe(budget), subscribers.subscribe(budget));
        for number in 0..10 {
            subscribers.publish(&event(&number.to_string()));
            assert_eq!(ids(&mut quick), [number.to_string()]);
        }
        assert_eq!(ids(&mut slow), ["lagged 7", "7", "8", "9"]);
        subscribers.publish(&event("x"));
        assert_eq!(ids(&mut slow), ["x"]);
    }

    #[tokio::test]
    async fn a_closed_stream_gives_what_it_holds_and_then_ends() {
        let subscribers = Subscribers::default();
        let mut stream = subscribers.subscribe(DEFAULT_BUDGET);
        subscribers.publish(&event("a"));
        subscribers.close();
        assert_eq!(stream.next().await.map(|event| event.id().to_owned()).as_deref(), Some("a"));
        assert!(stream.next().await.is_none());
        assert!(subscribers.subscribe(DEFAULT_BUDGET).next().await.is_none());
    }
}
