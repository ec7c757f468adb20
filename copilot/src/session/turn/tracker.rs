//! How far the agent is with one message. Pure: it is fed with events and reports when the turn is over.
//!
//! The CLI says which message an event belongs to (1.0.92 and later). Where it does not, `compat` makes sure that no two
//! turns run concurrently, and the next message that reaches the agent is this one.

use super::usage::Usage;
use crate::error::{Error, ErrorKind};
use crate::events::{Event, EventName, Idle, Reached, SessionError};
use crate::protocol::MessageId;

/// Reports, for each event, whether the message has reached the agent or cannot reach it any more.
pub(super) type Watch = dyn FnMut(Option<&Event>) -> bool + Send;

/// Tracks one message.
#[derive(Debug)]
pub(super) struct TurnTracker {
    message: MessageId,
    phase: Phase,
    /// The number of `abort` events still to come that belong to the time before the CLI had the message.
    earlier_aborts: u32,
    /// The last message of the agent for this turn.
    answer: Option<Event>,
    pub(super) error: Option<Error>,
    /// The number of failures in a row, without any other event of the agent between them.
    failures: u32,
    pub(super) aborted: bool,
    pub(super) usage: Usage,
    /// The first event of the turn in the history.
    first: Option<Event>,
    pub(super) events: Vec<Event>,
    retains_events: bool,
}

/// How far the agent is with the message.
#[derive(Debug)]
enum Phase {
    /// The message has not reached the agent.
    Waiting(Position),
    /// The agent was stopped while the message waited: the CLI discards waiting messages.
    Discarded(Position),
    /// The agent works on the message.
    Working,
    /// The last message of the agent requests no tool.
    Answered,
    /// A message that the program has not sent, as far as is known, has reached the agent after the answer, with the
    /// events since then. A hook that does not let the agent stop sends such a message, and then all of them belong to
    /// this turn: the next answer decides.
    Undecided { message: Option<MessageId>, events: Vec<Event> },
}

/// The meaning of an event for a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Continues,
    /// The turn ends with the event.
    Ends,
    /// The turn has ended before the event, which belongs to another message.
    HasEnded,
}

/// The position of a message that has not reached the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// The agent was idle when the message was sent, and no other message has reached it since.
    Next,
    /// The agent works on another message.
    Behind,
}

impl TurnTracker {
    /// Tracks a message that was sent while the agent was idle or not.
    pub(super) fn new(message: MessageId, was_idle: bool) -> Self {
        let position = if was_idle { Position::Next } else { Position::Behind };
        Self {
            message,
            phase: Phase::Waiting(position),
            earlier_aborts: 0,
            answer: None,
            error: None,
            failures: 0,
            aborted: false,
            usage: Usage::default(),
            first: None,
            events: Vec::new(),
            retains_events: false,
        }
    }

    /// Tracks the work that the agent does already, whatever message it is for.
    pub(super) fn of_work_in_progress() -> Self {
        Self { phase: Phase::Working, ..Self::new(MessageId::default(), false) }
    }

    /// Sets the number of `abort` events that belong to the time before the message was sent.
    pub(super) fn after_aborts(self, earlier_aborts: u32) -> Self {
        Self { earlier_aborts, ..self }
    }

    /// Retains the events from here on.
    pub(super) fn retain_events(&mut self) {
        self.retains_events = true;
    }

    /// Returns the first event of the turn in the history.
    pub(super) fn first(&self) -> Option<&Event> {
        self.first.as_ref()
    }

    /// Returns the last message of the agent for this turn.
    pub(super) fn answer(&self) -> Option<&Event> {
        self.answer.as_ref()
    }

