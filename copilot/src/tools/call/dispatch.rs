//! Runs a tool for one call. Every call has a result, whatever the tool does: invalid arguments, an error, a panic, a
//! cancellation and a timeout each have theirs.
//!
//! Spawns no task: the future of [`Tool::call`] does all the work when it is polled.

use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::future::BoxFuture;
use tokio::sync::Semaphore;
use tracing::Span;

use crate::contain::{self, Contained};
use crate::tools::arguments::suggest::suggest;
use crate::tools::call::start::{Blocking, Decoded, Held, on_blocking_pool, panicked, start};
#[cfg(any(test, feature = "mcp", feature = "testing", feature = "toolbox"))]
use crate::tools::context::Invocation;
use crate::tools::context::{ToolContext, Unfinished};
use crate::tools::def::Started;
use crate::tools::output::error::ToolError;
use crate::tools::output::result::{ResultType, ToolResult};
use crate::tools::selection::registry::ToolSet;
use crate::tools::serial::Place;
use crate::tools::tool::Tool;
#[cfg(any(test, feature = "mcp", feature = "testing", feature = "toolbox"))]
use crate::trace::InSpan;
use crate::trace::{Failure, ToolSpan, Wait, record_count};

type Returned = Result<ToolResult, ToolError>;

/// The time between the cancellation of a tool and the drop of its future.
const GRACE: Duration = Duration::from_millis(500);

/// The pause before the first retry; it doubles with each further one.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

impl Tool {
    /// Runs the tool for the call of `context`. Never panics; ends at the latest after the tool's timeout and a short grace.
    ///
    /// `place` is that of [`enter_queue`](Self::enter_queue), which otherwise is called when the call begins. It is held
    /// until the last attempt has ended.
    ///
    /// The caller instruments the future with the span of the call.
    pub(crate) async fn call(&self, context: ToolContext, place: Option<Arc<Place>>) -> ToolResult {
        let place = place.or_else(|| self.enter_queue(Some(context.arguments())));
        run(self, &context, place.as_ref()).await.0
    }

    /// As [`call`](Self::call), with an owned future.
    #[cfg(test)]
    pub(crate) fn invoke(
        &self,
        invocation: Invocation,
        place: Option<Arc<Place>>,
    ) -> BoxFuture<'static, ToolResult> {
        let tool = self.clone();
        Box::pin(async move { tool.call(ToolContext::new(tool.clone(), invocation), place).await })
    }

    /// As [`call`](Self::call), in a new span, which is a child of the current one.
    #[cfg(any(test, feature = "mcp"))]
    pub(crate) fn invoke_in_span(&self, invocation: Invocation) -> BoxFuture<'static, ToolResult> {
        let tool = self.clone();
        Box::pin(async move { tool.invoke_explained(invocation).await.0 })
    }

    /// Enters a call with these arguments into the queue of the option `serial_by`; `None` without the option.
    pub(crate) fn enter_queue(&self, arguments: Option<&str>) -> Option<Arc<Place>> {
        if !self.is_serial() {
            return None;
        }
        let serial = self.compiled().ok()?.serial.as_ref()?;
        Some(Arc::new(serial.enter(arguments.unwrap_or("{}"))))
    }

    /// As [`call`](Self::call), with the error that the result was made from, and in a new span, which is a child of
    /// the current one.
    #[cfg(any(test, feature = "mcp", feature = "testing", feature = "toolbox"))]
    pub(crate) async fn invoke_explained(&self, invocation: Invocation) -> (ToolResult, Option<ToolError>) {
        let context = ToolContext::new(self.clone(), invocation);
        let (session, call) = (context.session_id().as_str(), context.call_id().as_str());
        let span = self.open_span(&Span::current(), session, call, None, None);
        let place = self.enter_queue(Some(context.arguments()));
        let ran = InSpan::new(span.clone(), run(self, &context, place.as_ref())).await;
        crate::trace::tool_ended(&span, ran.0.result_type().as_str(), None, None);
        ran
    }

    /// Opens the span of a call of this tool. `arguments` are those that the span records.
    pub(crate) fn open_span(
        &self,
        parent: &Span,
        conversation: &str,
        call_id: &str,
        agent_id: Option<&str>,
        arguments: Option<String>,
    ) -> Span {
        let span = ToolSpan {
            tool: self.name(),
            call_id,
            conversation,
            agent_id,
            description: Some(self.description()),
            is_own: true,
            read_only: self.is_read_only(),
            destructive: self.is_destructive(),
            idempotent: self.is_idempotent(),
            open_world: self.def().open_world,
            mcp_server: None,
            arguments,
        };
        span.open(parent)
    }
}

