//! The subscribers of a session, and the state of the session at each event.
//!
//! One lock guards the list of subscribers and the state that events change. The reader changes the state and fills
//! the queues under it, and a turn subscribes and reads the state under it. So for each event a turn either has seen
//! its effect on the state or finds the event in its stream, never both and never neither: whichever of the two takes
//! the lock first decides it for the whole event. Nothing else decides whose idle an idle is.
//!
//! A turn of which only the reply is waited for may sleep through events (`stream.rs`).
//!
//! Only the turns that the agent works on receive all events. A turn whose message waits behind others receives what
//! concerns it: the events that name its message, and those that concern every turn. Without that, N concurrent turns
//! would cost N times N times the events of a turn.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::time::Instant;

use super::sent_messages::SentMessages;
use super::stream::{EventStream, Queue};
use super::{Event, EventHead, EventKind, EventName};
use crate::contain;
use crate::hash::IdMap;
use crate::metrics::Recorder;
use crate::protocol::MessageId;
use crate::protocol::decode::{self, Decode};
use crate::task::lock;

/// The subscribers of one session.
#[derive(Debug, Default)]
pub(crate) struct Subscribers(Mutex<List>, Recorder);

#[derive(Debug, Default)]
struct List {
    /// Those that receive every event.
    queues: Vec<Subscriber>,
    /// Absent until a turn has been asked for, because many sessions only exist.
    turns: Option<Box<Turns>>,
    /// Whether the agent works, as far as its events say.
    busy: bool,
    closed: bool,
    /// Absent until a turn has ended.
    ends: Option<Box<Ends>>,
}

/// The messages of the program, and the turns that have not begun.
#[derive(Debug, Default)]
struct Turns {
    /// Those whose messages wait while the agent works on another one, by message.
    waiting: IdMap<MessageId, Arc<Queue>>,
    /// How many have not begun yet. For them the last event is retained, and when it came.
    unbegun: usize,
    last: Option<(Event, Instant)>,
    /// The limit that the last report of a silence was for, and when it was made.
    reported: Option<(Duration, Instant)>,
    /// The messages of the program.
    sent: SentMessages,
    /// When the agent has ended its first turn, and when the CLI was lost.
    first_end: Option<Instant>,
    lost: Option<Instant>,
}

#[derive(Debug)]
struct Subscriber {
    queue: Arc<Queue>,
    /// The message of a turn that the CLI has taken and the agent has not reached.
    message: Option<MessageId>,
}

/// How an event concerns the turns that have not begun.
enum Concerns {
    /// It says nothing about them.
    None,
    /// The agent has reached a message: this one, or on old CLIs an unnamed one.
    Reached(Option<MessageId>),
    /// It belongs to this message.
    Of(MessageId),
    All,
}

/// Wakes one subscriber. A panic must not leave the others asleep.
fn wake(waker: Waker) {
    contain::logged("a waker", || waker.wake());
}

/// Wakes subscribers that an event was delivered to.
pub(crate) fn wake_all(asleep: Vec<Waker>) {
    asleep.into_iter().for_each(wake);
}

/// The ids of the last events that may end a turn, as hashes.
#[derive(Debug, Default)]
struct Ends {
    hashes: [u64; 8],
    next: usize,
    hasher: RandomState,
}

impl Ends {
    /// The hash of an event that may end a turn; `None` for any other, and for one without an id.
    fn hash(&self, head: &EventHead<'_>) -> Option<u64> {
        let named = head.name().may_end_a_turn() && !head.id.is_empty();
        named.then(|| self.hasher.hash_one(&*head.id))
    }
}

impl Subscribers {
    /// Creates a list that counts the events which its subscribers miss.
    pub(crate) fn new(recorder: Recorder) -> Self {
        Self(Mutex::default(), recorder)
    }

    /// Returns whether the agent is idle, as far as its events say.
    pub(crate) fn is_idle(&self) -> bool {
        !self.list().busy
    }

