//! Tools that are defined at run time.

use std::fmt;
use std::future::Future;
use std::panic::Location as Caller;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::contain::UserValue;
use crate::error::{Error, ErrorKind, Result};
use crate::tools::arguments::param::{Probe, ProbeValue as _};
use crate::tools::arguments::param_def::{ParamDef, Shape};
use crate::tools::call::start::run;
use crate::tools::context::ToolContext;
use crate::tools::def::{Location, Started, ToolDef};
use crate::tools::output::error::ToolErrors;
use crate::tools::output::outcome::{Outcome, outcome};
use crate::tools::schema;
use crate::tools::selection_context::SelectionContext;
use crate::tools::tool::{DynApproval, DynEnabled, Dynamic, Handler, Tool};

/// Builds a tool whose name, description or schema is known only at run time, such as a tool of a plug-in, of another
/// server or of a file.
///
/// Such a tool has the options, the validation of arguments, the timeout and the results of a function with
/// [`#[copilot::tool]`](crate::tool). Options that contradict each other are an error when the session starts.
///
/// # Examples
///
/// With a type for the arguments:
///
/// ```
/// use copilot::DynTool;
/// use schemars::JsonSchema;
/// use serde::Deserialize;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Remove {
///     /// Path below the root directory.
///     path: String,
/// }
///
/// let remove = DynTool::new("remove_file", "Remove a file.")
///     .destructive()
///     .needs_approval(|arguments: &Remove| !arguments.path.starts_with("tmp/"))
///     .typed(|arguments: Remove, _cx| async move { std::fs::remove_file(arguments.path) });
/// assert_eq!(remove.name(), "remove_file");
/// ```
///
/// With a JSON schema:
///
/// ```
/// use copilot::DynTool;
/// use serde_json::json;
///
/// # fn main() -> copilot::Result<()> {
/// let shout = DynTool::new("shout", "Return the text in upper case.")
///     .schema(json!({
///         "type": "object",
///         "properties": { "text": { "type": "string" } },
///         "required": ["text"],
///     }))?
///     .read_only()
///     .run(|arguments, _cx| async move {
///         arguments["text"].as_str().unwrap_or_default().to_uppercase()
///     });
/// # drop(shout);
/// # Ok(())
/// # }
/// ```
#[must_use = "`run`, `typed` or `declare` returns the tool"]
pub struct DynTool {
    name: Box<str>,
    description: Box<str>,
    title: Option<Box<str>>,
    group: Option<Box<str>>,
    tags: Vec<Box<str>>,
    meta: Map<String, Value>,
    serial_by: Option<Box<str>>,
    schema: Option<Value>,
    options: ToolDef,
    needs_approval: Option<Box<DynApproval>>,
    enabled: Option<Box<DynEnabled>>,
}

/// Whether the CLI may defer loading a tool until the model searches for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Defer {
    /// The CLI decides.
    Auto,
    /// The tool is always loaded.
    Never,
}

/// The parameters of a typed tool: the arguments object and the context.
const TYPED_PARAMS: &[ParamDef] = &[ParamDef { shape: Shape::Whole, ..ParamDef::BASE }, ParamDef::BASE];

