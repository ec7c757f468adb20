//! Starts a tool for one attempt: decodes the arguments of the call, and starts the function as a future, inline, or on the
//! pool for blocking work. Safe mistakes in the arguments are corrected, and all others are reported together.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle as Runtime;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinHandle, LocalSet};
use tracing::Span;

use crate::contain::{self, UserValue};
use crate::tools::arguments::decode::{ArgumentReader, DecodeError, Visitor};
use crate::tools::arguments::explain::explain;
use crate::tools::arguments::node::{Node, Step};
use crate::tools::arguments::number::may_exceed_f32;
use crate::tools::arguments::report::{Problem, ProblemKind, invalid_arguments};
use crate::tools::arguments::validate::{Checked, Integers, Validator};
use crate::tools::compiled::Compiled;
use crate::tools::context::{ToolContext, Unfinished};
use crate::tools::def::Started;
use crate::tools::from_call::Extract;
use crate::tools::output::error::ToolError;
use crate::tools::output::result::ToolResult;
use crate::tools::schema::Arguments;
use crate::tools::schema::known::has_unknown_name;
use crate::tools::serial::Place;
use crate::tools::tool::{Dynamic, Handler, Tool};

/// The reason why the arguments of a call cannot be used.
pub(super) enum Refusal {
    /// The mistakes in the arguments.
    Arguments(Vec<Problem>),
    /// A value could not be injected, or the tool cannot be described.
    Failed(ToolError),
    /// The arguments fit, and futures have to make values first.
    Extraction(Pending),
}

/// A call whose arguments fit, and that needs values which futures make.
pub(super) struct Pending {
    needed: Vec<(usize, Extract)>,
    /// The arguments object after corrections; `None` for that of the call.
    corrected: Option<String>,
    /// Whether the types have accepted names that the schema does not have.
    accepted: bool,
}

/// A call whose arguments are decoded.
pub(super) enum Decoded {
    Started(Started),
    Pending(Pending),
}

impl Pending {
    /// Makes the values, in the order of the parameters, and starts the tool.
    pub(super) async fn start(
        self,
        tool: &Tool,
        context: &ToolContext,
    ) -> Result<Started, Result<ToolResult, ToolError>> {
        let Self { needed, corrected, accepted } = self;
        let mut values = Vec::with_capacity(needed.len());
        for (index, extract) in needed {
            values.push((index, extract(context.clone()).await.map_err(Err)?));
        }
        let text = corrected.as_deref().unwrap_or_else(|| context.arguments());
        let decoded = contained(tool, context, || {
            let compiled = tool.compiled().map_err(|error| Refusal::Failed(ToolError::hidden(error)))?;
            let (params, layout) = (tool.def().params, &compiled.arguments.layout);
            ArgumentReader::new(Some(context), params, layout, text, accepted)
                .map(|reader| reader.with_extracted(values))
                .and_then(|reader| Visitor::read(reader, |visitor| tool.visit(visitor)))
                .map_err(|error| refusal(tool, compiled, error, text, accepted))
        })?;
        match decoded {
            Decoded::Started(started) => Ok(started),
            Decoded::Pending(_) => unreachable!("a reader with values does not ask for values"),
        }
    }
}

/// Decodes the arguments and starts the tool. The error is the result of a call whose tool did not start.
pub(super) fn start(tool: &Tool, context: &ToolContext) -> Result<Decoded, Result<ToolResult, ToolError>> {
    let text = context.arguments();
    contained(tool, context, || {
        let compiled = tool.compiled().map_err(|error| Refusal::Failed(ToolError::hidden(error)))?;
        match tool.dynamic().map(|dynamic| &dynamic.handler) {
            Some(Handler::Json(handler)) => {
                Ok(handler(validate(tool, compiled, text, true)?.to_value(), context.clone()))
            }
            Some(Handler::Declared) => Err(Refusal::Failed(ToolError::hidden(
                "the tool is declared only; another client answers its calls",
            ))),
            Some(Handler::Typed(_)) | None => {
                decode(tool, compiled, Some(context), text, |visitor| tool.visit(visitor))
            }
        }
    })
}