    /// Returns the bytes of the events that wait for subscribers. Those that share an event count it each.
    #[cfg(feature = "metrics")]
    pub(crate) fn queued_bytes(&self) -> u64 {
        let list = self.list();
        let waiting = list.turns.iter().flat_map(|turns| turns.waiting.values());
        list.queues.iter().map(|subscriber| &subscriber.queue).chain(waiting).map(|queue| queue.bytes()).sum()
    }

    /// Adds a subscriber, which receives the events from here on.
    pub(crate) fn subscribe(&self, budget: usize) -> EventStream {
        self.list().subscribe(budget, self.1.clone())
    }

    /// Adds a subscriber for a turn; returns with it whether the agent is idle at that moment.
    pub(crate) fn subscribe_turn(&self, budget: usize) -> (EventStream, bool) {
        let mut list = self.list();
        (list.subscribe(budget, self.1.clone()), !list.busy)
    }

    /// The CLI has taken the message of the turn that reads this stream. Must be called in order with the events.
    pub(crate) fn taken(&self, stream: &EventStream, message: MessageId) {
        let mut list = self.list();
        let of_stream = |subscriber: &Subscriber| Arc::ptr_eq(&subscriber.queue, &stream.queue);
        let Some(at) = list.queues.iter().position(of_stream) else { return };
        // Events may come before the answer.
        if stream.queue.holds(|event| event.concerns().begins(&message)) {
            return;
        }
        if !list.busy {
            list.queues[at].message = Some(message);
            return;
        }
        let Subscriber { queue, .. } = list.queues.swap_remove(at);
        list.wait(message, queue);
    }

    /// The CLI has accepted a message of the program. Must be called in order with the events.
    pub(crate) fn sent(&self, message: MessageId) {
        self.list().turns().sent.add(message);
    }

    /// Whether the program has sent this message.
    pub(crate) fn is_sent(&self, message: &MessageId) -> bool {
        self.list().turns.as_ref().is_some_and(|turns| turns.sent.contains(message))
    }

    /// Returns how long before the loss of the CLI the agent had ended its first turn, if it had.
    pub(crate) fn first_turn_before_loss(&self) -> Option<Duration> {
        let list = self.list();
        let turns = list.turns.as_ref()?;
        Some(turns.lost?.saturating_duration_since(turns.first_end?))
    }

    /// The session begins again, without its turns.
    pub(crate) fn begin_again(&self) {
        if let Some(turns) = &mut self.list().turns {
            turns.first_end = None;
        }
    }

    /// Whether there is no subscriber.
    pub(crate) fn is_empty(&self) -> bool {
        self.list().is_empty()
    }

    /// Delivers an event from the CLI: updates the state and queues it for the subscribers. Those that sleep
    /// are added to `asleep`, for the caller to wake.
    pub(crate) fn deliver(&self, head: &EventHead<'_>, asleep: &mut Vec<Waker>) {
        let mut list = self.list();
        list.learn(head);
        #[cfg(test)]
        std::thread::yield_now();
        if list.has_receivers() && !list.pass(head) {
            list.queue(&Event::new(head), asleep);
        }
    }

    /// Returns whether an event that may end a turn has come before, and remembers it.
    pub(crate) fn is_repeated(&self, head: &EventHead<'_>) -> bool {
        if !head.name().may_end_a_turn() {
            return false;
        }
        let mut list = self.list();
        let ends = list.ends.get_or_insert_default();
        let Some(hash) = ends.hash(head) else { return false };
        let is_repeated = ends.hashes.contains(&hash);
        if !is_repeated {
            let next = ends.next;
            ends.hashes[next] = hash;
            ends.next = (next + 1) % ends.hashes.len();
        }
        is_repeated
    }

    /// Returns whether an event that may end a turn has come.
    pub(crate) fn has_seen(&self, head: &EventHead<'_>) -> bool {
        let list = self.list();
        let Some(ends) = &list.ends else { return false };
        ends.hash(head).is_some_and(|hash| ends.hashes.contains(&hash))
    }

