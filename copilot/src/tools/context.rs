//! The context of a running tool call.

use std::any::{Any, TypeId};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_core::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{RequestId, SessionId, ToolCallId};
use crate::task::{CancellationToken, Flag};
use crate::tools::output::ticket::TicketRecord;
use crate::tools::state::{Need, State, StateMap};

/// The context of a tool call. A tool with a parameter `cx: &ToolContext` receives it.
///
/// Clones are cheap and share the call.
#[derive(Clone)]
pub struct ToolContext(Arc<Call<dyn CalledTool>>);

struct Call<T: ?Sized> {
    invocation: Invocation,
    /// Set when the library stops the call: it timed out, or its future was dropped. The invocation's token, in
    /// contrast, is cancelled when the CLI no longer needs the result.
    stopped: Flag,
    /// The reason why the function did not end by itself, as an [`Unfinished`]; zero for none.
    unfinished: AtomicU8,
    tool: T,
}

/// The reason why the function of a call did not end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Unfinished {
    /// The arguments do not fit.
    Refused = 1,
    Cancelled = 2,
}

/// The called tool, as far as its context uses it.
pub(crate) trait CalledTool: Send + Sync {
    /// Returns the name that the model uses.
    fn name(&self) -> &str;
    /// Returns the group that selections refer to.
    fn group(&self) -> Option<&str>;
    /// Returns the `Arc` of the value that the method of a toolset is bound to, if the value has that type.
    fn bound_value(&self, type_id: TypeId) -> Option<&Arc<dyn Any + Send + Sync>>;
    /// Returns the states that the tool needs.
    fn needs(&self) -> &[Need];
}

/// A tool call of a session.
pub(crate) struct Invocation {
    pub(crate) session_id: SessionId,
    pub(crate) call_id: ToolCallId,
    /// The id under which the CLI waits for the result; `None` where the call cannot stay open.
    pub(crate) request_id: Option<RequestId>,
    pub(crate) agent_id: Option<Box<str>>,
    pub(crate) working_directory: Option<Box<str>>,
    pub(crate) traceparent: Option<Box<str>>,
    pub(crate) tracestate: Option<Box<str>>,
    pub(crate) arguments: Option<Box<RawValue>>,
    pub(crate) states: Arc<StateMap>,
    pub(crate) host: Arc<dyn ToolHost>,
    pub(crate) cancel: CancellationToken,
    /// Whether the model reads the text of foreign errors, unless the tool sets it.
    pub(crate) errors_visible: bool,
    /// Whether the function runs on the pool for blocking work, where it cannot be stopped. `false` at the beginning.
    pub(crate) on_thread: AtomicBool,
}

/// The session, as far as a running tool uses it.
pub(crate) trait ToolHost: Send + Sync {
    /// Emits a progress event to the session's subscribers; best effort.
    fn progress(&self, call: &ToolCallId, tool: &str, fraction: Option<f64>, message: &str);
    /// Writes to the session's log; best effort.
    fn log(&self, level: &str, message: &str);
    /// Sends a request of this session to the CLI.
    fn call(&self, method: String, params: Box<RawValue>) -> BoxFuture<'_, Result<Box<RawValue>>>;
    /// Makes a call survive the end of the program and of the CLI, and marks it as one that may stay open.
    fn reserve(&self, record: Arc<TicketRecord>) -> BoxFuture<'_, Result<()>>;
    /// Returns the timeout of the tools of a group that set none.
    fn timeout(&self, group: Option<&str>) -> Duration;
    /// Calls the session's user-input handler.
    fn ask_user(&self, question: String, choices: Vec<String>) -> BoxFuture<'_, Result<String>>;
}

impl ToolContext {
    pub(crate) fn new(tool: impl CalledTool + 'static, invocation: Invocation) -> Self {
        Self(Arc::new(Call { invocation, stopped: Flag::default(), unfinished: AtomicU8::new(0), tool }))
    }

    /// Returns the id of the session that called the tool.
    pub fn session_id(&self) -> &SessionId {
        &self.0.invocation.session_id
    }

    /// Returns the id of this call, assigned by the model.
    pub fn call_id(&self) -> &ToolCallId {
        &self.0.invocation.call_id
    }

    /// Returns the name of the called tool.
    pub fn tool(&self) -> &str {
        self.0.tool.name()
    }

    /// Returns the id of the calling sub-agent; `None` for the session's main agent.
    pub fn agent_id(&self) -> Option<&str> {
        self.0.invocation.agent_id.as_deref()
    }

    /// Returns the working directory of the agent; `None` when the CLI did not send it.
    pub fn working_dir(&self) -> Option<&str> {
        self.0.invocation.working_directory.as_deref()
    }

    /// Returns the W3C trace context of the call, `traceparent` and `tracestate`; `None` when the CLI sent none.
    pub fn trace(&self) -> Option<(&str, Option<&str>)> {
        let invocation = &self.0.invocation;
        Some((invocation.traceparent.as_deref()?, invocation.tracestate.as_deref()))
    }

    /// Reports progress to the session's subscribers, as [`EventKind::ToolProgress`](crate::EventKind::ToolProgress).
    /// `fraction` is from 0 to 1; a value outside becomes the nearest one, and one that is not finite, such as that of
    /// `0.0 / 0.0`, counts as unknown. The model does not see it.
    ///
    /// An MCP client reads it if it asked for the progress. There, a message whose fraction is unknown, or is not above
    /// the last one of the call, is a line of the log.
    pub fn progress(&self, fraction: f64, message: impl AsRef<str>) {
        let fraction = fraction.is_finite().then(|| fraction.clamp(0.0, 1.0));
        self.0.invocation.host.progress(self.call_id(), self.tool(), fraction, message.as_ref());
    }

