//! Runs a tool for one call, and always has an answer.
//!
//! Whatever the tool does, it ends here: arguments that do not fit, a panic, a failure, a cancellation, too long a
//! time. No task of its own: the future that [`Tool::invoke`] returns does all of it when it is polled.

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::future::BoxFuture;
use serde_json::Value;

use crate::contain::{self, Contained, UserValue};
use crate::tools::arguments::decode::{ArgumentReader, UnexpectedShape, Visitor};
use crate::tools::arguments::report::{Problem, ProblemKind, bad_arguments};
use crate::tools::arguments::suggest::suggest;
use crate::tools::arguments::validate::Validator;
use crate::tools::compiled::Compiled;
use crate::tools::context::{Invocation, ToolContext};
use crate::tools::def::Tool;
use crate::tools::output::error::ToolError;
use crate::tools::output::result::ToolResult;
use crate::tools::selection::registry::ToolSet;

/// A tool at work.
pub type Started = BoxFuture<'static, Returned>;

/// What a tool gave back.
type Returned = Result<ToolResult, ToolError>;

/// How long a tool that was told to stop may take to do so before its future is dropped.
const GRACE: Duration = Duration::from_millis(500);

/// How long a tool rests before its first retry; each further one waits twice as long.
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// Starts an asynchronous tool. The compiler shows the bound, with what stands behind it, where a future is not `Send`.
pub fn run<F>(future: F) -> Option<Started>
where
    F: Future<Output = Returned> + Send + 'static, // or `#[copilot::tool(local)]`, for a future that is not `Send`
{
    Some(Box::pin(future))
}

/// Starts a synchronous tool that is done at once, on the spot.
pub fn inline<F>(function: F) -> Option<Started>
where
    F: FnOnce() -> Returned + Send + 'static,
{
    Some(Box::pin(async move { function() }))
}

/// Starts a synchronous tool on the pool for blocking work.
pub fn blocking<F>(function: F) -> Option<Started>
where
    F: FnOnce() -> Returned + Send + 'static,
{
    Some(Box::pin(on_blocking_pool(function)))
}

/// Starts an asynchronous tool whose future stays on one thread.
pub fn local<F, Fut>(function: F) -> Option<Started>
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = Returned>,
{
    blocking(move || tokio::runtime::Handle::current().block_on(function()))
}

async fn on_blocking_pool<F, T>(function: F) -> Result<T, ToolError>
where
    F: FnOnce() -> Result<T, ToolError> + Send + 'static,
    T: Send + 'static,
{
    let function = UserValue::new(function);
    match tokio::task::spawn_blocking(move || contain::run(function.into_inner())).await {
        Ok(Ok(returned)) => returned,
        Ok(Err(panic)) => Err(panicked(&panic)),
        Err(error) => Err(ToolError::hidden(error)),
    }
}

impl Tool {
    /// Answers one call. Never panics, and ends at the latest when the tool's time is over, and a short grace.
    pub(crate) fn invoke(&self, invocation: Invocation) -> BoxFuture<'static, ToolResult> {
        let tool = self.clone();
        Box::pin(async move {
            let context = ToolContext::new(tool, invocation);
            answer(&context).await.0
        })
    }

    /// As [`invoke`](Self::invoke), with the failure that the answer was made of.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) async fn invoke_explained(&self, invocation: Invocation) -> (ToolResult, Option<ToolError>) {
        answer(&ToolContext::new(self.clone(), invocation)).await
    }
}

/// The answer to a call of a tool that the session does not have.
pub(crate) fn unknown_tool(name: &str, tools: &ToolSet) -> ToolResult {
    let text = match suggest(name, tools.iter().map(Tool::name)) {
        Some(suggestion) => format!("There is no tool `{name}`; did you mean `{suggestion}`?"),
        None => format!("There is no tool `{name}`."),
    };
    ToolResult::failure(text)
}