    /// Gives an event of the library to every subscriber.
    pub(crate) fn publish(&self, event: &Event) {
        let mut asleep = Vec::new();
        self.list().queue(event, &mut asleep);
        wake_all(asleep);
    }

    /// The CLI is lost, and with it the work of the agent.
    pub(crate) fn interrupt(&self, event: &Event) {
        let mut asleep = Vec::new();
        {
            let mut list = self.list();
            list.busy = false;
            if let Some(turns) = &mut list.turns {
                turns.lost = Some(Instant::now());
            }
            list.queue(event, &mut asleep);
        }
        wake_all(asleep);
    }

    /// Marks the session as idle, as the CLI reports it.
    pub(crate) fn rest(&self) {
        self.list().busy = false;
    }

    /// Marks the agent as working, because the CLI waits for answers of the program.
    pub(crate) fn work(&self) {
        self.list().busy = true;
    }

    /// Ends every stream after what it still holds.
    pub(crate) fn close(&self) {
        let mut list = self.list();
        list.closed = true;
        let queues = std::mem::take(&mut list.queues).into_iter().map(|subscriber| subscriber.queue);
        let waiting = list.turns.as_mut().map(|turns| turns.take_waiting()).unwrap_or_default().into_values();
        drop(list);
        queues.chain(waiting).filter_map(|queue| queue.close()).for_each(wake);
    }

    /// A turn has been asked for; until [`begun`](Self::begun) the last event of the session is retained.
    pub(crate) fn expect(&self) {
        self.list().turns().unbegun += 1;
    }

    /// A turn that was asked for has begun or ended.
    pub(crate) fn begun(&self) {
        let mut list = self.list();
        let turns = list.turns();
        turns.unbegun -= 1;
        let last = if turns.unbegun == 0 { turns.last.take() } else { None };
        drop(list);
        drop(last);
    }

    /// The last event since a turn has been expected, and when it came.
    pub(crate) fn last(&self) -> Option<(Event, Instant)> {
        self.list().turns.as_ref()?.last.clone()
    }

    /// Whether a silence of this length is to be reported: turns that wait for the same one report it once.
    pub(crate) fn reports(&self, limit: Duration) -> bool {
        let (mut list, now) = (self.list(), Instant::now());
        let turns = list.turns();
        let again = turns.reported.is_some_and(|(of, at)| of == limit && now - at < limit);
        if !again {
            turns.reported = Some((limit, now));
        }
        !again
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.list().queues.len()
    }

    fn list(&self) -> MutexGuard<'_, List> {
        lock(&self.0)
    }
}

impl List {
    fn subscribe(&mut self, budget: usize, recorder: Recorder) -> EventStream {
        let queue = Arc::new(Queue::new(budget, self.closed, recorder));
        if !self.closed {
            self.queues.push(Subscriber { queue: Arc::clone(&queue), message: None });
        }
        EventStream { queue }
    }

    fn is_empty(&self) -> bool {
        self.queues.is_empty() && self.turns.as_ref().is_none_or(|turns| turns.waiting.is_empty())
    }

    /// Whether an event is for anything: a queue, or a turn that has not begun.
    fn has_receivers(&self) -> bool {
        !self.is_empty() || self.expects()
    }

    /// Whether a turn was asked for that has not begun.
    fn expects(&self) -> bool {
        self.turns.as_ref().is_some_and(|turns| turns.unbegun > 0)
    }

    /// Has each subscriber take note of an event that matters to none of them; `false` if it is to be queued.
    fn pass(&mut self, head: &EventHead<'_>) -> bool {
        if self.expects() || !head.ephemeral || head.name().matters_to_replies() {
            return false;
        }
        // There is no turn whose message waits: it would not have begun.
        let passes = self.queues.iter().all(|subscriber| subscriber.queue.pass(&head.tag));
        if let Some(turns) = self.turns.as_mut().filter(|_| passes) {
            turns.reported = None;
        }
        passes
    }