/// Returns the result of a call of a tool that the session does not have.
pub(crate) fn unknown_tool(name: &str, tools: &ToolSet) -> ToolResult {
    let text = match suggest(name, tools.iter().map(Tool::name)) {
        Some(suggestion) => format!("There is no tool `{name}`; did you mean `{suggestion}`?"),
        None => format!("There is no tool `{name}`."),
    };
    ToolResult::failure(text)
}

/// Runs the tool, with retries. Returns the result, and the error that it was made from.
async fn run(
    tool: &Tool,
    context: &ToolContext,
    place: Option<&Arc<Place>>,
) -> (ToolResult, Option<ToolError>) {
    let def = tool.def();
    let mut retries_left = def.retries;
    let (result, error) = loop {
        match attempt(tool, context, place).await {
            Err(error) if error.is_retry() && retries_left > 0 => {
                let pause = RETRY_PAUSE.saturating_mul(2_u32.saturating_pow(def.retries - retries_left));
                retries_left -= 1;
                if !sleep(context, pause).await {
                    break (cancelled(context), None);
                }
                tracing::warn!(tool = context.tool(), call = %context.call_id(), ?error, "retrying a tool");
            }
            Ok(result) => break (result, None),
            Err(error) => break (to_result(tool, context, &error), Some(error)),
        }
    };
    if retries_left < def.retries {
        record_count(&Span::current(), "copilot.tool.retries", (def.retries - retries_left).into());
    }
    if let Some(failure) = failure(&result, error.as_ref(), context) {
        Span::current().record("error.type", failure.as_str());
    }
    let result = match def.max_output {
        Some(limit) => result.cut(limit),
        None => result,
    };
    (result, error)
}

/// Returns the class of a failed call.
fn failure(result: &ToolResult, error: Option<&ToolError>, context: &ToolContext) -> Option<Failure> {
    let failure = match result.result_type() {
        ResultType::Success | ResultType::Deferred => return None,
        ResultType::Timeout => Failure::TimedOut,
        ResultType::Denied => Failure::Denied,
        ResultType::Rejected => Failure::Rejected,
        ResultType::Failure => match error {
            Some(error) if error.panic().is_some() => Failure::Panicked,
            Some(error) if error.is_hidden() => Failure::Internal,
            Some(_) => Failure::Failed,
            None => context.unfinished().map_or(Failure::Failed, |unfinished| match unfinished {
                Unfinished::Refused => Failure::InvalidArguments,
                Unfinished::Cancelled => Failure::Cancelled,
            }),
        },
    };
    Some(failure)
}

/// Sleeps before a retry; `false` if the call is cancelled meanwhile.
async fn sleep(context: &ToolContext, pause: Duration) -> bool {
    let mut cancelled = pin!(context.cancelled());
    let mut elapsed = pin!(tokio::time::sleep(pause));
    poll_fn(|cx| match cancelled.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(false),
        Poll::Pending => elapsed.as_mut().poll(cx).map(|()| true),
    })
    .await
}