/// Runs a step that decodes arguments, whose types are the program's code, so panics are contained here.
fn contained(
    tool: &Tool,
    context: &ToolContext,
    step: impl FnOnce() -> Result<Started, Refusal>,
) -> Result<Decoded, Result<ToolResult, ToolError>> {
    match contain::run(step) {
        Ok(Ok(started)) => Ok(Decoded::Started(started)),
        Ok(Err(Refusal::Extraction(pending))) => Ok(Decoded::Pending(pending)),
        Ok(Err(Refusal::Arguments(problems))) => {
            context.set_unfinished(Unfinished::Refused);
            Err(Ok(invalid_arguments(tool.name(), &problems)))
        }
        Ok(Err(Refusal::Failed(error))) => Err(Err(error)),
        Err(panic) => Err(Err(panicked(&panic))),
    }
}

/// Decodes the arguments and calls `visit`, which takes their values. Arguments that do not fit are validated, and
/// decoded again if all mistakes could be corrected.
///
/// Those of a tool with `needs_approval` are always decoded from their corrected form: its function judges that form, and
/// the same text may have another meaning for a type before the correction.
pub(super) fn decode<T>(
    tool: &Tool,
    compiled: &Compiled,
    context: Option<&ToolContext>,
    text: &str,
    visit: impl Fn(&mut Visitor<'_>) -> Option<T>,
) -> Result<T, Refusal> {
    let (params, arguments) = (tool.def().params, &compiled.arguments);
    let read = |text: &str, accepted: bool| {
        let reader = ArgumentReader::new(context, params, &arguments.layout, text, accepted)?;
        Visitor::read(reader, &visit)
    };
    let decides = tool.decides_approval();
    let checked = decides || needs_validation(arguments, text);
    if !checked {
        match read(text, false) {
            Ok(value) => return Ok(value),
            Err(DecodeError::Injection(error)) => return Err(Refusal::Failed(error)),
            Err(DecodeError::Extraction(needed)) => {
                return Err(Refusal::Extraction(Pending { needed, corrected: None, accepted: false }));
            }
            Err(_) => {}
        }
    }
    let Validated { node, corrected, mut problems } = validated(tool, compiled, text, true)?;
    if problems.is_empty() && (corrected || checked) {
        let text = if corrected || decides { Cow::Owned(node.text()) } else { Cow::Borrowed(text) };
        match read(&text, false) {
            Ok(value) => return Ok(value),
            Err(DecodeError::Injection(error)) => return Err(Refusal::Failed(error)),
            Err(DecodeError::Extraction(needed)) => {
                let corrected = match text {
                    Cow::Owned(text) => Some(text),
                    Cow::Borrowed(_) => None,
                };
                return Err(Refusal::Extraction(Pending { needed, corrected, accepted: false }));
            }
            Err(_) => {}
        }
    }
    // The types have rules that the schema does not have.
    let mut partial = node.clone();
    for problem in &problems {
        if !matches!(problem.kind, ProblemKind::UnknownName { .. } | ProblemKind::Missing { .. }) {
            partial.remove(&problem.path);
        }
    }
    let reader = ArgumentReader::trial(params, &arguments.layout, &partial);
    if let Err(DecodeError::Tried(mistakes)) = Visitor::read(reader, &visit) {
        explain(&arguments.schema, &node, &mut problems, mistakes);
    }
    if !problems.is_empty() {
        return Err(Refusal::Arguments(problems));
    }
    // The types accept names that the schema does not have, or names that are given twice.
    let text = node.text();
    read(&text, true).map_err(|error| refusal(tool, compiled, error, &text, true))
}

/// Returns the refusal of arguments that the schema accepts and the types do not.
fn refusal(tool: &Tool, compiled: &Compiled, error: DecodeError, text: &str, accepted: bool) -> Refusal {
    match error {
        DecodeError::Injection(error) => Refusal::Failed(error),
        DecodeError::Extraction(needed) => {
            Refusal::Extraction(Pending { needed, corrected: Some(text.to_owned()), accepted })
        }
        DecodeError::Rejected(rejected) => {
            let params = tool.def().params;
            let problem = |(index, message)| problem(compiled.path(params, index), without_position(message));
            Refusal::Arguments(rejected.into_iter().map(problem).collect())
        }
        DecodeError::UnexpectedShape | DecodeError::Tried(_) => {
            Refusal::Arguments(vec![problem(Vec::new(), "not an object".to_owned())])
        }
    }
}

/// Returns whether the types may accept arguments that the schema rejects.
fn needs_validation(arguments: &Arguments, text: &str) -> bool {
    arguments.strict
        || arguments.has_f32 && may_exceed_f32(text)
        || arguments.has_closed_objects && has_unknown_name(&arguments.schema, text)
}

/// Arguments after the validation against the schema.
struct Validated {
    node: Node,
    corrected: bool,
    problems: Vec<Problem>,
}

fn validated(tool: &Tool, compiled: &Compiled, text: &str, keeps_null: bool) -> Result<Validated, Refusal> {
    let mut node = Node::parse(text).map_err(|error| {
        let message = format!("not JSON: {}", without_position(error.to_string()));
        Refusal::Arguments(vec![problem(Vec::new(), message)])
    })?;
    let is_json = matches!(tool.dynamic(), Some(Dynamic { handler: Handler::Json(_), .. }));
    let validator = Validator {
        schema: &compiled.arguments.schema,
        coerce: tool.def().coerce,
        patterns: &compiled.patterns,
        integers: if is_json { Integers::Json } else { Integers::Typed },
        keeps_null,
    };
    let Checked { corrected, problems } = validator.check(&mut node);
    Ok(Validated { node, corrected, problems })
}

/// Validates arguments against the schema and corrects safe mistakes. `keeps_null` is that of the [`Validator`].
pub(super) fn validate(
    tool: &Tool,
    compiled: &Compiled,
    text: &str,
    keeps_null: bool,
) -> Result<Node, Refusal> {
    let Validated { node, problems, .. } = validated(tool, compiled, text, keeps_null)?;
    if problems.is_empty() { Ok(node) } else { Err(Refusal::Arguments(problems)) }
}

fn problem(path: Vec<Step>, message: String) -> Problem {
    Problem { path, kind: ProblemKind::Other(message) }
}

/// Removes the line and the column from an error of serde_json, whose text the model does not see.
fn without_position(mut message: String) -> String {
    if let Some(end) = message.rfind(" at line ") {
        message.truncate(end);
    }
    message
}

/// The return value of a function, converted.
type Returned = Result<ToolResult, ToolError>;

/// Starts an asynchronous tool. The compiler shows the bound and its comment for a future that is not `Send`.
pub fn run<F>(future: F) -> Option<Started>
where
    F: Future<Output = Returned> + Send + 'static, // or `#[copilot::tool(local)]`, for a future that is not `Send`
{
    Some(Started::Future(Box::pin(future)))
}

/// Starts a synchronous tool that runs on the async thread.
pub fn inline<F>(function: F) -> Option<Started>
where
    F: FnOnce() -> Result<ToolResult, ToolError> + Send + 'static,
{
    Some(Started::Future(Box::pin(async move { function() })))
}

/// Starts a synchronous tool on the pool for blocking work.
pub fn blocking<F>(function: F) -> Option<Started>
where
    F: FnOnce() -> Result<ToolResult, ToolError> + Send + 'static,
{
    Some(Started::Blocking(Box::new(function)))
}

/// Starts an asynchronous tool whose future stays on one thread, where it may call `spawn_local`.
pub fn local<F, Fut>(function: F) -> Option<Started>
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = Result<ToolResult, ToolError>>,
{
    blocking(move || {
        let tasks = LocalSet::new();
        Runtime::current().block_on(tasks.run_until(function()))
    })
}

/// A function that runs on the pool for blocking work. A panic is a hidden error. The drop does not stop a function that
/// runs; one that still waits for a thread never starts.
pub(super) struct Blocking<T>(JoinHandle<Result<Result<T, ToolError>, String>>);

/// The permit and the place in a queue of a tool that runs.
pub(super) type Held = (Option<OwnedSemaphorePermit>, Option<Arc<Place>>);

/// Runs a function on the pool for blocking work. `held` is dropped when the function has ended.
pub(super) fn on_blocking_pool<F, T>(function: F, held: Held) -> Blocking<T>
where
    F: FnOnce() -> Result<T, ToolError> + Send + 'static,
    T: Send + 'static,
{
    let function = UserValue::new(function);
    // That of the call: the logs of the function belong to it.
    let span = Span::current();
    Blocking(tokio::task::spawn_blocking(move || {
        let _held = held;
        span.in_scope(|| contain::run(function.into_inner()))
    }))
}

impl<T> Drop for Blocking<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T> Future for Blocking<T> {
    type Output = Result<T, ToolError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|ended| match ended {
            Ok(Ok(returned)) => returned,
            Ok(Err(panic)) => Err(panicked(&panic)),
            Err(error) => Err(ToolError::hidden(error)),
        })
    }
}

/// Returns the error of a tool that panicked with this message.
pub(super) fn panicked(message: &str) -> ToolError {
    ToolError::panicked(message)
}