    fn turns(&mut self) -> &mut Turns {
        self.turns.get_or_insert_default()
    }

    /// Updates the state from an event.
    fn learn(&mut self, head: &EventHead<'_>) {
        if head.agent().is_some() {
            return;
        }
        match head.name() {
            EventName::UserMessage | EventName::AssistantTurnStart => self.busy = true,
            EventName::SessionIdle => {
                self.busy = !Idle::read(head.data().get()).is_end();
                if let Some(turns) = &mut self.turns {
                    turns.first_end.get_or_insert_with(Instant::now);
                }
            }
            EventName::AutopilotStopped => self.busy = false,
            _ => {}
        }
    }

    fn queue(&mut self, event: &Event, asleep: &mut Vec<Waker>) {
        if let Some(turns) = self.turns.as_mut().filter(|_| event.event_name() != EventName::TurnStalled) {
            turns.reported = None;
            if turns.unbegun > 0 {
                turns.last = Some((event.clone(), Instant::now()));
            }
        }
        self.queues.retain(|subscriber| subscriber.queue.push(event.clone(), asleep));
        let waiting = self.turns.as_ref().is_some_and(|turns| !turns.waiting.is_empty());
        if !waiting && self.queues.iter().all(|subscriber| subscriber.message.is_none()) {
            return;
        }
        match event.concerns() {
            Concerns::None => {}
            Concerns::All => self.turns().waiting.retain(|_, queue| queue.push(event.clone(), asleep)),
            Concerns::Of(message) => self.begin(&message, event, asleep),
            Concerns::Reached(Some(message)) => {
                self.begin(&message, event, asleep);
                // The others have seen that it is not theirs, and wait.
                while let Some(at) = self.queues.iter().position(|subscriber| subscriber.message.is_some()) {
                    let Subscriber { queue, message } = self.queues.swap_remove(at);
                    if let Some(message) = message {
                        self.wait(message, queue);
                    }
                }
            }
            Concerns::Reached(None) => {
                self.queues.iter_mut().for_each(|subscriber| subscriber.message = None);
                for queue in self.turns().take_waiting().into_values() {
                    if queue.push(event.clone(), asleep) {
                        self.queues.push(Subscriber { queue, message: None });
                    }
                }
            }
        }
    }

    /// The agent works on this message with `event`: from here on its turn receives all events.
    fn begin(&mut self, message: &MessageId, event: &Event, asleep: &mut Vec<Waker>) {
        let of_message = |subscriber: &&mut Subscriber| subscriber.message.as_ref() == Some(message);
        self.queues.iter_mut().filter(of_message).for_each(|subscriber| subscriber.message = None);
        if let Some(queue) = self.turns().waiting.remove(message)
            && queue.push(event.clone(), asleep)
        {
            self.queues.push(Subscriber { queue, message: None });
        }
    }

    fn wait(&mut self, message: MessageId, queue: Arc<Queue>) {
        // A CLI that gives one id to two messages has both turns see everything.
        if let Some(queue) = self.turns().waiting.insert(message, queue) {
            self.queues.push(Subscriber { queue, message: None });
        }
    }
}

impl Turns {
    fn take_waiting(&mut self) -> IdMap<MessageId, Arc<Queue>> {
        std::mem::take(&mut self.waiting)
    }
}

impl Concerns {
    /// Whether a turn begins with it whose message this is.
    fn begins(&self, message: &MessageId) -> bool {
        match self {
            Self::Reached(reached) => reached.as_ref().is_none_or(|reached| reached == message),
            Self::Of(of) => of == message,
            Self::None | Self::All => false,
        }
    }
}

