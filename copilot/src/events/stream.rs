//! Subscriptions: a queue for each subscriber, filled by the reader, read at the subscriber's pace.
//!
//! Policy: a queue starts empty and loses nothing until its byte budget is full. Then the oldest events make room for
//! the newest, so that the end of a turn always arrives, and their number stands in their place as
//! [`EventKind::Lagged`](super::EventKind::Lagged). Filling a queue never waits, so no subscriber delays another.
//! A stream also reports whether a discarded event decided a turn, because a turn must not end without its answer.
//!
//! A task that waits for the reply of a turn sleeps through the events that cannot decide it. It reads them with the next
//! event that may, when a timer wakes it, or when many bytes wait. Those that matter to no reply are not queued for it,
//! unless another subscriber receives them or a turn has not begun.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use tokio::time::Instant;

use super::head::Tag;
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
        poll_fn(|cx| self.queue.poll(Interest::All, cx)).await
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

    /// As [`poll_next`](Stream::poll_next), for a task that sleeps through some events.
    pub(crate) fn poll_for(&mut self, interest: Interest, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.queue.poll(interest, cx)
    }

    /// Returns when the newest event came, if the task slept through it.
    pub(crate) fn quiet_since(&self) -> Option<Instant> {
        self.queue.state().quiet.as_ref().map(|quiet| quiet.at)
    }

    /// Returns the name of the newest event and when it came, if it was not queued because no reply has a use for it.
    pub(crate) fn take_passed(&mut self) -> Option<(Cow<'static, str>, Instant)> {
        let mut state = self.queue.state();
        let quiet = state.quiet.as_mut()?;
        Some((quiet.passed.take()?, quiet.at))
    }

    /// Returns how many of the waiting events satisfy a condition.
    pub(crate) fn count(&self, like: impl Fn(&Event) -> bool) -> usize {
        self.queue.state().events.iter().filter(|event| like(event)).count()
    }
}

impl Stream for EventStream {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.queue.poll(Interest::All, cx)
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
    /// The events that the task of the waker is woken for.
    interest: Interest,
    /// The newest event, if the task sleeps through it. A report of a silence is not one.
    quiet: Option<Quiet>,
}

/// An event that a task sleeps through.
#[derive(Debug)]
struct Quiet {
    at: Instant,
    /// Its name, if it was not queued.
    passed: Option<Cow<'static, str>>,
}

/// The events that a sleeping task is woken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Interest {
    #[default]
    All,
    /// Those that may decide a turn, and any when many bytes wait.
    Decisive,
}