    /// Whether the message has reached the agent.
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self.phase, Phase::Waiting(_) | Phase::Discarded(_))
    }

    /// Whether the message waits until the agent is done with another one.
    pub(super) fn is_behind(&self) -> bool {
        matches!(self.phase, Phase::Waiting(Position::Behind))
    }

    /// Whether the agent has answered, so that the end of the turn follows.
    pub(super) fn is_answered(&self) -> bool {
        matches!(self.phase, Phase::Answered)
    }

    /// Whether it is not known whether the events belong to this turn.
    pub(super) fn is_undecided(&self) -> bool {
        matches!(self.phase, Phase::Undecided { .. })
    }

    /// Whether the turn ends in the middle: the agent has begun with the message, and has neither answered nor failed nor
    /// been stopped. Its answer was lost, or the user has rejected a tool.
    pub(super) fn lacks_answer(&self) -> bool {
        matches!(self.phase, Phase::Working) && !self.aborted && self.error.is_none()
    }

    /// Returns the message.
    pub(super) fn message(&self) -> &MessageId {
        &self.message
    }

    /// Applies an event that was lost, when the turn has ended.
    pub(super) fn recover(&mut self, event: &Event) {
        self.apply(event);
    }

    /// Returns a function that reports, for each further event, whether the message has reached the agent or cannot
    /// reach it any more.
    pub(super) fn into_watch(self) -> Box<Watch> {
        let mut tracker = Self { retains_events: false, ..self };
        Box::new(move |event| {
            let is_over = |event| tracker.observe(event, |_| false) != Progress::Continues;
            event.is_some_and(is_over) || tracker.has_begun()
        })
    }

    /// Applies an event. `is_sent` returns whether the program has sent a message.
    pub(super) fn observe(&mut self, event: &Event, is_sent: impl Fn(&MessageId) -> bool) -> Progress {
        // Deltas are most of a turn and do not change its phase.
        if event.is_ephemeral() && !event.event_name().matters_to_replies() {
            return Progress::Continues;
        }
        if self.has_ended(event, is_sent) {
            return Progress::HasEnded;
        }
        let Phase::Undecided { events, .. } = &mut self.phase else { return self.progress(event) };
        match answered_message(event) {
            Some(message) if message == self.message => {
                let events = std::mem::take(events);
                self.phase = Phase::Working;
                for event in events {
                    self.apply(&event);
                }
                self.progress(event)
            }
            Some(_) => Progress::HasEnded,
            None if event.event_name() == EventName::SessionIdle && event.agent_id().is_none() => {
                self.progress(event)
            }
            None => {
                events.push(event.clone());
                Progress::Continues
            }
        }
    }

    /// Whether the agent works on another message of the program since this event, or an earlier one.
    fn has_ended(&self, event: &Event, is_sent: impl Fn(&MessageId) -> bool) -> bool {
        match &self.phase {
            // The response with the id of that message has come after the event.
            Phase::Undecided { message: Some(message), .. } if is_sent(message) => return true,
            Phase::Undecided { .. } | Phase::Answered | Phase::Working => {}
            Phase::Waiting(_) | Phase::Discarded(_) => return false,
        }
        if event.event_name() != EventName::UserMessage || event.agent_id().is_some() {
            return false;
        }
        let reached = Reached::read(event.raw_data());
        let is_done = match self.phase {
            // The agent may fail, or end without an answer, before it takes a message out of the queue.
            Phase::Working => self.error.is_some() && !reached.steers() || reached.was_queued(),
            _ => !reached.steers(),
        };
        is_done && reached.message().is_some_and(|id| id != self.message && is_sent(&id))
    }

    fn progress(&mut self, event: &Event) -> Progress {
        if self.apply(event) { Progress::Ends } else { Progress::Continues }
    }

    /// Applies an event that belongs to the turn, or to none.
    fn apply(&mut self, event: &Event) -> bool {
        if !event.is_ephemeral() {
            self.keep(event);
        }
        // The turn of a sub-agent is another one, but its tokens are part of the cost.
        if event.event_name() == EventName::AssistantUsage {
            self.usage.add(event);
            return false;
        }
        if event.agent_id().is_some() {
            return false;
        }
        // Events count by their names, even those whose payloads cannot be read.
        match event.event_name() {
            EventName::UserMessage => self.user_message(event),
            EventName::AssistantMessage => self.assistant_message(event),
            EventName::SessionError => return self.session_error(event),
            EventName::Abort if self.earlier_aborts > 0 => self.earlier_aborts -= 1,
            EventName::Abort => {
                self.aborted = true;
                if let Phase::Waiting(position) = self.phase {
                    self.phase = Phase::Discarded(position);
                }
            }
            EventName::SessionIdle => return self.idle(&Idle::read(event.raw_data())),
            EventName::ToolExecutionStart
            | EventName::ToolExecutionComplete
            | EventName::AssistantTurnStart => self.failures = 0,
            _ => {}
        }
        false
    }

    /// Keeps an event of the history.
    fn keep(&mut self, event: &Event) {
        if self.first.is_none() {
            self.first = Some(event.clone());
        }
        if self.retains_events {
            self.events.push(event.clone());
        }
    }

    /// A message has reached the agent, this one or another.
    fn user_message(&mut self, event: &Event) {
        self.failures = 0;
        let reached = Reached::read(event.raw_data());
        let id = reached.message();
        // An event without an id belongs to this message, because no two turns run concurrently there.
        if id.as_ref().is_none_or(|id| *id == self.message) {
            return self.begin(event);
        }
        match &self.phase {
            Phase::Waiting(_) => self.phase = Phase::Waiting(Position::Behind),
            Phase::Discarded(_) => self.phase = Phase::Discarded(Position::Behind),
            Phase::Answered if reached.steers() => {}
            Phase::Answered => {
                let last = if self.retains_events { self.events.pop() } else { None };
                self.phase = Phase::Undecided { message: id, events: last.into_iter().collect() };
            }
            Phase::Working | Phase::Undecided { .. } => {}
        }
    }

    /// The agent has sent a message.
    fn assistant_message(&mut self, event: &Event) {
        let id = match event.assistant_message() {
            Some(Ok(message)) => message.originating_message_id.clone(),
            _ => event.originating_message_id(),
        };
        if !self.is_ours(event, id) {
            return;
        }
        self.failures = 0;
        self.answer = Some(event.clone());
        if self.has_begun() {
            self.phase = self.phase_after_answer();
        }
    }

    /// The agent has failed. Returns whether it fails repeatedly, so that the turn would have no other end.
    fn session_error(&mut self, event: &Event) -> bool {
        if !self.is_ours(event, event.originating_message_id()) {
            return false;
        }
        self.error = Some(match event.session_error() {
            Some(Ok(error)) => failure(error),
            _ => unreadable_failure(event),
        });
        self.failures += 1;
        let limit = if matches!(self.phase, Phase::Answered) { 2 } else { MAX_FAILURES };
        self.has_begun() && self.failures >= limit
    }

    /// Whether an event of the agent belongs to this message. One that names it shows that the message has reached the
    /// agent.
    fn is_ours(&mut self, event: &Event, named: Option<MessageId>) -> bool {
        let Some(named) = named else { return true };
        // The message of work in progress is the first that the agent names.
        if self.message == "" {
            self.message = named.clone();
        }
        let ours = named == self.message;
        if ours {
            self.begin(event);
        }
        ours
    }

    /// The agent is idle. Returns whether that ends the turn.
    fn idle(&mut self, idle: &Idle<'_>) -> bool {
        // In autopilot, and when a background task ends, the agent continues after an idle.
        if !idle.is_end() {
            return false;
        }
        match self.phase {
            Phase::Discarded(_) => {
                // The events until here belong to other turns.
                self.reset();
                self.aborted = true;
                return true;
            }
            Phase::Waiting(Position::Behind) => {
                self.aborted |= idle.is_aborted();
                return false;
            }
            _ => {}
        }
        self.aborted |= idle.is_aborted();
        true
    }

    /// The message has reached the agent with `event`. Events before it belong to the turn before, if there was one.
    fn begin(&mut self, event: &Event) {
        match self.phase {
            Phase::Waiting(Position::Next) | Phase::Discarded(Position::Next) => {
                self.phase = self.phase_after_answer();
            }
            Phase::Waiting(Position::Behind) | Phase::Discarded(Position::Behind) => {
                self.reset();
                self.phase = Phase::Working;
                self.keep(event);
            }
            Phase::Working | Phase::Answered | Phase::Undecided { .. } => {}
        }
    }

    /// Ends without its message: all events belong to other turns.
    pub(super) fn withdraw(&mut self) {
        self.reset();
        self.aborted = true;
    }

    /// Forgets all events.
    fn reset(&mut self) {
        let message = std::mem::take(&mut self.message);
        *self = Self { retains_events: self.retains_events, ..Self::new(message, false) };
    }

    fn phase_after_answer(&self) -> Phase {
        let is_final = |event: &Event| match event.assistant_message() {
            Some(Ok(message)) => message.tool_requests.is_empty(),
            // An answer as far as can be known; a later one that can be read replaces it.
            _ => true,
        };
        if self.answer.as_ref().is_some_and(is_final) { Phase::Answered } else { Phase::Working }
    }
}

