//! Tools that are known only when the program runs.

use std::fmt;
use std::future::Future;
use std::panic::Location as Caller;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_core::future::BoxFuture;
use serde_json::{Value, json};

use crate::contain::UserValue;
use crate::error::{Error, ErrorKind, Result};
use crate::tools::call::dispatch::Started;
use crate::tools::compiled::{self, Compiled};
use crate::tools::context::ToolContext;
use crate::tools::def::{Location, Tool, ToolDef};
use crate::tools::output::error::ToolError;
use crate::tools::output::outcome::{Outcome, outcome};
use crate::tools::output::result::ToolResult;
use crate::tools::schema;

/// Makes a tool whose name, description and schema are known only when the program runs: those of a plug-in, of
/// another server, of a file.
///
/// It is checked, timed, cancelled and answered as one of [`#[copilot::tool]`](crate::tool) is. This is also the low
/// level below that macro: a name, a description, a JSON schema, and an async function over one call, whose arguments
/// it gets as JSON and whose ids, state and rest as [`ToolContext`].
///
/// # Examples
///
/// ```
/// use copilot::DynTool;
/// use serde_json::json;
///
/// # fn main() -> copilot::Result<()> {
/// let shout = DynTool::new("shout", "Say it louder.")
///     .schema(json!({
///         "type": "object",
///         "properties": { "text": { "type": "string" } },
///         "required": ["text"],
///     }))?
///     .read_only()
///     .run(|arguments, _cx| async move {
///         arguments["text"].as_str().unwrap_or_default().to_uppercase()
///     });
/// assert_eq!(shout.name(), "shout");
///
/// let audit = DynTool::new("audit", "Write down what was done.")
///     .schema(json!({ "type": "object", "properties": { "what": {} }, "required": ["what"] }))?
///     .run(|arguments, cx| async move {
///         let line = format!("{} {} {arguments}", cx.session_id(), cx.call_id());
///         std::fs::write("audit.log", line)
///     });
/// # drop(audit);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "it is a tool once `run` or `declare` says what a call does"]
pub struct DynTool {
    name: Box<str>,
    description: Box<str>,
    group: Option<Box<str>>,
    schema: Option<Value>,
    options: ToolDef,
}

/// What a dynamic tool is.
pub(crate) struct Dynamic {
    pub(crate) name: Box<str>,
    pub(crate) description: Box<str>,
    pub(crate) group: Option<Box<str>>,
    pub(crate) schema: Option<Value>,
    /// Everything that is not text.
    pub(crate) options: ToolDef,
    /// What a call does; without one, another client answers.
    pub(crate) handler: Option<Handler>,
    pub(crate) compiled: OnceLock<Result<Compiled>>,
}

type Handler = Box<dyn Fn(Value, ToolContext) -> Started + Send + Sync>;

impl DynTool {
    /// A tool that takes no arguments, until [`schema`](Self::schema) says which.
    #[track_caller]
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        let caller = Caller::caller();
        Self {
            name: name.into().into(),
            description: description.into().into(),
            group: None,
            schema: None,
            options: ToolDef { location: Location::new("", caller.file(), caller.line()), ..ToolDef::BASE },
        }
    }

    /// Sets the JSON schema of the arguments, which the model reads as it is.
    ///
    /// # Errors
    ///
    /// When its root is not an object that says so: the CLI would drop the tool without a word.
    pub fn schema(mut self, schema: Value) -> Result<Self> {
        schema::check_root(&schema).map_err(|reason| {
            Error::new(
                ErrorKind::Tools,
                format!("the schema of tool `{}` cannot be used: {reason}", self.name),
            )
        })?;
        self.schema = Some(schema);
        Ok(self)
    }

    /// The tool changes nothing.
    pub fn read_only(mut self) -> Self {
        self.options.read_only = true;
        self
    }

    /// The tool may destroy something, so that a call needs a permission.
    pub fn destructive(mut self) -> Self {
        self.options.destructive = true;
        self
    }

    /// The turn ends when the tool has succeeded.
    pub fn terminal(mut self) -> Self {
        self.options.terminal = true;
        self
    }

    /// The CLI requests no permission for a call. Contradicts [`destructive`](Self::destructive): a session refuses a
    /// tool that is both.
    pub fn skip_permission(mut self) -> Self {
        self.options.skip_permission = true;
        self
    }

    /// The tool stands for the CLI's own one of that name.
    pub fn overrides_builtin(mut self) -> Self {
        self.options.overrides_builtin = true;
        self
    }

    /// Sets the group that it belongs to.
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.group = Some(name.into().into());
        self
    }

    /// Sets how long a call may take; two minutes unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// Sets how much text the model reads at most, in bytes.
    pub fn max_output(mut self, bytes: usize) -> Self {
        self.options.max_output = Some(bytes);
        self
    }

    /// Sets how many calls run at once.
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.options.concurrency = Some(calls.max(1));
        self
    }

    /// Says what a call does: it gets the arguments, which fit the schema, and may return whatever a function with
    /// `#[copilot::tool]` may.
    pub fn run<F, Fut, M>(self, function: F) -> Tool
    where
        F: Fn(Value, ToolContext) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: Outcome<M>,
    {
        let function = UserValue::new(function);
        self.tool(Some(Box::new(move |arguments, context| {
            let future = function(arguments, context);
            Box::pin(async move { outcome(future.await) })
                as BoxFuture<'static, Result<ToolResult, ToolError>>
        })))
    }

    /// Leaves the calls to another client of the session: the model sees the tool, this program does not answer.
    pub fn declare(self) -> Tool {
        self.tool(None)
    }

    fn tool(self, handler: Option<Handler>) -> Tool {
        let Self { name, description, group, schema, options } = self;
        let compiled = OnceLock::new();
        Tool::from_dynamic(Arc::new(Dynamic { name, description, group, schema, options, handler, compiled }))
    }
}

impl Dynamic {
    pub(crate) fn compiled(&self) -> Result<&Compiled> {
        self.compiled.get_or_init(|| compiled::compile_dynamic(self)).as_ref().map_err(Clone::clone)
    }

    /// What arguments are checked against.
    pub(crate) fn schema_or_empty(&self) -> Value {
        self.schema.clone().unwrap_or_else(|| json!({ "type": "object", "additionalProperties": false }))
    }
}

impl fmt::Debug for Dynamic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dynamic").field("name", &self.name).finish_non_exhaustive()
    }
}
