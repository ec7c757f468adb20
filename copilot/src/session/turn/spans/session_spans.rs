//! The spans of a session, for its core: created when the first subscriber or meter is interested.

use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::time::Instant;
use tracing::Span;

use super::facts::Facts;
use super::state::{State, concerns};
use crate::error::Error;
use crate::events::{Event, EventHead, Restarted};
use crate::metrics::{Recorder, ToolCall};
use crate::protocol::{MessageId, SessionId};
use crate::session::permissions::decision::Decision;
use crate::task::lock;
use crate::tools::{Tool, ToolResult};
use crate::trace::{self, Failure, Observation, Operation};

/// The spans of a session.
pub(crate) struct SessionSpans {
    observation: Arc<Observation>,
    state: Mutex<Option<Box<State>>>,
}

impl SessionSpans {
    /// `secrets` are those in the settings of the session; they are read only where content is recorded.
    pub(in crate::session) fn new(
        observation: Arc<Observation>,
        secrets: impl FnOnce() -> Vec<String>,
    ) -> Self {
        let observation = match &observation.content {
            Some(_) => Arc::new(observation.with_secrets(secrets())),
            None => observation,
        };
        Self { observation, state: Mutex::default() }
    }

    /// Returns whether spans or measurements are wanted.
    pub(crate) fn is_on(&self) -> bool {
        self.observation.is_on()
    }

    pub(in crate::session) fn recorder(&self) -> &Recorder {
        &self.observation.recorder
    }

    pub(super) fn observation(&self) -> &Observation {
        &self.observation
    }

    /// Changes the state, which is created where there is none.
    pub(super) fn with<T>(
        &self,
        session: &SessionId,
        model: Option<&str>,
        change: impl FnOnce(&mut State, &Facts<'_>) -> T,
    ) -> T {
        let facts = Facts {
            observation: &self.observation,
            content: self.observation.content.as_ref(),
            conversation: session.as_str(),
            model,
        };
        change(lock(&self.state).get_or_insert_default(), &facts)
    }

    /// Changes the state, if there is one.
    pub(super) fn existing(&self, change: impl FnOnce(&mut State)) {
        if let Some(state) = lock(&self.state).as_deref_mut() {
            change(state);
        }
    }

    /// Applies an event. Runs on the reader's task, before the subscribers receive the event.
    pub(in crate::session) fn observe(
        &self,
        session: &SessionId,
        head: &EventHead<'_>,
        own_tool: impl FnOnce(&str) -> Option<Tool>,
    ) {
        if concerns(head.name()) && self.is_on() {
            let event = Event::new(head);
            self.with(session, None, |state, facts| state.observe(&event, facts, own_tool));
        }
    }

    /// Ends the span of a turn that has failed on the side of the program, as with a time limit.
    pub(in crate::session) fn turn_failed(&self, message: &MessageId, error: &Error) {
        self.existing(|state| state.failed(message, error));
    }

    /// The connection was lost; work may `continue` when it is restored.
    pub(in crate::session) fn interrupted(&self, cause: &Error, continues: bool) {
        self.existing(|state| state.interrupted(cause, continues));
    }

    /// The session was resumed on a restarted CLI.
    pub(in crate::session) fn restarted(&self, restarted: &Restarted) {
        self.existing(|state| state.restarted(&restarted.cause, !restarted.continued.is_empty()));
    }

    /// The session, or its connection, has ended.
    pub(in crate::session) fn close(&self, cause: &Error) {
        if let Some(mut state) = lock(&self.state).take() {
            state.close(cause);
        }
    }

    /// Opens the span of a call of a handler of the program. `trace` is the context that the CLI has sent with the question.
    pub(in crate::session) fn handler(
        &self,
        session: &SessionId,
        setter: &str,
        call_id: Option<&str>,
        trace: Option<(&str, Option<&str>)>,
    ) -> Span {
        if !trace::is_enabled() {
            return Span::none();
        }
        let mut parent = Span::none();
        self.existing(|state| parent = state.around(call_id));
        let span = trace::handler(&parent, session.as_str(), setter, call_id);
        self.observation.extract(&span, trace);
        span
    }

    /// Opens the span of a decision about a permission.
    pub(in crate::session) fn permission(
        &self,
        session: &SessionId,
        kind: &dyn fmt::Display,
        call_id: Option<&str>,
    ) -> Deciding {
        if !trace::is_enabled() {
            return Deciding(None);
        }
        let mut parent = Span::none();
        self.existing(|state| parent = state.around(call_id));
        let span = trace::permission(&parent, session.as_str(), &kind.to_string(), call_id);
        Deciding(Some(Box::new(Decided { span, since: Instant::now(), call_id: call_id.map(str::to_owned) })))
    }

    /// Opens the span of a call of a tool of the program, unless the start of its execution has opened it. `trace` is the
    /// context that the CLI has sent with the call.
    pub(in crate::session) fn call(&self, session: &SessionId, tool: &Tool, call: &OwnCall<'_>) -> CallWork {
        if !self.is_on() {
            return CallWork::default();
        }
        let span = self.with(session, None, |state, facts| {
            state.own_call(call.id, call.agent, facts, |parent| {
                let arguments = facts.content.map(|content| content.text(call.arguments.unwrap_or("{}")));
                let span = tool.open_span(parent, facts.conversation, call.id, call.agent, arguments);
                facts.observation.extract(&span, call.trace);
                span
            })
        });
        let mut operation = Operation::new(span, self.recorder(), "execute_tool");
        operation.label(|labels| labels.tool = Some(tool.name().to_owned()));
        CallWork(Some(Box::new(Working { operation, _running: self.recorder().tool_call() })))
    }

    /// Records the end of a call.
    pub(in crate::session) fn called(
        &self,
        work: &mut CallWork,
        result: &ToolResult,
        failure: Option<Failure>,
    ) {
        let Some(Working { operation, .. }) = work.0.as_deref_mut() else { return };
        let result_type = result.result_type().as_str();
        let text = self.observation.content.as_ref().map(|content| content.text(result.text()));
        trace::tool_ended(&operation.span, result_type, failure, text);
        if !matches!(result_type, "success" | "deferred") {
            operation.label(|labels| labels.error_type = Some(result_type.to_owned()));
        }
    }
}

impl fmt::Debug for SessionSpans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionSpans").field("observation", &self.observation).finish_non_exhaustive()
    }
}

