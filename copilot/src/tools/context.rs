//! What a tool may know and do while it runs.

use std::any::TypeId;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use futures_core::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::cancel::{Cancellation, Flag};
use super::def::Tool;
use super::state::{Need, State, StateMap};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{SessionId, ToolCallId};

/// The call that a tool answers: write `cx: &ToolContext` as a parameter to get it.
///
/// Clones cheaply.
#[derive(Clone)]
pub struct ToolContext(Arc<Call>);

struct Call {
    tool: Tool,
    invocation: Invocation,
    /// Set when the call is stopped from within: its time is over, or its future is dropped. Apart from the
    /// invocation's token, which says that nobody waits for an answer.
    stopped: Flag,
}

/// One call of a tool, as the session hands it over.
pub(crate) struct Invocation {
    pub(crate) session_id: SessionId,
    pub(crate) call_id: ToolCallId,
    pub(crate) agent_id: Option<Box<str>>,
    pub(crate) working_directory: Option<Box<str>>,
    pub(crate) traceparent: Option<Box<str>>,
    pub(crate) tracestate: Option<Box<str>>,
    pub(crate) arguments: Option<Box<RawValue>>,
    pub(crate) states: Arc<StateMap>,
    pub(crate) host: Arc<dyn ToolHost>,
    pub(crate) cancel: Cancellation,
    /// Whether the model reads foreign errors, unless the tool says so itself.
    pub(crate) errors_visible: bool,
}

/// What a running tool asks of its session.
pub(crate) trait ToolHost: Send + Sync {
    /// Tells the program's own listeners how far a call is; best effort.
    fn progress(&self, call: &ToolCallId, tool: &str, fraction: Option<f64>, message: &str);
    /// Writes to the session's log; best effort.
    fn log(&self, level: &str, message: &str);
    /// Calls a method of the CLI for this session.
    fn call(&self, method: String, params: Box<RawValue>) -> BoxFuture<'_, Result<Box<RawValue>>>;
    /// Asks whoever sits in front of the session.
    fn ask_user(&self, question: String, choices: Vec<String>) -> BoxFuture<'_, Result<String>>;
}

impl ToolContext {
    pub(crate) fn new(tool: Tool, invocation: Invocation) -> Self {
        Self(Arc::new(Call { tool, invocation, stopped: Flag::default() }))
    }

    /// The session whose agent called.
    pub fn session_id(&self) -> &SessionId {
        &self.0.invocation.session_id
    }

    /// This call, as the model numbered it.
    pub fn call_id(&self) -> &ToolCallId {
        &self.0.invocation.call_id
    }

    /// The name of the called tool.
    pub fn tool(&self) -> &str {
        self.0.tool.name()
    }

    /// The sub-agent that called; `None` for the session's main agent.
    pub fn agent_id(&self) -> Option<&str> {
        self.0.invocation.agent_id.as_deref()
    }

    /// The directory that the agent works in, if the CLI told it.
    pub fn working_dir(&self) -> Option<&str> {
        self.0.invocation.working_directory.as_deref()
    }

    /// The W3C trace context of the call: `traceparent` and `tracestate`.
    pub fn trace(&self) -> Option<(&str, Option<&str>)> {
        let invocation = &self.0.invocation;
        Some((invocation.traceparent.as_deref()?, invocation.tracestate.as_deref()))
    }

    /// Tells listeners of the session how far the call is, from 0 to 1, as
    /// [`EventKind::ToolProgress`](crate::EventKind::ToolProgress); the model does not see it.
    pub fn progress(&self, fraction: f64, message: impl AsRef<str>) {
        self.0.invocation.host.progress(self.call_id(), self.tool(), Some(fraction), message.as_ref());
    }

    /// Writes a line to the session's log, which users of the CLI can read; the model does not see it.
    ///
    /// Wire: `session.log`, to the CLI; best effort.
    pub fn log(&self, message: impl AsRef<str>) {
        self.0.invocation.host.log("info", message.as_ref());
    }