/// The answer to a call, and the failure that it was made of.
async fn answer(context: &ToolContext) -> (ToolResult, Option<ToolError>) {
    let def = context.tool_handle().def();
    let mut tries_left = def.retries;
    let (result, error) = loop {
        match attempt_once(context).await {
            Err(error) if error.is_retry() && tries_left > 0 => {
                let pause = BETWEEN_TRIES.saturating_mul(2_u32.saturating_pow(def.retries - tries_left));
                tries_left -= 1;
                if !rest(context, pause).await {
                    break (cancelled(context), None);
                }
                tracing::warn!(tool = context.tool(), call = %context.call_id(), ?error, "a tool is tried again");
            }
            Ok(result) => break (result, None),
            Err(error) => break (tell(context, &error), Some(error)),
        }
    };
    let result = match def.max_output {
        Some(limit) => result.cut(limit),
        None => result,
    };
    (result, error)
}

/// Pauses before the next try; `false` when the call is cancelled meanwhile.
async fn rest(context: &ToolContext, pause: Duration) -> bool {
    let mut cancelled = pin!(context.cancelled());
    let mut rested = pin!(tokio::time::sleep(pause));
    poll_fn(|cx| match cancelled.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(false),
        Poll::Pending => rested.as_mut().poll(cx).map(|()| true),
    })
    .await
}

/// Runs the tool from its arguments to its end.
async fn attempt_once(context: &ToolContext) -> Returned {
    let mut started = if context.has_unbuilt_state() {
        start_with_states(context)
    } else {
        match begin(context) {
            Ok(started) => started,
            Err(returned) => return returned,
        }
    };
    let tool = context.tool_handle();
    if let Some(places) = tool.compiled().ok().and_then(|compiled| compiled.places.clone()) {
        // The wait for a place counts as time of the call: the agent waits just as long.
        started = Box::pin(async move {
            let _place = places.acquire_owned().await;
            started.await
        });
    }
    match watch(started, context, tool.timeout()).await {
        End::Returned(returned) => returned,
        End::Panicked(panic) => Err(panicked(&panic)),
        End::Cancelled => Ok(cancelled(context)),
        End::TimedOut => {
            let seconds = tool.timeout().as_secs_f64();
            tracing::warn!(tool = context.tool(), call = %context.call_id(), seconds, "a tool took too long");
            Ok(ToolResult::timeout(format!(
                "`{}` did not finish within {seconds} s and was stopped.",
                context.tool()
            )))
        }
    }
}

/// Turns a failure into what the model reads, and writes the rest of it to the log.
fn tell(context: &ToolContext, error: &ToolError) -> ToolResult {
    let reference = format!("{:08x}", RandomState::new().build_hasher().finish() >> 32);
    let (tool, call) = (context.tool(), context.call_id());
    if error.is_hidden() {
        tracing::error!(tool, %call, reference, ?error, "a tool failed");
    } else if error.source().is_some() {
        tracing::warn!(tool, %call, ?error, "a tool failed");
    }
    error.to_result(tool, &reference, context.errors_visible())
}

fn panicked(panic: &str) -> ToolError {
    ToolError::hidden(format!("panicked: {panic}"))
}

fn cancelled(context: &ToolContext) -> ToolResult {
    ToolResult::failure(format!("`{}` was cancelled.", context.tool()))
}

/// Starts the tool. Arguments and what is injected are the program's types, so their code runs here.
fn begin(context: &ToolContext) -> Result<Started, Returned> {
    match contain::run(|| start(context)) {
        Ok(Ok(started)) => Ok(started),
        Ok(Err(Refused::Told(result))) => Err(Ok(result)),
        Ok(Err(Refused::Failed(error))) => Err(Err(error)),
        Err(panic) => Err(Err(panicked(&panic))),
    }
}

/// Starts the tool once its lazily built states are there. They are built on the pool for blocking work: what takes
/// long there delays no other session.
fn start_with_states(context: &ToolContext) -> Started {
    let context = context.clone();
    Box::pin(async move {
        let building = context.clone();
        on_blocking_pool(move || {
            building.build_states();
            Ok(())
        })
        .await?;
        match begin(&context) {
            Ok(started) => started.await,
            Err(returned) => returned,
        }
    })
}

/// Why a tool was not started.
enum Refused {
    Told(ToolResult),
    Failed(ToolError),
}

