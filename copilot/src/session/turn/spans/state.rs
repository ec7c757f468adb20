//! The open spans of a session. Fed with events; knows neither the session core nor the connection.

use std::time::Duration;

use tracing::Span;

use super::facts::Facts;
use super::open_turn::{OpenTurn, Stage};
use super::totals::{error_type, failure_type, record_totals};
use crate::error::Error;
use crate::events::{
    AssistantUsage, Event, EventName, ModelCallStart, SubagentStarted, ToolExecutionComplete,
    ToolExecutionStart,
};
use crate::protocol::MessageId;
use crate::session::turn::tracker::{Progress, TurnTracker};
use crate::session::turn::usage::Usage;
use crate::tools::Tool;
use crate::trace::{self, AgentSpan, Operation, ToolSpan, chat, event, fail, invoke_agent};

/// The open spans of a session.
#[derive(Debug, Default)]
pub(super) struct State {
    turns: Vec<OpenTurn>,
    agents: Vec<OpenAgent>,
    calls: Vec<OpenCall>,
    chats: Vec<OpenChat>,
    /// The number of turns so far.
    numbered: u64,
}

/// A sub-agent at work.
#[derive(Debug)]
struct OpenAgent {
    id: String,
    operation: Operation,
    usage: Usage,
}

/// A tool call.
#[derive(Debug)]
struct OpenCall {
    id: String,
    span: Span,
    /// The operation of a tool of the CLI; that of a tool of the program belongs to the task that runs it.
    operation: Option<Operation>,
    /// How long decisions about its permission have taken.
    permission_wait: Option<Duration>,
    /// Whether a task of this program records the end of the call.
    is_run_here: bool,
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if let Some(wait) = self.permission_wait {
            self.span.record("copilot.tool.permission_wait", wait.as_secs_f64());
        }
    }
}

/// A request to a model.
#[derive(Debug)]
struct OpenChat {
    agent: Option<String>,
    operation: Operation,
}

/// Whether an event changes the spans.
pub(super) fn concerns(name: EventName) -> bool {
    matches!(
        name,
        EventName::UserMessage
            | EventName::AssistantTurnStart
            | EventName::AssistantTurnEnd
            | EventName::AssistantMessage
            | EventName::AssistantUsage
            | EventName::ModelCallStart
            | EventName::ModelCallFinished
            | EventName::ModelCallFailure
            | EventName::ToolExecutionStart
            | EventName::ToolExecutionComplete
            | EventName::SubagentStarted
            | EventName::SubagentCompleted
            | EventName::SubagentFailed
            | EventName::SessionError
            | EventName::SessionIdle
            | EventName::Abort
    )
}

impl State {
    /// Adds the turn of a message of the program; returns its number.
    pub(super) fn open(&mut self, operation: Operation) -> u64 {
        self.add(operation, Stage::Unsent)
    }

    fn add(&mut self, operation: Operation, stage: Stage) -> u64 {
        self.numbered += 1;
        let number = self.numbered;
        self.turns.push(OpenTurn { number, operation, stage, error_type: None, provider: None });
        number
    }

    /// The message of a turn is on its way.
    pub(super) fn sent(&mut self, number: u64, was_idle: bool) {
        if let Some(turn) = self.turns.iter_mut().find(|turn| turn.number == number) {
            turn.stage = Stage::Sent { was_idle, early: Vec::new() };
        }
    }

    /// The CLI has accepted the message of a turn.
    pub(super) fn accepted(&mut self, number: u64, message: MessageId, facts: &Facts<'_>) {
        let Some(at) = self.turns.iter().position(|turn| turn.number == number) else { return };
        let turn = &mut self.turns[at];
        let (was_idle, early) = match &mut turn.stage {
            Stage::Sent { was_idle, early } => (*was_idle, std::mem::take(early)),
            _ => (true, Vec::new()),
        };
        turn.operation.span.record("copilot.message.id", message.as_str());
        let is_abort = |event: &&Event| event.event_name() == EventName::Abort && event.agent_id().is_none();
        let aborts = u32::try_from(early.iter().filter(is_abort).count()).unwrap_or(u32::MAX);
        let mut tracker = TurnTracker::new(message, was_idle).after_aborts(aborts);
        let is_over = early.iter().any(|event| tracker.observe(event, |_| false) != Progress::Continues);
        turn.stage = Stage::Accepted(Box::new(tracker));
        if is_over {
            self.turns.remove(at).end(facts.content);
        }
    }