/// Starts the tool; an error is its result. Not asynchronous, so that its values take no room in the future.
fn begin(tool: &Tool, context: &ToolContext, place: Option<&Arc<Place>>) -> Result<Running, Returned> {
    // The thread of an earlier attempt has ended.
    context.set_on_thread(false);
    let decoded = if context.has_unbuilt_state() { None } else { Some(start(tool, context)?) };
    let permits = tool.compiled().ok().and_then(|compiled| compiled.permits.clone());
    match (decoded, permits, place) {
        // A pool that cannot start a thread panics.
        (Some(Decoded::Started(started)), None, None) => {
            let running = contain::run(|| Running::new(started, &mut Held::default(), context));
            running.map_err(|panic| Err(panicked(&panic)))
        }
        (decoded, permits, place) => {
            let running = prepare_and_run(tool.clone(), context.clone(), decoded, permits, place.cloned());
            Ok(Running::Future(Box::pin(running)))
        }
    }
}

/// Runs the tool once, from its arguments to its result.
async fn attempt(tool: &Tool, context: &ToolContext, place: Option<&Arc<Place>>) -> Returned {
    let running = match begin(tool, context, place) {
        Ok(running) => running,
        Err(returned) => return returned,
    };
    let timeout = || tool.timeout().unwrap_or_else(|| context.timeout());
    match watch(running, context, timeout()).await {
        End::Returned(returned) => returned,
        End::Panicked(panic) => Err(panicked(&panic)),
        End::Cancelled => Ok(cancelled(context)),
        End::TimedOut => {
            let seconds = timeout().as_secs_f64();
            tracing::warn!(tool = context.tool(), call = %context.call_id(), seconds, "a tool timed out");
            let end = if context.is_on_thread() {
                ". It was asked to stop but is still running; its result will be discarded."
            } else {
                " and was stopped."
            };
            Ok(ToolResult::timeout(format!("`{}` did not finish within {seconds} s{end}", context.tool())))
        }
    }
}

/// Converts an error to the result that the model reads, and logs the hidden rest.
fn to_result(tool: &Tool, context: &ToolContext, error: &ToolError) -> ToolResult {
    let reference = format!("{:08x}", RandomState::new().build_hasher().finish() >> 32);
    let (name, call) = (tool.name(), context.call_id());
    if error.is_hidden() {
        tracing::error!(tool = name, %call, reference, ?error, "a tool failed");
    } else if error.source().is_some() {
        tracing::warn!(tool = name, %call, ?error, "a tool failed");
    }
    let visible = tool.def().errors_visible.unwrap_or(context.errors_visible());
    error.to_result(name, &reference, visible)
}

fn cancelled(context: &ToolContext) -> ToolResult {
    context.set_unfinished(Unfinished::Cancelled);
    ToolResult::failure(format!("`{}` was cancelled.", context.tool()))
}

/// Runs the tool after the wait for its turn and for a permit, which counts towards the timeout because the agent waits
/// too. A call that waits for its turn takes no permit. A tool that is not started yet is started after its lazily built
/// states, which are built on the pool for blocking work so that they do not delay other sessions, and after the values
/// that futures make. The function of a call that has ended meanwhile does not start.
async fn prepare_and_run(
    tool: Tool,
    context: ToolContext,
    decoded: Option<Decoded>,
    permits: Option<Arc<Semaphore>>,
    place: Option<Arc<Place>>,
) -> Returned {
    let wait = (place.is_some() || permits.is_some()).then(Wait::begin);
    if let Some(place) = &place {
        place.turn().await;
        if let Some(returned) = ended(&context) {
            return returned;
        }
    }
    let permit = match permits {
        // Never closed.
        Some(permits) => permits.acquire_owned().await.ok(),
        None => None,
    };
    drop(wait);
    if let Some(returned) = ended(&context) {
        return returned;
    }
    let mut held = (permit, place);
    let decoded = match decoded {
        Some(decoded) => decoded,
        None => {
            let building = context.clone();
            let build = move || {
                building.build_states();
                Ok(())
            };
            on_blocking_pool(build, Held::default()).await?;
            if let Some(returned) = ended(&context) {
                return returned;
            }
            match start(&tool, &context) {
                Ok(decoded) => decoded,
                Err(returned) => return returned,
            }
        }
    };
    let started = match decoded {
        Decoded::Started(started) => started,
        // Boxed, so that tools without such values have a smaller future.
        Decoded::Pending(pending) => match Box::pin(pending.start(&tool, &context)).await {
            Ok(started) => started,
            Err(returned) => return returned,
        },
    };
    if let Some(returned) = ended(&context) {
        return returned;
    }
    Running::new(started, &mut held, &context).await
}