    /// Writes a line to the session's log, which users of the CLI can read. The model does not see it.
    ///
    /// Wire: `session.log`, to the CLI; best effort.
    pub fn log(&self, message: impl AsRef<str>) {
        self.0.invocation.host.log("info", message.as_ref());
    }

    /// Returns whether the call was cancelled; see [`cancelled`](Self::cancelled). A synchronous tool cannot be stopped,
    /// so one that takes long asks this from time to time and returns.
    pub fn is_cancelled(&self) -> bool {
        self.0.stopped.is_set() || self.0.invocation.cancel.is_cancelled()
    }

    /// Completes when the call is cancelled: it was aborted, answered by another client or timed out, or the session
    /// ended. The call's future is dropped shortly afterwards.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future has no effect.
    pub async fn cancelled(&self) {
        let mut stopped = pin!(self.0.stopped.wait());
        let mut cancelled = pin!(self.0.invocation.cancel.cancelled());
        poll_fn(|cx| match stopped.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => cancelled.as_mut().poll(cx),
        })
        .await;
    }

    /// Asks the user a question through the session's user-input handler, and returns the answer.
    ///
    /// # Errors
    ///
    /// Returns an error if the session has no such handler, or the user dismissed the question.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the handler's future.
    pub async fn ask_user(
        &self,
        question: impl Into<String>,
        choices: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<String> {
        let choices = choices.into_iter().map(Into::into).collect();
        self.0.invocation.host.ask_user(question.into(), choices).await
    }

    /// Sends a request of this session to the CLI, for methods that the library does not wrap.
    ///
    /// # Errors
    ///
    /// Returns an error if `params` cannot be serialized, the CLI returns an error, or its result cannot be
    /// deserialized as `R`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future discards the response. Once polled, the request may still take effect.
    ///
    /// Wire: `method`, to the CLI.
    pub async fn call<P: Serialize, R: DeserializeOwned>(&self, method: &str, params: P) -> Result<R> {
        let params = serde_json::value::to_raw_value(&params).map_err(|error| {
            Error::with_source(
                ErrorKind::InvalidInput,
                format!("cannot serialize the parameters of `{method}`"),
                error,
            )
        })?;
        let answer = self.0.invocation.host.call(method.to_owned(), params).await?;
        serde_json::from_str(answer.get()).map_err(|error| {
            let message = format!("cannot decode the result of `{method}`");
            Error::with_source(ErrorKind::Decode, message, error)
        })
    }

    /// Returns the session's state of type `T`; `None` when the session has none.
    ///
    /// A lazily built state that does not exist yet is built here, and blocks the thread meanwhile; for a parameter of
    /// type [`State<T>`](crate::State) it is built on the pool for blocking work.
    pub fn state<T: Send + Sync + ?Sized + 'static>(&self) -> Option<State<T>> {
        match self.0.tool.bound_value(TypeId::of::<T>()) {
            Some(value) => value.downcast_ref().cloned().map(State::from_arc),
            None => self.0.invocation.states.get(),
        }
    }

    /// Returns whether the tool needs a lazily built state that does not exist yet.
    pub(crate) fn has_unbuilt_state(&self) -> bool {
        self.0.tool.needs().iter().any(|need| self.0.invocation.states.is_unbuilt(need))
    }

    /// Builds the states that the tool needs. Blocks the thread meanwhile.
    pub(crate) fn build_states(&self) {
        self.0.tool.needs().iter().for_each(|need| self.0.invocation.states.build(need));
    }

    /// Returns the id under which the CLI waits for the result; `None` where the call cannot stay open.
    pub(crate) fn request_id(&self) -> Option<&RequestId> {
        self.0.invocation.request_id.as_ref()
    }

    /// Makes the call survive the end of the program and of the CLI, and marks it as one that may stay open.
    pub(crate) async fn reserve(&self, record: Arc<TicketRecord>) -> Result<()> {
        self.0.invocation.host.reserve(record).await
    }

    /// Returns the arguments object as JSON.
    pub(crate) fn arguments(&self) -> &str {
        self.0.invocation.arguments.as_deref().map_or("{}", RawValue::get)
    }

    /// Returns whether the model reads the text of foreign errors, unless the tool sets it.
    pub(crate) fn errors_visible(&self) -> bool {
        self.0.invocation.errors_visible
    }

    /// Returns the timeout of each attempt, unless the tool sets one.
    pub(crate) fn timeout(&self) -> Duration {
        self.0.invocation.host.timeout(self.0.tool.group())
    }

    /// Returns the token that is cancelled when the CLI no longer needs the result.
    pub(crate) fn cancellation(&self) -> &CancellationToken {
        &self.0.invocation.cancel
    }

    /// Returns whether the function is running on the pool for blocking work.
    pub(crate) fn is_on_thread(&self) -> bool {
        self.0.invocation.on_thread.load(Ordering::Relaxed)
    }

    pub(crate) fn set_on_thread(&self, on_thread: bool) {
        self.0.invocation.on_thread.store(on_thread, Ordering::Relaxed);
    }

    /// Returns why the function did not end by itself.
    pub(crate) fn unfinished(&self) -> Option<Unfinished> {
        let noted = self.0.unfinished.load(Ordering::Relaxed);
        [Unfinished::Refused, Unfinished::Cancelled].into_iter().find(|reason| *reason as u8 == noted)
    }

    pub(crate) fn set_unfinished(&self, reason: Unfinished) {
        self.0.unfinished.store(reason as u8, Ordering::Relaxed);
    }

    /// Requests that the tool stops.
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