/// Returns the message that an event of the agent names.
fn answered_message(event: &Event) -> Option<MessageId> {
    if event.agent_id().is_some()
        || !matches!(event.event_name(), EventName::AssistantMessage | EventName::SessionError)
    {
        return None;
    }
    match event.assistant_message() {
        Some(Ok(message)) => message.originating_message_id.clone(),
        _ => event.originating_message_id(),
    }
}

/// The number of failures in a row, without any other event of the agent between them, that ends a turn without an
/// answer.
const MAX_FAILURES: u32 = 5;

/// The error of a turn in which the agent failed and did not say how.
fn unreadable_failure(event: &Event) -> Error {
    let text: String = event.raw_data().chars().take(500).collect();
    Error::new(ErrorKind::Session, format!("the agent failed, and its error cannot be read: {text}"))
}

/// Whether the agent failed because the CLI is not logged in. The texts are those of 1.0.102 and of 1.0.80.
fn is_login_missing(error: &SessionError) -> bool {
    ["No GitHub OAuth token", "not created with authentication info"]
        .iter()
        .any(|text| error.message.contains(text))
}

/// The error of a turn in which the agent failed.
fn failure(error: &SessionError) -> Error {
    let status = error.status_code.map(|status| format!(" (status {status})")).unwrap_or_default();
    // The first error that many people meet; the CLI does not say what to do about it.
    let fix = if is_login_missing(error) {
        "; log in with `copilot login`, or give the client a `.github_token(..)`, or the session a model of your own \
         with `.provider(..)`"
    } else {
        ""
    };
    Error::new(ErrorKind::Session, format!("the agent failed: {}{status}{fix}", error.message))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(name: &str, data: &Value) -> Event {
        let ephemeral = name == "session.idle" || name == "assistant.usage";
        let event = json!({"type": name, "id": "", "timestamp": "", "ephemeral": ephemeral, "data": data});
        serde_json::from_str(&event.to_string()).unwrap()
    }

    /// Whether the turn is over with this event. The program has sent only the message of the tracker.
    fn over(tracker: &mut TurnTracker, name: &str, data: &Value) -> bool {
        tracker.observe(&event(name, data), |_| false) != Progress::Continues
    }

    #[test]
    fn a_message_that_an_abort_discards_ends_with_the_idle_that_follows() {
        let of_the_turn_before = ("assistant.message", json!({"content": "other"}));
        let events = [of_the_turn_before, ("abort", json!({})), ("session.idle", json!({"aborted": true}))];
        let end = |tracker: TurnTracker| {
            let mut tracker = tracker;
            tracker.retain_events();
            let end = events.iter().position(|(name, data)| over(&mut tracker, name, data));
            (end, tracker.aborted, tracker.events.len())
        };
        assert_eq!(end(TurnTracker::new("m".into(), false)), (Some(2), true, 0));
        // The abort came before the CLI had the message, which the agent will begin.
        assert_eq!(end(TurnTracker::new("m".into(), false).after_aborts(1)).0, None);
    }

    /// Feeds events for message `m`; the number of events after which the turn is over, and the answer.
    fn run(was_idle: bool, events: &[(&str, Value)]) -> (Option<usize>, Option<String>) {
        let mut tracker = TurnTracker::new("m".into(), was_idle);
        let end = events.iter().position(|(name, data)| over(&mut tracker, name, data));
        let answer =
            tracker.answer().map(|answer| answer.assistant_message().unwrap().unwrap().content.clone());
        (end.map(|end| end + 1), answer)
    }

    #[test]
    fn a_failure_without_login_names_the_fix() {
        let failed = |message: &str| {
            let data = json!({"errorType": "query", "message": message, "statusCode": 401});
            let mut tracker = TurnTracker::new("m".into(), true);
            over(&mut tracker, "session.error", &data);
            tracker.error.unwrap().to_string()
        };
        for missing in [
            "InvalidArg, No GitHub OAuth token or Copilot HMAC key provided",
            // CLI 1.0.80.
            "Error: Session was not created with authentication info or custom provider",
        ] {
            let shown = failed(&format!("Execution failed: {missing}"));
            assert!(shown.contains("`copilot login`") && shown.contains("`.provider(..)`"), "{shown}");
        }
        assert_eq!(failed("Too hot."), "the agent failed: Too hot. (status 401)");
    }

    #[test]
    fn a_turn_ends_at_the_idle_after_its_message() {
        let events = [
            ("session.idle", json!({})),
            ("user.message", json!({"messageId": "m"})),
            ("assistant.message", json!({"content": "", "toolRequests": [{"toolCallId": "1", "name": "t"}]})),
            ("assistant.message", json!({"content": "done", "originatingMessageId": "m"})),
            ("session.idle", json!({})),
        ];
        assert_eq!(run(false, &events), (Some(5), Some("done".into())));
    }

    #[test]
    fn a_message_without_an_id_is_ours() {
        let events = [
            ("assistant.message", json!({"content": "of the turn before"})),
            ("session.idle", json!({})),
            ("user.message", json!({"content": "?"})),
            ("session.idle", json!({})),
        ];
        assert_eq!(run(false, &events), (Some(4), None));
        assert_eq!(run(true, &events[2..]), (Some(2), None));
    }

    #[test]
    fn events_before_the_message_belong_to_the_turn_before() {
        let mut tracker = TurnTracker::new("m".into(), false).after_aborts(1);
        tracker.retain_events();
        for (name, data) in [
            ("assistant.usage", json!({"inputTokens": 10})),
            ("abort", json!({})),
            ("session.idle", json!({"aborted": true})),
            ("user.message", json!({"messageId": "m"})),
        ] {
            assert!(!over(&mut tracker, name, &data));
        }
        assert_eq!((&tracker.usage, tracker.aborted, tracker.events.len()), (&Usage::default(), false, 1));
    }

    #[test]
    fn the_turn_before_another_message_in_the_queue_ends_when_that_one_is_answered() {
        let events = [
            ("user.message", json!({"messageId": "m"})),
            ("assistant.message", json!({"content": "mine", "originatingMessageId": "m"})),
            ("user.message", json!({"messageId": "n"})),
            ("assistant.message", json!({"content": "other", "originatingMessageId": "n"})),
        ];
        assert_eq!(run(true, &events), (Some(4), Some("mine".into())));
    }

    #[test]
    fn the_turn_ends_before_the_next_message_of_the_program() {
        let reaches = |id: &str| event("user.message", &json!({"messageId": id, "delivery": "queued"}));
        let steers = event("user.message", &json!({"messageId": "n", "delivery": "steering"}));
        let answers = event("assistant.message", &json!({"content": "", "originatingMessageId": "m"}));
        let fails = event("session.error", &json!({"message": "", "originatingMessageId": "m"}));
        let is_sent = |id: &MessageId| *id == "m" || *id == "n";
        for end in [&answers, &fails] {
            let mut tracker = TurnTracker::new("m".into(), true);
            tracker.retain_events();
            for event in [&reaches("m"), end, &steers] {
                assert_eq!(tracker.observe(event, is_sent), Progress::Continues);
            }
            assert_eq!(tracker.observe(&reaches("n"), is_sent), Progress::HasEnded);
            assert_eq!(tracker.events.len(), 3, "that message is not among the events");
        }
        // A turn may end without an answer, as when the user rejects a tool.
        let mut tracker = TurnTracker::new("m".into(), true);
        assert_eq!(tracker.observe(&reaches("m"), is_sent), Progress::Continues);
        assert_eq!(tracker.observe(&reaches("n"), is_sent), Progress::HasEnded);
        assert!(tracker.lacks_answer());
        // One that is not sent may be that of a hook, and one of which is not said how it came may steer.
        let unsaid = event("user.message", &json!({"messageId": "n"}));
        let mut tracker = TurnTracker::new("m".into(), true);
        for event in [&reaches("m"), &unsaid, &answers, &reaches("h")] {
            assert_eq!(tracker.observe(event, is_sent), Progress::Continues);
        }
        assert!(tracker.is_undecided());
        assert_eq!(tracker.observe(&reaches("n"), is_sent), Progress::HasEnded);
    }

    #[test]
    fn work_in_progress_belongs_to_the_message_that_the_agent_names() {
        let mut tracker = TurnTracker::of_work_in_progress();
        for (name, data) in [
            ("assistant.message", json!({"content": "a", "originatingMessageId": "m"})),
            ("user.message", json!({"messageId": "h", "delivery": "queued"})),
            ("assistant.message", json!({"content": "b", "originatingMessageId": "m"})),
        ] {
            assert!(!over(&mut tracker, name, &data), "{name}");
        }
        assert_eq!(tracker.message(), &"m");
        assert_eq!(tracker.answer().unwrap().assistant_message().unwrap().unwrap().content, "b");
        let other = json!({"content": "c", "originatingMessageId": "n"});
        assert!(!over(&mut tracker, "user.message", &json!({"messageId": "n"})));
        assert!(over(&mut tracker, "assistant.message", &other));
    }

    #[test]
    fn a_message_whose_id_comes_later_ends_the_turn_with_the_next_event() {
        let mut tracker = TurnTracker::new("m".into(), true);
        let observe = |tracker: &mut TurnTracker, name: &str, data: &Value, knows: bool| {
            tracker.observe(&event(name, data), |id| knows && *id == "n")
        };
        observe(&mut tracker, "user.message", &json!({"messageId": "m"}), false);
        observe(
            &mut tracker,
            "assistant.message",
            &json!({"content": "", "originatingMessageId": "m"}),
            false,
        );
        let reached = observe(&mut tracker, "user.message", &json!({"messageId": "n"}), false);
        assert_eq!(reached, Progress::Continues);
        assert_eq!(observe(&mut tracker, "assistant.turn_start", &json!({}), true), Progress::HasEnded);
    }

    #[test]
    fn a_hook_that_makes_the_agent_continue_does_not_end_the_turn() {
        let events = [
            ("user.message", json!({"messageId": "m"})),
            ("assistant.message", json!({"content": "done", "originatingMessageId": "m"})),
            ("user.message", json!({"messageId": "h", "delivery": "queued"})),
            ("assistant.usage", json!({"inputTokens": 1})),
            ("assistant.message", json!({"content": "really done", "originatingMessageId": "m"})),
            ("session.idle", json!({})),
        ];
        assert_eq!(run(true, &events), (Some(6), Some("really done".into())));
        let mut tracker = TurnTracker::new("m".into(), true);
        tracker.retain_events();
        for (name, data) in &events {
            over(&mut tracker, name, data);
        }
        assert_eq!((tracker.usage.requests, tracker.events.len()), (1, 4));
    }

    #[test]
    fn the_turn_after_another_message_in_the_queue_does_not_end_with_it() {
        let events = [
            ("user.message", json!({"messageId": "n"})),
            ("assistant.message", json!({"content": "other", "originatingMessageId": "n"})),
            ("session.idle", json!({})),
            ("user.message", json!({"messageId": "m"})),
            ("assistant.message", json!({"content": "mine", "originatingMessageId": "m"})),
            ("session.idle", json!({})),
        ];
        assert_eq!(run(true, &events), (Some(6), Some("mine".into())));
    }

    #[test]
    fn a_message_that_a_hook_blocks_ends_with_the_idle_that_follows() {
        let events = [("session.warning", json!({"message": "blocked"})), ("session.idle", json!({}))];
        assert_eq!(run(true, &events), (Some(2), None));
    }

    #[test]
    fn autopilot_continues_after_an_idle() {
        let events = [
            ("user.message", json!({"messageId": "m"})),
            ("session.idle", json!({"mode": "autopilot"})),
            ("session.idle", json!({"mode": "interactive"})),
        ];
        assert_eq!(run(true, &events).0, Some(3));
    }

    #[test]
    fn an_idle_with_tasks_in_the_background_does_not_end_the_turn() {
        let shells = json!({"backgroundTasks": {"agents": [], "shells": [{"shellId": "1"}]}});
        let events = [
            ("user.message", json!({"messageId": "m"})),
            ("session.idle", shells),
            ("assistant.message", json!({"content": "done", "originatingMessageId": "m"})),
            ("session.idle", json!({"backgroundTasks": {"agents": [], "shells": []}})),
        ];
        assert_eq!(run(true, &events), (Some(4), Some("done".into())));
    }

    #[test]
    fn a_failure_that_repeats_after_the_answer_ends_the_turn() {
        let error = |text: &str| ("session.error", json!({"message": text, "originatingMessageId": "m"}));
        let begins = ("user.message", json!({"messageId": "m"}));
        let says = ("assistant.message", json!({"content": "done", "originatingMessageId": "m"}));
        let run_both = |events: &[(&str, Value)]| run(true, events);
        assert_eq!(run_both(&[begins.clone(), says.clone(), error("ENOSPC"), error("ENOSPC")]).0, Some(4));
        // One failure may be followed by the idle, and one without an answer by another attempt.
        assert_eq!(run_both(&[begins.clone(), says.clone(), error("ENOSPC")]).0, None);
        let mut failing = vec![begins.clone()];
        failing.extend((0..4).map(|_| error("busy")));
        assert_eq!(run_both(&failing).0, None);
        failing.push(error("busy"));
        assert_eq!(run_both(&failing).0, Some(6));
        // The agent has done something in between.
        let between =
            [begins, says.clone(), error("a"), ("assistant.turn_start", json!({})), says, error("a")];
        assert_eq!(run_both(&between).0, None);
    }

    #[test]
    fn events_count_by_name_when_their_payloads_cannot_be_read() {
        let mut tracker = TurnTracker::new("m".into(), false);
        for (name, data) in [
            ("user.message", json!({"messageId": "other", "content": 7})),
            ("assistant.message", json!({"content": 7, "originatingMessageId": "other"})),
            ("user.message", json!({"messageId": "m", "content": 7})),
            ("assistant.message", json!({"content": 7, "originatingMessageId": "m"})),
            ("session.error", json!({"message": 7, "originatingMessageId": "other"})),
        ] {
            assert!(!over(&mut tracker, name, &data), "{name}");
        }
        assert!(tracker.error.is_none());
        assert!(tracker.answer().unwrap().assistant_message().unwrap().is_err());
        assert!(over(&mut tracker, "session.idle", &json!({"aborted": 7, "mode": 7})));
    }

    #[test]
    fn an_answer_that_names_the_message_shows_that_it_has_reached_the_agent() {
        let events = [
            ("assistant.message", json!({"content": "mine", "originatingMessageId": "m"})),
            ("session.idle", json!({})),
        ];
        assert_eq!(run(false, &events), (Some(2), Some("mine".into())));
    }
}
