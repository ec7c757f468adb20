//! Where the agent is with one message. Pure: fed with events, it says when the turn is over.
//!
//! CLIs from 1.0.92 on tell which message an event belongs to. Older ones do not; there the caller makes sure that
//! no two turns run at once, and the next message that reaches the agent is this one.

use serde::Deserialize;

use crate::error::{Error, ErrorKind};
use crate::events::{Event, EventKind, EventName, Idle, SessionError};
use crate::protocol::MessageId;
use crate::protocol::ai_units::AiUnits;
use crate::protocol::decode;
use crate::protocol::lenient::count;

/// The progress of one message.
#[derive(Debug)]
pub(in crate::session) struct Progress {
    message: MessageId,
    /// Whether the agent had nothing to do when the message was sent.
    was_idle: bool,
    /// The message has reached the agent.
    begun: bool,
    /// How many events will tell of an abort that was before the CLI had the message.
    earlier_aborts: u32,
    /// The agent was told to stop while the message waited: the CLI forgets what waits.
    thrown_out: bool,
    /// Another message has reached it in between.
    mixed: bool,
    /// What came since another message reached the agent after it had answered this one. A hook that does not let
    /// the agent stop sends such a message too, and then it all belongs to this turn: the next answer tells.
    in_doubt: Option<Vec<Event>>,
    /// The last message of the agent for this turn.
    answer: Option<Event>,
    answered: bool,
    pub(in crate::session) error: Option<Error>,
    /// How often in a row the agent has failed without doing anything in between.
    failures: u32,
    pub(in crate::session) aborted: bool,
    pub(in crate::session) usage: Usage,
    pub(in crate::session) kept: Vec<Event>,
    keeps: bool,
}

/// What a turn cost, summed over its requests to the model.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Usage {
    /// Requests to the model.
    pub requests: u64,
    /// Tokens sent.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// Tokens read from the prompt cache.
    pub cache_read_tokens: u64,
    /// Tokens written to the prompt cache.
    pub cache_write_tokens: u64,
    /// Tokens received that are reasoning, as far as providers count them.
    pub reasoning_tokens: u64,
    /// The number of premium requests.
    pub cost: f64,
    /// The cost in AI units; zero where the plan does not count them.
    pub ai_units: AiUnits,
}

/// The members of `assistant.usage` that are summed up.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RequestUsage {
    #[serde(deserialize_with = "count")]
    input_tokens: u64,
    #[serde(deserialize_with = "count")]
    output_tokens: u64,
    #[serde(deserialize_with = "count")]
    cache_read_tokens: u64,
    #[serde(deserialize_with = "count")]
    cache_write_tokens: u64,
    #[serde(deserialize_with = "count")]
    reasoning_tokens: u64,
    cost: Option<f64>,
    copilot_usage: Option<RequestCost>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RequestCost {
    total_nano_aiu: AiUnits,
}

impl Usage {
    fn add(&mut self, event: &Event) {
        let Ok(usage) = decode::event::<RequestUsage>(event.raw_data()) else { return };
        self.requests += 1;
        self.input_tokens += usage.input_tokens;
        self.output_tokens += usage.output_tokens;
        self.cache_read_tokens += usage.cache_read_tokens;
        self.cache_write_tokens += usage.cache_write_tokens;
        self.reasoning_tokens += usage.reasoning_tokens;
        self.cost += usage.cost.unwrap_or_default();
        self.ai_units = self.ai_units + usage.copilot_usage.unwrap_or_default().total_nano_aiu;
    }
}

impl Progress {
    pub(in crate::session) fn new(message: MessageId, was_idle: bool) -> Self {
        Self {
            message,
            was_idle,
            begun: false,
            earlier_aborts: 0,
            thrown_out: false,
            mixed: false,
            in_doubt: None,
            answer: None,
            answered: false,
            error: None,
            failures: 0,
            aborted: false,
            usage: Usage::default(),
            kept: Vec::new(),
            keeps: true,
        }
    }

    /// The next so many aborts are from before the message was sent.
    pub(in crate::session) fn after_aborts(self, earlier_aborts: u32) -> Self {
        Self { earlier_aborts, ..self }
    }

    /// Whether events are kept.
    pub(in crate::session) fn keeping(self, keeps: bool) -> Self {
        Self { keeps, ..self }
    }

    /// As it was before the message reached the agent.
    fn anew(&mut self) -> Self {
        let message = std::mem::take(&mut self.message);
        Self::new(message, self.was_idle).keeping(self.keeps)
    }

    pub(in crate::session) fn answer(&self) -> Option<&Event> {
        self.answer.as_ref()
    }