impl Event {
    fn concerns(&self) -> Concerns {
        if self.agent_id().is_some() {
            return Concerns::None;
        }
        match self.event_name() {
            EventName::UserMessage => Concerns::Reached(self.message_id()),
            EventName::AssistantMessage | EventName::SessionError => {
                self.originating_message_id().map_or(Concerns::None, Concerns::Of)
            }
            EventName::SessionIdle
            | EventName::Abort
            | EventName::Disconnected
            | EventName::Restarted
            | EventName::TurnStalled => Concerns::All,
            // A skipped answer belongs to a turn that has begun; a skipped message without a name to any.
            EventName::MessageSkipped => match self.local_kind() {
                EventKind::MessageSkipped(skipped) if skipped.event.is_some() => Concerns::None,
                _ => Concerns::All,
            },
            _ => Concerns::None,
        }
    }
}

/// The members of `session.idle` that say whether the agent has come to an end, each read by itself so that one of an
/// unexpected type does not hide the others.
#[derive(Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Idle<'a> {
    aborted: Option<&'a RawValue>,
    mode: Option<&'a RawValue>,
    /// Tasks that the agent waits for although it is idle, on CLIs that report them (1.0.12).
    background_tasks: Option<&'a RawValue>,
}

impl<'a> Idle<'a> {
    pub(crate) fn read(data: &'a str) -> Self {
        decode::event(data).unwrap_or_default()
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.aborted.is_some_and(|aborted| aborted.get() == "true")
    }

    /// Whether the agent does nothing more by itself: not in autopilot, and not when a task in the background ends.
    pub(crate) fn is_end(&self) -> bool {
        let autopilot = self.mode.is_some_and(|mode| mode.get() == "\"autopilot\"");
        !autopilot && !self.background_tasks.is_some_and(|tasks| has_tasks(tasks.get()))
    }
}