/// A call of a tool of the program, as the CLI has requested it.
pub(in crate::session) struct OwnCall<'a> {
    pub(in crate::session) id: &'a str,
    pub(in crate::session) agent: Option<&'a str>,
    pub(in crate::session) arguments: Option<&'a str>,
    pub(in crate::session) trace: Option<(&'a str, Option<&'a str>)>,
}

/// The span and the measurements of a running call; nothing where nothing is observed.
#[derive(Debug, Default)]
pub(in crate::session) struct CallWork(Option<Box<Working>>);

#[derive(Debug)]
struct Working {
    operation: Operation,
    _running: ToolCall,
}

impl CallWork {
    pub(in crate::session) fn span(&self) -> Span {
        self.0.as_ref().map_or_else(Span::none, |working| working.operation.span.clone())
    }
}

/// A decision about a permission, on its way; nothing where nothing is observed.
#[derive(Debug, Default)]
pub(in crate::session) struct Deciding(Option<Box<Decided>>);

#[derive(Debug)]
struct Decided {
    span: Span,
    since: Instant,
    call_id: Option<String>,
}

impl Deciding {
    pub(in crate::session) fn span(&self) -> Span {
        self.0.as_ref().map_or_else(Span::none, |decided| decided.span.clone())
    }

    /// Records the decision, and the time that the call has waited for it.
    pub(in crate::session) fn decided(self, spans: &SessionSpans, decision: &Decision) {
        let Some(decided) = self.0 else { return };
        decided.span.record("copilot.permission.decision", decision.name());
        if let Some(call_id) = &decided.call_id {
            spans.existing(|state| state.waited(call_id, decided.since.elapsed()));
        }
    }
}