/// Takes the arguments and starts the tool; if they do not fit, corrects what is safe to correct or says all that is
/// wrong.
fn start(context: &ToolContext) -> Result<Started, Refused> {
    let tool = context.tool_handle();
    let compiled = tool.compiled().map_err(|error| Refused::Failed(ToolError::hidden(error)))?;
    if !compiled.arguments.strict {
        match attempt(context, compiled, context.arguments()) {
            Attempt::Started(started) => return Ok(started),
            Attempt::Failed(error) => return Err(Refused::Failed(error)),
            Attempt::Rejected(_) | Attempt::UnexpectedShape => {}
        }
    }
    let told = |problems: &[Problem]| Refused::Told(bad_arguments(tool.name(), problems));
    let mut value: Value = match serde_json::from_str(context.arguments()) {
        Ok(value) => value,
        Err(error) => {
            return Err(told(&[Problem {
                path: String::new(),
                kind: ProblemKind::Other(format!("not JSON: {error}")),
            }]));
        }
    };
    let validator = Validator {
        schema: &compiled.arguments.schema,
        coerce: tool.def().coerce,
        patterns: &compiled.patterns,
    };
    let corrected = validator.check(&mut value).map_err(|problems| told(&problems))?;
    if let Some(dynamic) = tool.dynamic() {
        let nobody =
            || Refused::Failed(ToolError::hidden("the tool is only declared: another client answers it"));
        let handler = dynamic.handler.as_ref().ok_or_else(nobody)?;
        return Ok(handler(value, context.clone()));
    }
    let text = if corrected { Cow::Owned(value.to_string()) } else { Cow::Borrowed(context.arguments()) };
    match attempt(context, compiled, &text) {
        Attempt::Started(started) => Ok(started),
        Attempt::Failed(error) => Err(Refused::Failed(error)),
        Attempt::UnexpectedShape => Err(told(&[Problem {
            path: String::new(),
            kind: ProblemKind::Other("not an object".to_owned()),
        }])),
        // The types forbid what the schema cannot say.
        Attempt::Rejected(rejected) => {
            let problems: Vec<_> = rejected
                .into_iter()
                .map(|(index, message)| Problem {
                    path: compiled.path(tool.def(), index),
                    kind: ProblemKind::Other(without_position(message)),
                })
                .collect();
            Err(told(&problems))
        }
    }
}

enum Attempt {
    Started(Started),
    /// What serde said, by parameter.
    Rejected(Vec<(usize, String)>),
    UnexpectedShape,
    /// Something could not be injected.
    Failed(ToolError),
}

fn attempt(context: &ToolContext, compiled: &Compiled, arguments: &str) -> Attempt {
    let def = context.tool_handle().def();
    let reader = match ArgumentReader::new(context, def, compiled, arguments) {
        Ok(reader) => reader,
        Err(UnexpectedShape) => return Attempt::UnexpectedShape,
    };
    match Visitor::take(def, reader) {
        Ok(started) => Attempt::Started(started),
        // What is wrong with the arguments goes first: the model can do something about it.
        Err(ArgumentReader { rejected, failed: Some(error), .. }) if rejected.is_empty() => {
            Attempt::Failed(error)
        }
        Err(ArgumentReader { rejected, .. }) => Attempt::Rejected(rejected),
    }
}

/// serde_json counts lines and columns of a text that the model never sees.
fn without_position(mut message: String) -> String {
    if let Some(end) = message.rfind(" at line ") {
        message.truncate(end);
    }
    message
}

/// How a started tool ended.
enum End {
    Returned(Returned),
    Panicked(String),
    Cancelled,
    TimedOut,
}

/// Runs a started tool until it ends, nobody waits for it any more, or its time is over.
async fn watch(started: Started, context: &ToolContext, timeout: Duration) -> End {
    let mut work = Work { started: contain::catch(started), context };
    // Most tools of a fast program are done at once and need no clock.
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
        // A tool that heeds the token may still have something to say.
        Some(End::Returned(Ok(result))) => End::Returned(Ok(result)),
        _ => stopped,
    }
}

/// A tool at work; tells it when it is dropped before its end.
struct Work<'c> {
    started: Contained<Started>,
    context: &'c ToolContext,
}

impl Work<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        Pin::new(&mut self.started).poll(cx).map(|ended| ended.map_or_else(End::Panicked, End::Returned))
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        if !self.started.has_ended() {
            self.context.stop();
        }
    }
}