/// Returns the result of a call that has ended while it waited, which may be over in the grace after that; `None` while
/// the call is open.
fn ended(context: &ToolContext) -> Option<Returned> {
    if context.cancellation().is_cancelled() {
        return Some(Ok(cancelled(context)));
    }
    context
        .is_cancelled()
        .then(|| Err(ToolError::hidden("the timeout elapsed before the function was started")))
}

/// A running tool. The drop stops a future, and not a thread.
enum Running {
    Future(BoxFuture<'static, Returned>),
    Thread(Blocking<ToolResult>),
}

impl Running {
    /// Runs the tool. A thread takes the permit and the place, and holds them until it has ended.
    fn new(started: Started, held: &mut Held, context: &ToolContext) -> Self {
        match started {
            Started::Future(future) => Self::Future(future),
            Started::Blocking(function) => {
                context.set_on_thread(true);
                Self::Thread(on_blocking_pool(function, mem::take(held)))
            }
        }
    }
}

impl Future for Running {
    type Output = Returned;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Returned> {
        match &mut *self {
            Self::Future(future) => future.as_mut().poll(cx),
            Self::Thread(thread) => Pin::new(thread).poll(cx),
        }
    }
}

/// The end of a started tool.
enum End {
    Returned(Returned),
    Panicked(String),
    Cancelled,
    TimedOut,
}

/// Runs a started tool until it ends, the call is cancelled, or the timeout elapses.
async fn watch(running: Running, context: &ToolContext, timeout: Duration) -> End {
    let mut work = Work { running: contain::catch(running), context };
    // Many tools end with the first poll and need no timer.
    if let Poll::Ready(end) = poll_fn(|cx| Poll::Ready(work.poll(cx))).await {
        return end;
    }
    let stopped = {
        let mut cancelled = pin!(context.cancellation().cancelled());
        let mut late = pin!(tokio::time::sleep(timeout));
        poll_fn(|cx| {
            if let Poll::Ready(end) = work.poll(cx) {
                return Poll::Ready(end);
            }
            if cancelled.as_mut().poll(cx).is_ready() {
                return Poll::Ready(End::Cancelled);
            }
            late.as_mut().poll(cx).map(|()| End::TimedOut)
        })
        .await
    };
    if matches!(stopped, End::Returned(_) | End::Panicked(_)) {
        return stopped;
    }
    context.stop();
    let mut over = pin!(tokio::time::sleep(GRACE));
    let last = poll_fn(|cx| match work.poll(cx) {
        Poll::Ready(end) => Poll::Ready(Some(end)),
        Poll::Pending => over.as_mut().poll(cx).map(|()| None),
    })
    .await;
    match last {
        // A tool that observed the cancellation may still return a result.
        Some(End::Returned(Ok(result))) => End::Returned(Ok(result)),
        _ => stopped,
    }
}

/// A running tool. Dropping it before its end cancels its context.
struct Work<'c> {
    running: Contained<Running>,
    context: &'c ToolContext,
}

impl Work<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        Pin::new(&mut self.running).poll(cx).map(|ended| ended.map_or_else(End::Panicked, End::Returned))
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        if !self.running.has_ended() {
            self.context.stop();
        }
    }
}