impl DynTool {
    /// Creates the builder of a tool without arguments; [`typed`](Self::typed) and [`schema`](Self::schema) add some.
    #[track_caller]
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        let caller = Caller::caller();
        Self {
            name: name.into().into(),
            description: description.into().into(),
            title: None,
            group: None,
            tags: Vec::new(),
            meta: Map::new(),
            serial_by: None,
            schema: None,
            options: ToolDef { location: Location::new("", caller.file(), caller.line()), ..ToolDef::BASE },
            needs_approval: None,
            enabled: None,
        }
    }

    /// Sets the JSON schema of the arguments, which is sent to the model unchanged. Every keyword that restricts values
    /// is checked before the function runs, except `format`, which is a hint for the model.
    ///
    /// # Errors
    ///
    /// Returns an error if the root of the schema does not have `"type": "object"`, because the CLI silently drops such
    /// a tool, or if it has alternatives, which providers of models reject. Returns an error that names each keyword
    /// that is not checked: `not`, `if`, `contains`, `dependentRequired` and their relatives, lists in `items` (draft
    /// 7), `unevaluatedProperties`, references to other documents, and patterns with look-around.
    pub fn schema(mut self, schema: Value) -> Result<Self> {
        let refuse = |reason: String| {
            Error::new(
                ErrorKind::Tools,
                format!("the schema of tool `{}` cannot be used: {reason}", self.name),
            )
        };
        schema::check_root(&schema).map_err(refuse)?;
        let unchecked: Vec<String> = schema::unchecked(&schema).iter().map(ToString::to_string).collect();
        if !unchecked.is_empty() {
            let unchecked = unchecked.join("\n  ");
            return Err(refuse(format!(
                "arguments are validated against the schema before the function runs, and this part of it cannot be \
                 validated; remove it, and check the rule in the function:\n  {unchecked}"
            )));
        }
        self.schema = Some(schema);
        Ok(self)
    }

    /// Sets the title that user interfaces show instead of the name.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into().into());
        self
    }

    /// Sets the group that selections refer to.
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.group = Some(name.into().into());
        self
    }

    /// Adds tags that selections refer to.
    pub fn tags(mut self, tags: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.tags.extend(tags.into_iter().map(|tag| tag.into().into()));
        self
    }

    /// Marks a tool without side effects.
    pub fn read_only(mut self) -> Self {
        self.options.read_only = true;
        self
    }

    /// Marks a tool that may destroy data. Each call needs a permission, unless [`needs_approval`](Self::needs_approval)
    /// decides otherwise.
    pub fn destructive(mut self) -> Self {
        self.options.destructive = true;
        self
    }

    /// Marks a tool whose second call with the same arguments has no further effect.
    pub fn idempotent(mut self) -> Self {
        self.options.idempotent = true;
        self
    }

    /// Marks a tool that interacts with systems outside the program.
    pub fn open_world(mut self) -> Self {
        self.options.open_world = true;
        self
    }

    /// Ends the turn when the tool succeeds.
    pub fn terminal(mut self) -> Self {
        self.options.terminal = true;
        self
    }

    /// Disables the permission request of the CLI. Contradicts [`destructive`](Self::destructive) and
    /// [`needs_approval`](Self::needs_approval).
    pub fn skip_permission(mut self) -> Self {
        self.options.skip_permission = true;
        self
    }

    /// Sets the function that decides whether a call with these arguments needs approval. Default: calls of
    /// [`destructive`](Self::destructive) tools do.
    ///
    /// `Args` is read from the arguments object: the type of [`typed`](Self::typed), another type with some of its
    /// members, or [`Value`]. A call whose arguments cannot be read as `Args` needs approval.
    pub fn needs_approval<Args: DeserializeOwned>(
        mut self,
        decide: impl Fn(&Args) -> bool + Send + Sync + 'static,
    ) -> Self {
        let decide = UserValue::new(decide);
        self.needs_approval = Some(Box::new(move |arguments| {
            serde_json::from_str(arguments).ok().map(|arguments| decide(&arguments))
        }));
        self
    }

    /// Sets the function that decides whether a session has the tool. Default: every session that selects it.
    pub fn enabled(mut self, decide: impl Fn(&SelectionContext<'_>) -> bool + Send + Sync + 'static) -> Self {
        let decide = UserValue::new(decide);
        self.enabled = Some(Box::new(move |context| decide(context)));
        self
    }

    /// Replaces the CLI's built-in tool of the same name.
    pub fn overrides_builtin(mut self) -> Self {
        self.options.overrides_builtin = true;
        self
    }

    /// Sets whether the CLI may defer loading the tool. Default: the CLI's.
    pub fn defer(mut self, defer: Defer) -> Self {
        self.options.defer = Some(match defer {
            Defer::Auto => "auto",
            Defer::Never => "never",
        });
        self
    }

    /// Adds metadata for the CLI. Keys have a namespace, as in `example.com:key`.
    pub fn meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.meta.insert(key.into(), value.into());
        self
    }

    /// Sets the timeout of a call, in milliseconds precision. Default: that of the
    /// [group or the session](crate::tool_filter::ToolOptions::timeout), which is two minutes unless it is set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout_ms = Some(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Sets the maximum number of retries after a [transient failure](crate::ToolError::retry). Requires
    /// [`read_only`](Self::read_only) or [`idempotent`](Self::idempotent). Default: 0.
    pub fn retries(mut self, retries: u32) -> Self {
        self.options.retries = retries;
        self
    }

    /// Sets the maximum length of the text that the model reads, in bytes. Longer text is truncated in the middle, with a
    /// notice that counts towards the limit. Default: no limit; the CLI keeps long text in a file, see
    /// [`LargeOutput`](crate::tool_filter::LargeOutput).
    pub fn max_output(mut self, bytes: usize) -> Self {
        self.options.max_output = Some(bytes);
        self
    }

    /// Sets the maximum number of concurrent calls. Default: no limit.
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.options.concurrency = Some(calls);
        self
    }

    /// Sets how often the agent may call the tool in a turn. The model reads the number of calls that are left after each
    /// result; further calls fail and are not run. Calls of MCP clients, which have no turns, are not counted.
    /// Default: no limit.
    pub fn budget(mut self, calls: usize) -> Self {
        self.options.budget = Some(calls);
        self
    }

    /// Runs calls with the same value of an argument one after another, in the order in which the agent makes them; calls
    /// with other values run concurrently. `argument` is the name of an argument, or a path such as `file.path`. One that
    /// the schema does not have is an error when the session starts. Default: all calls run concurrently.
    ///
    /// Values are equal if they are equal as JSON once safe mistakes are corrected. Calls without the argument have its
    /// default, and wait for each other if it has none. As with [`concurrency`](Self::concurrency), the calls of all
    /// sessions of the program count, and the wait counts towards the timeout. A waiting call takes no permit. A call
    /// keeps its turn between retries, and leaves its queue when it is cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::DynTool;
    /// use serde_json::json;
    ///
    /// # fn main() -> copilot::Result<()> {
    /// let append = DynTool::new("append", "Append a line to a file.")
    ///     .schema(json!({
    ///         "type": "object",
    ///         "properties": { "path": { "type": "string" }, "line": { "type": "string" } },
    ///         "required": ["path", "line"],
    ///     }))?
    ///     .serial_by("path")
    ///     .run(|arguments, _cx| async move { format!("appended to {}", arguments["path"]) });
    /// # drop(append);
    /// # Ok(())
    /// # }
    /// ```
    pub fn serial_by(mut self, argument: impl Into<String>) -> Self {
        self.serial_by = Some(argument.into().into());
        self
    }

    /// Sets whether the model reads the text of foreign errors. Default: the session's setting.
    pub fn errors(mut self, errors: ToolErrors) -> Self {
        self.options.errors_visible = Some(errors == ToolErrors::Visible);
        self
    }

    /// Sets whether safe mistakes in arguments are corrected, such as `"3"` for an integer and `maxDays` for `max_days`.
    /// Default: `true`.
    pub fn coerce(mut self, coerce: bool) -> Self {
        self.options.coerce = coerce;
        self
    }

    /// Sets the type of the values that the tool returns with [`Json`](crate::Json), for
    /// [`Tool::output_schema`](crate::Tool::output_schema).
    pub fn returns<T: JsonSchema>(mut self) -> Self {
        self.options.output = Some(schema::of_output::<T>);
        self
    }

    /// Returns the tool with a function that takes typed arguments. It may return all that a function with
    /// [`#[copilot::tool]`](crate::tool) may.
    ///
    /// `Args` is the arguments object: a type with named fields. Its schema and its doc comments are sent to the model,
    /// and mistakes in the arguments are reported as for the attribute. A type that cannot be described is an error
    /// when the session starts.
    pub fn typed<Args, F, Fut, M>(mut self, function: F) -> Tool
    where
        Args: DeserializeOwned + JsonSchema + Send + 'static,
        F: Fn(Args, ToolContext) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: Outcome<M>,
    {
        self.options.params = TYPED_PARAMS;
        let function = UserValue::new(function);
        self.tool(Handler::Typed(Box::new(move |visitor| {
            let arguments = visitor.visit(0, Probe::<Args>::NEW.kind());
            let context = visitor.visit(1, Probe::<ToolContext>::NEW.kind());
            visitor.ready()?;
            let future = function(arguments?.lend(), context?.lend());
            run(async move { outcome(future.await) })
        })))
    }

    /// Returns the tool with a function that takes the arguments as JSON, validated against the
    /// [`schema`](Self::schema). It may return all that a function with [`#[copilot::tool]`](crate::tool) may.
    pub fn run<F, Fut, M>(self, function: F) -> Tool
    where
        F: Fn(Value, ToolContext) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: Outcome<M>,
    {
        let function = UserValue::new(function);
        self.tool(Handler::Json(Box::new(move |arguments, context| {
            let future = function(arguments, context);
            Started::Future(Box::pin(async move { outcome(future.await) }))
        })))
    }

    /// Returns a tool without a function: the model sees it, and another client of the session answers its calls.
    pub fn declare(self) -> Tool {
        self.tool(Handler::Declared)
    }

    fn tool(self, handler: Handler) -> Tool {
        let Self {
            name,
            description,
            title,
            group,
            tags,
            meta,
            serial_by,
            schema,
            options,
            needs_approval,
            enabled,
        } = self;
        Tool::from_dynamic(Arc::new(Dynamic {
            name,
            description,
            title,
            group,
            tags,
            meta,
            serial_by,
            schema,
            options,
            needs_approval,
            enabled,
            handler,
            compiled: OnceLock::new(),
        }))
    }
}

impl fmt::Debug for DynTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynTool").field("name", &self.name).finish_non_exhaustive()
    }
}