/// The bytes that may wait for a task that sleeps through events.
const QUIET_BYTES: usize = 64 << 10;

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
        let (missed, name) = (state.missed, event.event_name());
        let may_wait = state.sleeps() && !wakes(&event);
        state.push(event);
        if state.missed > missed {
            self.1.lagged(state.missed - missed);
        }
        let is_quiet = may_wait && state.bytes <= QUIET_BYTES.min(state.budget / 4);
        if name != EventName::TurnStalled {
            state.quiet = is_quiet.then(|| Quiet { at: Instant::now(), passed: None });
        }
        if !is_quiet {
            asleep.extend(state.waker.take());
        }
        true
    }

    /// Takes note of an event that matters to no reply, if the task sleeps through it; `false` if it is to be queued.
    pub(super) fn pass(&self, tag: &Tag<'_>) -> bool {
        let mut state = self.state();
        let sleeps = state.sleeps();
        if sleeps {
            state.quiet = Some(Quiet { at: Instant::now(), passed: Some(tag.to_name()) });
        }
        sleeps
    }

    fn poll(&self, interest: Interest, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut state = self.state();
        state.interest = interest;
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

    /// Whether a task sleeps that is woken only for events which may decide its turn.
    fn sleeps(&self) -> bool {
        self.waker.is_some() && self.interest == Interest::Decisive && !self.abandoned
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

/// Whether a task that waits for the reply of a turn is woken for this event.
fn wakes(event: &Event) -> bool {
    use EventName::{Disconnected, MessageSkipped, Restarted};
    decides(event) || matches!(event.event_name(), Disconnected | MessageSkipped | Restarted)
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
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::super::{EventHead, EventKind, MessageSkipped, Subscribers, TurnStalled};
    use super::*;
    use crate::error::{Error, ErrorKind};

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

    /// Polls a stream as a turn does that waits for its end.
    fn fall_asleep(stream: &mut EventStream, cx: &mut Context<'_>) {
        while let Poll::Ready(event) = stream.poll_for(Interest::Decisive, cx) {
            assert!(event.is_some(), "the stream has not ended");
        }
    }

    #[test]
    fn a_task_that_waits_for_the_end_of_a_turn_sleeps_through_other_events() {
        let counter = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&counter));
        let (cx, subscribers) = (&mut Context::from_waker(&waker), Subscribers::default());
        let mut stream = subscribers.subscribe(DEFAULT_BUDGET);
        let named = |name: &str, agent: &str, size: usize| {
            let (text, name) = ("x".repeat(size), name.to_owned());
            let json = format!(
                r#"{{"type":"{name}","id":"a","timestamp":"","agentId":"{agent}","data":{{"text":"{text}"}}}}"#
            );
            subscribers.publish(&serde_json::from_str(&json).unwrap());
            counter.0.swap(0, Ordering::Relaxed)
        };
        for name in ["user.message", "assistant.message", "session.error", "session.idle", "abort"] {
            fall_asleep(&mut stream, cx);
            assert_eq!(named("assistant.message_delta", "", 1), 0);
            assert!(stream.quiet_since().is_some());
            assert_eq!(named(name, "sub", 1), 0, "{name} of a sub-agent");
            assert_eq!((named(name, "", 1), stream.waiting()), (1, 3), "{name}");
            assert!(stream.quiet_since().is_none());
        }
        // Nothing is woken twice, and many bytes are read before they are more than the budget.
        assert_eq!(named("abort", "", 1), 0);
        fall_asleep(&mut stream, cx);
        let wakes: usize = (0..10).map(|_| named("tool.execution_start", "", QUIET_BYTES / 4)).sum();
        assert_eq!((wakes, stream.waiting()), (1, 10));
        let mut narrow = subscribers.subscribe(4000);
        fall_asleep(&mut narrow, cx);
        assert_eq!(named("tool.execution_start", "", 2000), 1);
        // An event that no reply has a use for is not queued.
        fall_asleep(&mut stream, cx);
        fall_asleep(&mut narrow, cx);
        let deliver = |name: &str, ephemeral: bool| {
            let head = EventHead { tag: name.into(), ephemeral, ..EventHead::default() };
            let mut asleep = Vec::new();
            subscribers.deliver(&head, &mut asleep);
            asleep.len()
        };
        assert_eq!((deliver("assistant.message_delta", true), stream.waiting()), (0, 0));
        assert_eq!(stream.take_passed().unwrap().0, "assistant.message_delta");
        assert_eq!(deliver("assistant.message_delta", true), 0);
        assert_eq!((deliver("assistant.usage", true), deliver("tool.execution_start", false)), (0, 0));
        assert_eq!((stream.take_passed(), stream.waiting()), (None, 2));
        let third = subscribers.subscribe(DEFAULT_BUDGET);
        assert_eq!((deliver("assistant.message_delta", true), third.waiting()), (0, 1));
        assert_eq!((stream.take_passed(), stream.waiting()), (None, 3));
        drop(third);
        // A stream that was dropped is found all the same.
        drop(narrow);
        assert_eq!(deliver("assistant.message_delta", true), 0);
        assert_eq!(subscribers.len(), 1);
        // A report of a silence hides no event, and of the library's events only some decide a turn.
        fall_asleep(&mut stream, cx);
        let local = |event: Event| {
            subscribers.publish(&event);
            counter.0.swap(0, Ordering::Relaxed)
        };
        assert_eq!(deliver("assistant.message_delta", true), 0);
        let (silent_for, last_event) = (std::time::Duration::ZERO, None);
        let stalled = TurnStalled { silent_for, last_event, waiting_for: Vec::new(), connecting: Vec::new() };
        assert_eq!((local(Event::turn_stalled(stalled)), stream.waiting()), (0, 1));
        assert!(stream.quiet_since().is_some() && stream.take_passed().is_some());
        let error = Error::new(ErrorKind::Disconnected, "gone");
        assert_eq!(local(Event::disconnected(error.clone())), 1);
        fall_asleep(&mut stream, cx);
        assert_eq!(local(Event::message_skipped(MessageSkipped { event: None, error })), 1);
        // A stream is woken for any event.
        fall_asleep(&mut stream, cx);
        assert!(Pin::new(&mut stream).poll_next(cx).is_pending());
        assert_eq!(named("assistant.message_delta", "", 1), 1);
    }

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
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