/// Whether there is a task in a list, or in one of several lists by kind.
fn has_tasks(tasks: &str) -> bool {
    if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(tasks) {
        return !list.is_empty();
    }
    let kinds = serde_json::from_str::<HashMap<String, &RawValue>>(tasks).unwrap_or_default();
    kinds
        .values()
        .any(|kind| serde_json::from_str::<Vec<&RawValue>>(kind.get()).is_ok_and(|list| !list.is_empty()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::MessageSkipped;
    use super::*;
    use crate::error::{Error, ErrorKind};

    fn head<'a>(name: &'a str, data: &'a RawValue) -> EventHead<'a> {
        EventHead {
            tag: name.into(),
            id: "".into(),
            timestamp: None,
            parent: "".into(),
            agent: "".into(),
            ephemeral: false,
            data: Some(data),
            whole: None,
        }
    }

    fn deliver(subscribers: &Subscribers, name: &str, data: &str) {
        let data = RawValue::from_string(data.to_owned()).unwrap();
        subscribers.deliver(&head(name, &data), &mut Vec::new());
    }

    fn names(stream: &mut EventStream) -> Vec<String> {
        std::iter::from_fn(|| stream.try_next()).map(|event| event.name().to_owned()).collect()
    }

    #[test]
    fn a_turn_knows_the_state_at_exactly_the_event_from_which_it_listens() {
        let (subscribers, done) = (Subscribers::default(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..50_000 {
                    deliver(&subscribers, "user.message", "{}");
                    deliver(&subscribers, "session.idle", "{}");
                }
                done.store(true, Ordering::Relaxed);
            });
            while !done.load(Ordering::Relaxed) {
                // Room for all events: this thread may be suspended while the other one delivers.
                let (mut stream, was_idle) = subscribers.subscribe_turn(1 << 30);
                let next = loop {
                    match stream.try_next() {
                        Some(event) => break event,
                        None if done.load(Ordering::Relaxed) => return,
                        None => std::thread::yield_now(),
                    }
                };
                let expected = if was_idle { "user.message" } else { "session.idle" };
                assert_eq!(next.name(), expected, "the state and the events contradict each other");
            }
        });
    }

    #[test]
    fn a_turn_that_waits_behind_another_receives_only_what_concerns_it() {
        let subscribers = Subscribers::default();
        let (mut first, idle) = subscribers.subscribe_turn(1 << 20);
        subscribers.taken(&first, "a".into());
        let (mut second, _) = subscribers.subscribe_turn(1 << 20);
        subscribers.taken(&second, "b".into());
        assert!(idle);
        // Both are ready until the agent has reached one of them.
        deliver(&subscribers, "user.message", r#"{"messageId":"a"}"#);
        let (mut third, idle) = subscribers.subscribe_turn(1 << 20);
        subscribers.taken(&third, "c".into());
        assert!(!idle);
        deliver(&subscribers, "assistant.turn_start", "{}");
        deliver(&subscribers, "assistant.message", r#"{"originatingMessageId":"a"}"#);
        deliver(&subscribers, "user.message", r#"{"messageId":"b"}"#);
        deliver(&subscribers, "session.error", r#"{"originatingMessageId":"c"}"#);
        deliver(&subscribers, "session.idle", "{}");
        let [user, start, said, error, idle] =
            ["user.message", "assistant.turn_start", "assistant.message", "session.error", "session.idle"];
        assert_eq!(names(&mut first), [user, start, said, user, error, idle]);
        assert_eq!(names(&mut second), [user, user, error, idle]);
        assert_eq!(names(&mut third), [error, idle]);
    }

    #[test]
    fn a_turn_that_waits_learns_of_a_skipped_message_that_may_concern_it() {
        let subscribers = Subscribers::default();
        deliver(&subscribers, "user.message", r#"{"messageId":"other"}"#);
        let (mut turn, _) = subscribers.subscribe_turn(1 << 20);
        subscribers.taken(&turn, "a".into());
        let error = Error::new(ErrorKind::Transport, "too long");
        let skip = |event: Option<&str>| {
            let (event, error) = (event.map(str::to_owned), error.clone());
            subscribers.publish(&Event::message_skipped(MessageSkipped { event, error }));
        };
        skip(Some("assistant.message"));
        assert_eq!(names(&mut turn), [""; 0]);
        skip(None);
        assert_eq!(names(&mut turn), ["copilot.message_skipped"]);
    }

    #[test]
    fn a_message_that_the_agent_has_reached_before_the_answer_does_not_wait() {
        let subscribers = Subscribers::default();
        let (mut turn, _) = subscribers.subscribe_turn(1 << 20);
        deliver(&subscribers, "user.message", r#"{"messageId":"a","content":7}"#);
        subscribers.taken(&turn, "a".into());
        deliver(&subscribers, "assistant.turn_start", "{}");
        assert_eq!(names(&mut turn), ["user.message", "assistant.turn_start"]);
    }

    #[test]
    fn two_turns_of_one_id_see_everything() {
        let subscribers = Subscribers::default();
        deliver(&subscribers, "user.message", r#"{"messageId":"other"}"#);
        let (mut one, _) = subscribers.subscribe_turn(1 << 20);
        subscribers.taken(&one, "a".into());
        let (mut two, _) = subscribers.subscribe_turn(1 << 20);
        subscribers.taken(&two, "a".into());
        deliver(&subscribers, "user.message", r#"{"messageId":"a"}"#);
        assert_eq!((names(&mut one).len(), names(&mut two).len()), (1, 1));
    }

    #[test]
    fn an_idle_is_read_member_by_member() {
        let end = |data: &str| Idle::read(data).is_end();
        assert!(end("{}") && end("null") && end("7") && end(r#"{"mode":"interactive","aborted":null}"#));
        assert!(
            end(r#"{"backgroundTasks":{"agents":[],"shells":[]}}"#) && end(r#"{"backgroundTasks":null}"#)
        );
        assert!(
            !end(r#"{"backgroundTasks":{"agents":[{}],"shells":[]}}"#) && !end(r#"{"backgroundTasks":[1]}"#)
        );
        assert!(!end(r#"{"mode":"autopilot","aborted":7}"#));
        assert!(Idle::read(r#"{"aborted":true,"mode":7}"#).is_aborted());
    }
}