    /// Takes in an event; `true` when it ends the turn.
    pub(in crate::session) fn observe(&mut self, event: &Event) -> bool {
        // Deltas are most of a turn and say nothing about where it stands.
        if event.is_ephemeral() && !matters(event.event_name()) {
            return false;
        }
        let Some(in_doubt) = &mut self.in_doubt else { return self.take_in(event) };
        match answers(event) {
            Some(message) if message == self.message => {
                self.answered = false;
                for event in self.in_doubt.take().unwrap_or_default() {
                    self.take_in(&event);
                }
                self.take_in(event)
            }
            Some(_) => true,
            None if event.event_name() == EventName::SessionIdle && event.agent_id().is_none() => {
                self.take_in(event)
            }
            None => {
                in_doubt.push(event.clone());
                false
            }
        }
    }

    /// Takes in an event that belongs to the turn, or to none.
    fn take_in(&mut self, event: &Event) -> bool {
        if self.keeps && !event.is_ephemeral() {
            self.kept.push(event.clone());
        }
        // A sub-agent's turn is not this one, but its tokens are paid with it.
        if event.event_name() == EventName::AssistantUsage {
            self.usage.add(event);
            return false;
        }
        if event.agent_id().is_some() {
            return false;
        }
        // Events count by their names, even those whose payloads cannot be read.
        match event.event_name() {
            EventName::UserMessage => self.reached(event),
            EventName::AssistantMessage => self.said(event),
            EventName::SessionError => return self.failed(event),
            EventName::Abort if self.earlier_aborts > 0 => self.earlier_aborts -= 1,
            EventName::Abort => {
                self.aborted = true;
                self.thrown_out = !self.begun;
            }
            EventName::SessionIdle => return self.idled(&Idle::read(event.raw_data())),
            EventName::ToolExecutionStart
            | EventName::ToolExecutionComplete
            | EventName::AssistantTurnStart => self.failures = 0,
            _ => {}
        }
        false
    }

    /// A message has reached the agent, this one or another.
    fn reached(&mut self, event: &Event) {
        self.failures = 0;
        let id = match event.kind() {
            EventKind::UserMessage(user) => user.message_id.clone(),
            _ => event.message_id(),
        };
        // An old CLI does not say whose message it is; there the next one is ours.
        if id.is_none_or(|id| id == self.message) {
            return self.begin(event);
        }
        self.mixed = true;
        if self.begun && self.answered {
            self.in_doubt = Some(if self.keeps { self.kept.pop().into_iter().collect() } else { Vec::new() });
        }
    }

    /// The agent has said something.
    fn said(&mut self, event: &Event) {
        let (id, answered) = match event.kind() {
            EventKind::AssistantMessage(message) => {
                (message.originating_message_id.clone(), message.tool_requests.is_empty())
            }
            // An answer for all that can be known; a later one that can be read replaces it.
            _ => (event.originating_message_id(), true),
        };
        if !self.is_ours(event, id) {
            return;
        }
        self.failures = 0;
        self.answered = answered;
        self.answer = Some(event.clone());
    }

    /// The agent has failed; `true` when it fails again and again and the turn would have no other end.
    fn failed(&mut self, event: &Event) -> bool {
        let (id, error) = match event.kind() {
            EventKind::SessionError(error) => (error.originating_message_id.clone(), failure(error)),
            _ => (event.originating_message_id(), unreadable_failure(event)),
        };
        if !self.is_ours(event, id) {
            return false;
        }
        self.error = Some(error);
        self.failures += 1;
        self.begun && self.failures >= if self.answered { 2 } else { MAX_FAILURES }
    }

    /// Whether an event of the agent belongs to this message. One that names it shows that the message has reached the
    /// agent.
    fn is_ours(&mut self, event: &Event, named: Option<MessageId>) -> bool {
        let Some(named) = named else { return true };
        let ours = named == self.message;
        if ours && !self.begun {
            self.begin(event);
        }
        ours
    }

    /// The agent is idle; `true` when that ends the turn.
    fn idled(&mut self, idle: &Idle<'_>) -> bool {
        // In autopilot, and when a task in the background ends, the agent continues after an idle.
        if !idle.is_end() {
            return false;
        }
        if self.thrown_out && !self.begun {
            // The events until here belong to other turns.
            *self = Self { aborted: true, thrown_out: true, ..self.anew() };
            return true;
        }
        self.aborted |= idle.is_aborted();
        self.begun || (self.was_idle && !self.mixed)
    }

    /// Whether the message has reached the agent.
    pub(in crate::session) fn has_begun(&self) -> bool {
        self.begun
    }

    /// The message has reached the agent: what came until here is of the turn before, if there was one.
    fn begin(&mut self, event: &Event) {
        if !self.begun && (self.mixed || !self.was_idle) {
            let kept = if self.keeps { vec![event.clone()] } else { Vec::new() };
            *self = Self { kept, ..self.anew() };
        }
        self.begun = true;
    }
}