    /// Ends a turn whose message was not accepted. `error_type` is `None` where the program has dropped the request.
    pub(super) fn refused(&mut self, number: u64, error_type: Option<&str>) {
        let is_it = |turn: &OpenTurn| turn.number == number && !matches!(turn.stage, Stage::Accepted(_));
        let Some(at) = self.turns.iter().position(is_it) else { return };
        let mut turn = self.turns.remove(at);
        turn.operation.fail(error_type.unwrap_or("dropped"));
    }

    /// Ends the turn of a message that has failed on the side of the program.
    pub(super) fn failed(&mut self, message: &MessageId, error: &Error) {
        let Some(at) = self.turns.iter().position(|turn| turn.message() == Some(message)) else { return };
        let mut turn = self.turns.remove(at);
        turn.operation.fail(error_type(error));
        turn.end(None);
        self.sweep();
    }

    /// Adds an event to the spans of all turns: the connection was lost. Unless work `continues`, all spans end.
    pub(super) fn interrupted(&mut self, error: &Error, continues: bool) {
        for turn in &self.turns {
            event(&turn.operation.span, "disconnected", Some(error_type(error)));
        }
        if !continues {
            self.close(error);
        }
    }

    /// Adds an event to the spans of all turns: the session was resumed. Turns that do not continue end.
    pub(super) fn restarted(&mut self, cause: &Error, continues: bool) {
        let mut kept = Vec::new();
        for mut turn in std::mem::take(&mut self.turns) {
            event(&turn.operation.span, "restarted", None);
            if continues && turn.has_begun() {
                kept.push(turn);
            } else {
                turn.operation.fail(error_type(cause));
            }
        }
        self.turns = kept;
        self.sweep();
    }

    /// Ends all spans.
    pub(super) fn close(&mut self, cause: &Error) {
        for mut turn in std::mem::take(&mut self.turns) {
            turn.operation.fail(error_type(cause));
        }
        for mut agent in std::mem::take(&mut self.agents) {
            agent.operation.fail(error_type(cause));
        }
        self.sweep();
    }

    /// Ends the spans below turns, once there is no turn.
    fn sweep(&mut self) {
        if !self.turns.iter().any(OpenTurn::has_begun) {
            self.chats.clear();
            self.calls.clear();
            self.agents.clear();
        }
    }

    /// Returns the index of the turn that the agent works on.
    fn current(&self) -> Option<usize> {
        let begun = self.turns.iter().rposition(OpenTurn::has_begun);
        begun.or_else(|| self.turns.iter().position(OpenTurn::is_next))
    }

    /// Returns the span that new work of an agent belongs to. Work that no message of the program has started has a
    /// separate turn.
    pub(super) fn owner(&mut self, agent: Option<&str>, facts: &Facts<'_>) -> Span {
        if let Some(agent) = self.agent(agent)
            && let Some(span) = opened(&self.agents[agent].operation.span)
        {
            return span;
        }
        let at = self.current().unwrap_or_else(|| {
            let stage = Stage::Accepted(Box::new(TurnTracker::of_work_in_progress()));
            self.add(facts.turn(&Span::none(), None), stage);
            self.turns.len() - 1
        });
        self.turns[at].operation.span.clone()
    }

    /// Returns the span of a call, or else that of the agent that is at work.
    pub(super) fn around(&self, call_id: Option<&str>) -> Span {
        let call = call_id.and_then(|id| self.calls.iter().find(|call| call.id == id));
        match call.and_then(|call| opened(&call.span)) {
            Some(span) => span,
            None => self.current().map_or_else(Span::none, |at| self.turns[at].operation.span.clone()),
        }
    }

    fn agent(&self, id: Option<&str>) -> Option<usize> {
        let id = id?;
        self.agents.iter().position(|agent| agent.id == id)
    }

    /// Returns the span of a call of the program's tools, which is opened unless it is open.
    pub(super) fn own_call(
        &mut self,
        id: &str,
        agent: Option<&str>,
        facts: &Facts<'_>,
        open: impl FnOnce(&Span) -> Span,
    ) -> Span {
        if let Some(call) = self.calls.iter_mut().find(|call| call.id == id) {
            call.is_run_here = true;
            return call.span.clone();
        }
        let span = open(&self.owner(agent, facts));
        self.calls.push(OpenCall {
            id: id.to_owned(),
            span: span.clone(),
            operation: None,
            permission_wait: None,
            is_run_here: true,
        });
        span
    }

    /// Adds to the time that a call has waited for its permission.
    pub(super) fn waited(&mut self, call_id: &str, time: Duration) {
        if let Some(call) = self.calls.iter_mut().find(|call| call.id == call_id) {
            *call.permission_wait.get_or_insert_default() += time;
        }
    }