    /// Whether nobody waits for this call any more.
    pub fn is_cancelled(&self) -> bool {
        self.0.stopped.is_set() || self.0.invocation.cancel.is_cancelled()
    }

    /// Returns once nobody waits for this call any more: it was aborted, answered elsewhere or timed out, or the
    /// session ended. The call's future is dropped shortly after that.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future changes nothing.
    pub async fn cancelled(&self) {
        let mut stopped = pin!(self.0.stopped.wait());
        let mut cancelled = pin!(self.0.invocation.cancel.cancelled());
        poll_fn(|cx| match stopped.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => cancelled.as_mut().poll(cx),
        })
        .await;
    }

    /// Asks whoever sits in front of the session, through its user-input handler.
    ///
    /// # Errors
    ///
    /// When the session has no such handler, or the question was dismissed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops that of the handler.
    pub async fn ask_user(
        &self,
        question: impl Into<String>,
        choices: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<String> {
        let choices = choices.into_iter().map(Into::into).collect();
        self.0.invocation.host.ask_user(question.into(), choices).await
    }

    /// Calls a method of the CLI for this session, for what has no method of its own here.
    ///
    /// # Errors
    ///
    /// When `params` cannot be written as JSON, the CLI refuses, or its answer is not an `R`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the CLI may still do what it was asked.
    ///
    /// Wire: `method`, to the CLI.
    pub async fn call<P: Serialize, R: DeserializeOwned>(&self, method: &str, params: P) -> Result<R> {
        let params = serde_json::value::to_raw_value(&params).map_err(|error| {
            Error::with_source(ErrorKind::Config, format!("the parameters of `{method}` are not JSON"), error)
        })?;
        let answer = self.0.invocation.host.call(method.to_owned(), params).await?;
        serde_json::from_str(answer.get()).map_err(|error| {
            let message = format!("the answer to `{method}` does not have the expected shape");
            Error::with_source(ErrorKind::Decode, message, error)
        })
    }

    /// The state of type `T` that the program gave to the session.
    ///
    /// A lazily built state that is not there yet is built here, and blocks the thread meanwhile; a parameter of type
    /// [`State<T>`](crate::State) has it built on the pool for blocking work.
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<State<T>> {
        match self.0.tool.own_value(TypeId::of::<T>()) {
            Some(value) => Arc::clone(value).downcast().ok().map(State::from_arc),
            None => self.0.invocation.states.get(),
        }
    }

    /// Whether the tool needs a state that is built lazily, and is not there yet.
    pub(crate) fn has_unbuilt_state(&self) -> bool {
        self.needs().iter().any(|need| self.0.invocation.states.is_unbuilt(need))
    }

    /// Builds the states that the tool needs. Blocks for as long as that takes.
    pub(crate) fn build_states(&self) {
        self.needs().iter().for_each(|need| self.0.invocation.states.build(need));
    }

    fn needs(&self) -> &[Need] {
        self.0.tool.compiled().map_or(&[], |compiled| &compiled.arguments.needs)
    }

    pub(crate) fn tool_handle(&self) -> &Tool {
        &self.0.tool
    }

    pub(crate) fn arguments(&self) -> &str {
        self.0.invocation.arguments.as_deref().map_or("{}", RawValue::get)
    }

    /// Whether the model reads foreign errors.
    pub(crate) fn errors_visible(&self) -> bool {
        self.0.tool.def().errors_visible.unwrap_or(self.0.invocation.errors_visible)
    }

    /// The token that says that nobody waits for an answer.
    pub(crate) fn cancellation(&self) -> &Cancellation {
        &self.0.invocation.cancel
    }

    /// Tells the tool to stop.
    pub(crate) fn stop(&self) {
        self.0.stopped.set();
    }
}

impl fmt::Debug for ToolContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolContext")
            .field("tool", &self.tool())
            .field("call_id", &self.0.invocation.call_id)
            .field("session_id", &self.0.invocation.session_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation")
            .field("call_id", &self.call_id)
            .field("session_id", &self.session_id)
            .finish_non_exhaustive()
    }
}