/// The message that this event of the agent says it belongs to.
fn answers(event: &Event) -> Option<MessageId> {
    if event.agent_id().is_some()
        || !matches!(event.event_name(), EventName::AssistantMessage | EventName::SessionError)
    {
        return None;
    }
    match event.kind() {
        EventKind::AssistantMessage(message) => message.originating_message_id.clone(),
        EventKind::SessionError(error) => error.originating_message_id.clone(),
        _ => event.originating_message_id(),
    }
}

/// The ephemeral events that say where a turn stands.
fn matters(name: EventName) -> bool {
    use EventName::{Abort, AssistantUsage, SessionError, SessionIdle};
    matches!(name, SessionIdle | AssistantUsage | SessionError | Abort)
}

/// After how many failures in a row, with nothing of the agent in between, a turn without an answer ends.
const MAX_FAILURES: u32 = 5;

/// The error of a turn in which the agent failed and did not say how.
fn unreadable_failure(event: &Event) -> Error {
    let text: String = event.raw_data().chars().take(500).collect();
    Error::new(ErrorKind::Session, format!("the agent failed, and its error cannot be read: {text}"))
}

/// The error of a turn in which the agent failed.
fn failure(error: &SessionError) -> Error {
    let status = error.status_code.map(|status| format!(" (status {status})")).unwrap_or_default();
    // The first error that many people meet; the CLI does not say what to do about it.
    let fix = if error.message.contains("No GitHub OAuth token") {
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

    #[test]
    fn a_message_that_an_abort_throws_out_ends_with_the_idle_that_follows() {
        let of_the_turn_before = ("assistant.message", json!({"content": "other"}));
        let events = [of_the_turn_before, ("abort", json!({})), ("session.idle", json!({"aborted": true}))];
        let end = |progress: Progress| {
            let mut progress = progress;
            let end = events.iter().position(|(name, data)| progress.observe(&event(name, data)));
            (end, progress.aborted, progress.kept.len())
        };
        assert_eq!(end(Progress::new("m".into(), false)), (Some(2), true, 0));
        // The CLI had been told to stop before it got the message, which it will begin.
        assert_eq!(end(Progress::new("m".into(), false).after_aborts(1)).0, None);
        // An abort after that one throws the message out.
        let mut progress = Progress::new("m".into(), false).after_aborts(1);
        assert!(!progress.observe(&event("abort", &json!({}))));
        assert_eq!(end(progress), (Some(2), true, 0));
    }

    /// Feeds events for message `m`; the number of events after which the turn is over, and the answer.
    fn run(was_idle: bool, events: &[(&str, Value)]) -> (Option<usize>, Option<String>) {
        let mut progress = Progress::new("m".into(), was_idle);
        let end = events.iter().position(|(name, data)| progress.observe(&event(name, data)));
        let answer = progress.answer().map(|answer| match answer.kind() {
            EventKind::AssistantMessage(message) => message.content.clone(),
            other => panic!("{other:?}"),
        });
        (end.map(|end| end + 1), answer)
    }

    #[test]
    fn who_is_not_logged_in_reads_what_to_do() {
        let failed = |message: &str| {
            let data = json!({"errorType": "query", "message": message, "statusCode": 401});
            let mut progress = Progress::new("m".into(), true);
            progress.observe(&event("session.error", &data));
            progress.error.unwrap().to_string()
        };
        let told = failed("Execution failed: InvalidArg, No GitHub OAuth token or Copilot HMAC key provided");
        assert!(told.contains("`copilot login`") && told.contains("`.provider(..)`"), "{told}");
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
    fn on_an_old_cli_the_next_message_is_ours() {
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
    fn what_came_before_the_message_is_of_the_turn_before() {
        let mut progress = Progress::new("m".into(), false).after_aborts(1);
        for (name, data) in [
            ("assistant.usage", json!({"inputTokens": 10})),
            ("abort", json!({})),
            ("session.idle", json!({"aborted": true})),
            ("user.message", json!({"messageId": "m"})),
        ] {
            assert!(!progress.observe(&event(name, &data)));
        }
        assert_eq!((&progress.usage, progress.aborted, progress.kept.len()), (&Usage::default(), false, 1));
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
        let mut progress = Progress::new("m".into(), true);
        let [begun, mine, next, other] = &events;
        let usage = ("assistant.usage", json!({"inputTokens": 1}));
        for (name, data) in [begun, mine, next, &usage, &("session.info", json!({})), other] {
            progress.observe(&event(name, data));
        }
        // The events of the other message are not of this turn.
        assert_eq!((progress.usage.requests, progress.kept.len()), (0, 2));
    }

    #[test]
    fn a_sub_agent_does_not_decide_which_message_is_answered() {
        let mut progress = Progress::new("m".into(), true);
        for (name, data) in [
            ("user.message", json!({"messageId": "m"})),
            ("assistant.message", json!({"content": "mine", "originatingMessageId": "m"})),
            ("user.message", json!({"messageId": "n"})),
        ] {
            assert!(!progress.observe(&event(name, &data)));
        }
        for id in ["m", "n"] {
            let said = json!({"type": "assistant.message", "id": "", "timestamp": "", "agentId": "a",
                              "data": {"content": "of the sub-agent", "originatingMessageId": id}});
            assert!(!progress.observe(&serde_json::from_str(&said.to_string()).unwrap()), "{id}");
            assert!(progress.in_doubt.is_some(), "{id}");
        }
    }

    #[test]
    fn a_second_message_of_the_user_discards_nothing_of_the_turn() {
        let events = [
            ("user.message", json!({"content": "?"})),
            ("assistant.message", json!({"content": "done"})),
            ("user.message", json!({"content": "of a hook"})),
            ("session.idle", json!({})),
        ];
        for was_idle in [true, false] {
            assert_eq!(run(was_idle, &events), (Some(4), Some("done".into())), "{was_idle}");
        }
        let mut progress = Progress::new("m".into(), true);
        progress.observe(&event("session.warning", &json!({"message": "careful"})));
        progress.observe(&event("user.message", &json!({"messageId": "m"})));
        assert_eq!(progress.kept.len(), 2, "the agent was idle, so the warning is about this message");
    }

    #[test]
    fn a_hook_that_makes_the_agent_go_on_does_not_end_the_turn() {
        let events = [
            ("user.message", json!({"messageId": "m"})),
            ("assistant.message", json!({"content": "done", "originatingMessageId": "m"})),
            ("user.message", json!({"messageId": "h", "delivery": "queued"})),
            ("assistant.usage", json!({"inputTokens": 1})),
            ("assistant.message", json!({"content": "really done", "originatingMessageId": "m"})),
            ("session.idle", json!({})),
        ];
        assert_eq!(run(true, &events), (Some(6), Some("really done".into())));
        let mut progress = Progress::new("m".into(), true);
        for (name, data) in &events {
            progress.observe(&event(name, data));
        }
        assert_eq!((progress.usage.requests, progress.kept.len()), (1, 4));
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
    fn autopilot_goes_on_after_an_idle() {
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
        let begins = || ("user.message", json!({"messageId": "m"}));
        let mut working = vec![begins()];
        for step in ["tool.execution_start", "tool.execution_complete", "assistant.turn_start"].repeat(2) {
            working.extend([error("busy"), (step, json!({}))]);
        }
        assert_eq!(run_both(&working).0, None);
        // A message that calls tools is not the answer.
        let calls = json!({"content": "", "toolRequests": [{"toolCallId": "1", "name": "t"}]});
        assert_eq!(run_both(&[begins(), ("assistant.message", calls), error("a"), error("a")]).0, None);
    }

    #[test]
    fn events_count_by_name_when_their_payloads_cannot_be_read() {
        let mut progress = Progress::new("m".into(), false);
        for (name, data) in [
            ("user.message", json!({"messageId": "other", "content": 7})),
            ("assistant.message", json!({"content": 7, "originatingMessageId": "other"})),
            ("user.message", json!({"messageId": "m", "content": 7})),
            ("assistant.message", json!({"content": 7, "originatingMessageId": "m"})),
            ("session.error", json!({"message": 7, "originatingMessageId": "other"})),
        ] {
            assert!(!progress.observe(&event(name, &data)), "{name}");
        }
        assert!(progress.error.is_none());
        assert!(matches!(progress.answer().unwrap().kind(), EventKind::Invalid(_)));
        assert!(progress.observe(&event("session.idle", &json!({"aborted": 7, "mode": 7}))));
    }

    #[test]
    fn an_answer_that_names_the_message_shows_that_it_has_reached_the_agent() {
        let events = [
            ("assistant.message", json!({"content": "mine", "originatingMessageId": "m"})),
            ("session.idle", json!({})),
        ];
        assert_eq!(run(false, &events), (Some(2), Some("mine".into())));
    }

    #[test]
    fn usage_is_summed() {
        let mut progress = Progress::new("m".into(), true);
        let data = json!({"model": "x", "inputTokens": 10, "outputTokens": 2.0, "cacheReadTokens": 3,
            "cacheWriteTokens": 4, "reasoningTokens": 5, "cost": 1.5, "copilotUsage": {"totalNanoAiu": 7}});
        for _ in 0..3 {
            progress.observe(&event("assistant.usage", &data));
        }
        let sum = progress.usage;
        assert_eq!((sum.requests, sum.input_tokens, sum.output_tokens), (3, 30, 6));
        assert_eq!((sum.cache_read_tokens, sum.cache_write_tokens, sum.reasoning_tokens), (9, 12, 15));
        assert_eq!((sum.cost, sum.ai_units.nano()), (4.5, 21.0));
    }
}