    /// Applies an event. `own_tool` finds a tool of the program.
    pub(super) fn observe(
        &mut self,
        event: &Event,
        facts: &Facts<'_>,
        own_tool: impl FnOnce(&str) -> Option<Tool>,
    ) {
        let mut ended: Vec<u64> = Vec::new();
        let sent: Vec<_> = match event.event_name() {
            EventName::UserMessage => self.turns.iter().filter_map(|turn| turn.message().cloned()).collect(),
            _ => Vec::new(),
        };
        for turn in &mut self.turns {
            if turn.observe(event, &sent) {
                ended.push(turn.number);
            }
        }
        let agent = event.agent_id();
        match event.event_name() {
            EventName::AssistantTurnStart => drop(self.owner(agent, facts)),
            EventName::AssistantTurnEnd => drop(self.take_chat(agent)),
            EventName::ModelCallStart => {
                if let Some(Ok(call)) = event.model_call_start() {
                    self.chat_started(call, agent, facts);
                }
            }
            EventName::AssistantUsage => {
                if let Some(Ok(usage)) = event.assistant_usage() {
                    self.used(event, usage, facts);
                }
            }
            EventName::ModelCallFinished => {
                if let Some(Ok(finished)) = event.model_call_finished()
                    && let Some(mut chat) = self.take_chat(agent)
                    && finished.outcome != "success"
                {
                    chat.operation.fail(&finished.outcome);
                }
            }
            EventName::ModelCallFailure => {
                if let Some(Ok(failure)) = event.model_call_failure()
                    && let Some(mut chat) = self.take_chat(agent)
                {
                    chat.operation.fail(&failure_type(failure));
                }
            }
            EventName::ToolExecutionStart => {
                if let Some(Ok(start)) = event.tool_execution_start() {
                    self.tool_started(start, agent, facts, own_tool);
                }
            }
            EventName::ToolExecutionComplete => {
                if let Some(Ok(complete)) = event.tool_execution_complete() {
                    self.tool_completed(complete, facts);
                }
            }
            EventName::SubagentStarted => {
                if let Some(Ok(started)) = event.subagent_started() {
                    self.agent_started(started, agent, facts);
                }
            }
            EventName::SubagentCompleted | EventName::SubagentFailed => {
                if let Some(at) = self.agent(agent) {
                    let mut agent = self.agents.remove(at);
                    record_totals(&agent.operation.span, &agent.usage);
                    if event.event_name() == EventName::SubagentFailed {
                        agent.operation.fail("agent");
                    }
                }
            }
            EventName::SessionError if agent.is_none() => {
                if let (Some(Ok(error)), Some(at)) = (event.session_error(), self.current()) {
                    self.turns[at].error_type = Some(error.error_type.clone());
                }
            }
            _ => {}
        }
        for number in ended {
            if let Some(at) = self.turns.iter().position(|turn| turn.number == number) {
                self.turns.remove(at).end(facts.content);
            }
        }
        if matches!(event.event_name(), EventName::SessionIdle) {
            self.sweep();
        }
    }

    fn chat_started(&mut self, call: &ModelCallStart, agent: Option<&str>, facts: &Facts<'_>) {
        let parent = self.owner(agent, facts);
        let model = call.model.as_deref();
        let mut operation = self.chat(&parent, agent, model, facts);
        operation.label(|labels| labels.request_model = model.map(str::to_owned));
        self.chats.push(OpenChat { agent: agent.map(str::to_owned), operation });
    }

    fn chat(&self, parent: &Span, agent: Option<&str>, model: Option<&str>, facts: &Facts<'_>) -> Operation {
        let span = facts.unless_of_cli(|| chat(parent, facts.conversation, agent, model));
        Operation::new(span, &facts.observation.recorder, "chat")
    }

    fn take_chat(&mut self, agent: Option<&str>) -> Option<OpenChat> {
        let at = self.chats.iter().position(|chat| chat.agent.as_deref() == agent)?;
        Some(self.chats.remove(at))
    }

    /// A request to a model has ended. CLIs that do not report its start have a span that begins with its end.
    fn used(&mut self, event: &Event, usage: &AssistantUsage, facts: &Facts<'_>) {
        let agent = event.agent_id();
        let provider = trace::provider(usage);
        if let Some(at) = self.agent(agent) {
            let agent = &mut self.agents[at];
            agent.usage.add(event);
            agent.operation.span.record("gen_ai.provider.name", provider);
            agent.operation.label(|labels| labels.provider = Some(provider.to_owned()));
        } else if let Some(at) = self.current() {
            let turn = &mut self.turns[at];
            if turn.provider.is_none() {
                turn.operation.span.record("gen_ai.provider.name", provider);
                turn.provider = Some(provider.to_owned());
                turn.operation.label(|labels| labels.provider = Some(provider.to_owned()));
            }
        }
        if let Some(chat) = self.chats.iter_mut().find(|chat| chat.agent.as_deref() == agent) {
            return chat.operation.used(usage);
        }
        let parent = self.owner(agent, facts);
        let mut operation = self.chat(&parent, agent, Some(&usage.model), facts);
        operation.used(usage);
        if let Some(duration) = usage.duration {
            let seconds = Duration::from_millis(duration).as_secs_f64();
            operation.span.record("copilot.duration", seconds);
        }
    }

    fn tool_started(
        &mut self,
        start: &ToolExecutionStart,
        agent: Option<&str>,
        facts: &Facts<'_>,
        own_tool: impl FnOnce(&str) -> Option<Tool>,
    ) {
        let parent = self.owner(agent, facts);
        let id = start.tool_call_id.as_str();
        if self.calls.iter().any(|call| call.id == id) {
            return;
        }
        let own = own_tool(&start.tool_name);
        // Its parent is the span of the CLI, which comes with the request of the call.
        if own.is_some() && facts.observation.cli_spans {
            return;
        }
        let arguments = facts.content.map(|content| content.text(&start.arguments.to_string()));
        let (span, operation) = match own {
            Some(tool) => (tool.open_span(&parent, facts.conversation, id, agent, arguments), None),
            None => {
                let description = start.tool_description.as_ref();
                let span = facts.unless_of_cli(|| {
                    let of = ToolSpan {
                        tool: &start.tool_name,
                        call_id: id,
                        conversation: facts.conversation,
                        agent_id: agent,
                        description: description.and_then(|tool| tool.description.as_deref()),
                        mcp_server: start.mcp_server_name.as_deref(),
                        arguments,
                        ..ToolSpan::default()
                    };
                    of.open(&parent)
                });
                let mut operation = Operation::new(span.clone(), &facts.observation.recorder, "execute_tool");
                operation.label(|labels| labels.tool = Some(start.tool_name.clone()));
                (span, Some(operation))
            }
        };
        let id = id.to_owned();
        self.calls.push(OpenCall { id, span, operation, permission_wait: None, is_run_here: false });
    }

    fn tool_completed(&mut self, complete: &ToolExecutionComplete, facts: &Facts<'_>) {
        let id = complete.tool_call_id.as_str();
        let Some(at) = self.calls.iter().position(|call| call.id == id) else { return };
        let mut call = self.calls.remove(at);
        if call.is_run_here {
            return;
        }
        let code = complete.error.as_ref().and_then(|error| error.code.as_deref());
        let failed = (!complete.success).then(|| code.unwrap_or("failure"));
        call.span.record("copilot.tool.result_type", failed.unwrap_or("success"));
        if let (Some(content), Some(result)) = (facts.content, &complete.result) {
            call.span.record("gen_ai.tool.call.result", content.text(&result.content));
        }
        match (failed, &mut call.operation) {
            (Some(failed), Some(operation)) => operation.fail(failed),
            // The CLI has refused a call of a tool of the program.
            (Some(failed), None) => fail(&call.span, Some(failed)),
            (None, _) => {}
        }
    }

    fn agent_started(&mut self, started: &SubagentStarted, agent: Option<&str>, facts: &Facts<'_>) {
        let Some(id) = agent.filter(|id| self.agent(Some(id)).is_none()) else { return };
        let call = self.calls.iter().find(|call| call.id == started.tool_call_id.as_str());
        let parent = match call.and_then(|call| opened(&call.span)) {
            Some(span) => span,
            None => self.owner(started.parent_id.as_deref(), facts),
        };
        let span = AgentSpan {
            parent: &parent,
            name: &started.agent_name,
            agent_id: Some(id),
            conversation: facts.conversation,
            model: started.model.as_deref(),
            input: None,
        };
        let span = facts.unless_of_cli(|| invoke_agent(&span));
        let mut operation = Operation::new(span, &facts.observation.recorder, "invoke_agent");
        operation.label(|labels| labels.request_model.clone_from(&started.model));
        self.agents.push(OpenAgent { id: id.to_owned(), operation, usage: Usage::default() });
    }
}

/// Returns a span, unless the CLI has it instead of the library.
fn opened(span: &Span) -> Option<Span> {
    (!span.is_disabled()).then(|| span.clone())
}
