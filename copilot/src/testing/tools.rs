//! Tests of tools: calls without a CLI, checks of all linked tools, and snapshots of them.

use std::fmt::Write as _;
use std::future::IntoFuture;
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_core::future::BoxFuture;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::ToolCallId;
use crate::session::builder::SessionBuilder;
use crate::task::lock;
use crate::tools::output::ticket::TicketRecord;
use crate::tools::{
    self, CancellationToken, Invocation, StateMap, Timeouts, Tool, ToolContext, ToolError, ToolHost,
    ToolResult, ToolSet, check_compat, lint, snapshot,
};

/// Creates a call of a tool as in a session, with validation of arguments, failure results and timeouts, but without a
/// CLI and a model.
///
/// With `#[tokio::test(start_paused = true)]` (Tokio's feature `test-util`) timeouts and retries elapse immediately.
///
/// # Panics
///
/// Awaiting the call panics if a state that the tool needs is missing.
///
/// # Examples
///
/// ```
/// # use copilot::State;
/// struct Stock(u32);
///
/// /// Return the number of items in stock.
/// #[copilot::tool(read_only)]
/// async fn left(
///     /// Name of the item.
///     item: &str,
///     stock: State<Stock>,
/// ) -> String {
///     format!("{} {item} left", stock.0)
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use copilot::testing::call;
/// use serde_json::json;
///
/// let result = call(left::TOOL, json!({ "item": "pens" })).state(Stock(3)).await;
/// assert_eq!(result.text(), "3 pens left");
///
/// let result = call(left::TOOL, json!({ "itme": "pens" })).state(Stock(3)).await;
/// assert!(!result.is_success() && result.text().contains("did you mean `item`"));
/// # }
/// ```
#[expect(clippy::needless_pass_by_value, reason = "most calls have `json!` here")]
pub fn call(tool: Tool, arguments: Value) -> ToolCall {
    ToolCall {
        tool,
        arguments: serde_json::value::to_raw_value(&arguments).ok(),
        states: StateMap::default(),
        agent_id: None,
        working_dir: None,
        host: Arc::default(),
        cancel: CancellationToken::default(),
    }
}

/// Creates a context to call a function with `#[copilot::tool]` directly.
///
/// # Examples
///
/// ```
/// /// Wait for the kettle.
/// #[copilot::tool]
/// async fn boil(cx: &copilot::ToolContext) -> &'static str {
///     cx.progress(0.5, "it sings");
///     "tea"
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert_eq!(boil(&copilot::testing::context()).await, "tea");
/// # }
/// ```
pub fn context() -> ToolContext {
    call(tools::DynTool::new("test", "A test.").declare(), Value::Null).into_context()
}

/// A tool call that runs when awaited, created by [`call`].
///
/// # Cancel safety
///
/// Dropping the future drops the future of the tool.
#[derive(Debug)]
#[must_use = "a call runs only when awaited"]
pub struct ToolCall {
    tool: Tool,
    arguments: Option<Box<RawValue>>,
    states: StateMap,
    agent_id: Option<Box<str>>,
    working_dir: Option<Box<str>>,
    host: Arc<Recorder>,
    cancel: CancellationToken,
}

impl ToolCall {
    /// Adds a state for the tool, as [`SessionBuilder::state`](crate::SessionBuilder::state) does.
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(value);
        self
    }

    /// Adds a state that the test shares and can inspect afterwards, or a fake for a
    /// [trait object](crate::State#trait-objects).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// use copilot::State;
    /// use copilot::testing::call;
    ///
    /// /// Increment the counter.
    /// #[copilot::tool]
    /// fn count(counter: State<Mutex<u32>>) {
    ///     *counter.lock().unwrap() += 1;
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let counter = Arc::new(Mutex::new(0_u32));
    /// call(count::TOOL, serde_json::json!({})).shared_state(Arc::clone(&counter)).await;
    /// assert_eq!(*counter.lock().unwrap(), 1);
    /// # }
    /// ```
    pub fn shared_state<T: Send + Sync + ?Sized + 'static>(mut self, value: Arc<T>) -> Self {
        self.states.insert_shared(value);
        self
    }

    /// Sets the id of the calling sub-agent. Default: the main agent.
    pub fn agent_id(mut self, id: &str) -> Self {
        self.agent_id = Some(id.into());
        self
    }

    /// Sets the working directory of the agent. Default: none.
    pub fn working_dir(mut self, path: &str) -> Self {
        self.working_dir = Some(path.into());
        self
    }

    /// Adds an answer to a question of the tool to the user. Answers are used in order.
    pub fn answer(self, text: impl Into<String>) -> Self {
        self.host.lock().answers.push(text.into());
        self
    }

    /// Adds a result of a CLI method that the tool calls. Results are used in order.
    pub fn reply(self, result: Value) -> Self {
        self.host.lock().replies.push(result);
        self
    }

    /// Marks the call as cancelled before it starts. The function runs unless the call has to wait: a tool with
    /// `concurrency`, `serial_by`, a lazily built state or a parameter of a [`FromCallAsync`](crate::tools::FromCallAsync)
    /// type checks for a cancellation before it starts its function.
    pub fn cancelled(self) -> Self {
        self.cancel.cancel();
        self
    }

    /// Sets the arguments as text, which may be JSON that a `Value` cannot hold.
    pub(super) fn arguments_text(mut self, text: Box<RawValue>) -> Self {
        self.arguments = Some(text);
        self
    }

    /// Replaces the states.
    pub(super) fn states(mut self, states: StateMap) -> Self {
        self.states = states;
        self
    }

    fn into_context(self) -> ToolContext {
        let (tool, invocation, _) = self.into_invocation();
        ToolContext::new(tool, invocation)
    }

    fn into_invocation(self) -> (Tool, Invocation, Arc<Recorder>) {
        let Self { tool, arguments, states, agent_id, working_dir, host, cancel } = self;
        let invocation = Invocation {
            session_id: "test-session".into(),
            call_id: "test-call".into(),
            request_id: Some("test-request".into()),
            agent_id,
            working_directory: working_dir,
            traceparent: None,
            tracestate: None,
            arguments,
            states: Arc::new(states),
            host: Arc::clone(&host) as _,
            cancel,
            errors_visible: false,
            on_thread: AtomicBool::new(false),
        };
        (tool, invocation, host)
    }
}

impl IntoFuture for ToolCall {
    type Output = Called;
    type IntoFuture = BoxFuture<'static, Called>;

    #[track_caller]
    fn into_future(self) -> Self::IntoFuture {
        if let Err(refused) = ToolSet::new(vec![self.tool.clone()], &self.states) {
            panic!("{refused}");
        }
        let (tool, invocation, host) = self.into_invocation();
        Box::pin(async move {
            let (result, error) = tool.invoke_explained(invocation).await;
            let mut record = host.lock();
            Called {
                result,
                error: error.map(Arc::new),
                progress: std::mem::take(&mut record.progress),
                log: std::mem::take(&mut record.log),
            }
        })
    }
}

/// The outcome of a [`call`]. Dereferences to the result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Called {
    /// The result for the model.
    pub result: ToolResult,
    /// The progress reports of the tool: the fraction from 0 to 1, and the message.
    pub progress: Vec<(Option<f64>, String)>,
    /// The lines that the tool wrote to the session's log.
    pub log: Vec<String>,
    error: Option<Arc<ToolError>>,
}

impl Called {
    /// Returns the error or the panic of the tool, including the details hidden from the model. `None` for a result
    /// that the tool returned, and if the tool did not run to completion.
    ///
    /// # Examples
    ///
    /// ```
    /// /// Read the settings.
    /// #[copilot::tool]
    /// async fn settings() -> std::io::Result<String> {
    ///     Err(std::io::Error::other("no such file"))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let called = copilot::testing::call(settings::TOOL, serde_json::json!({})).await;
    /// assert!(!called.text().contains("no such file"));
    /// assert_eq!(called.error().unwrap().to_string(), "no such file");
    /// # }
    /// ```
    pub fn error(&self) -> Option<&ToolError> {
        self.error.as_deref()
    }

    /// Returns the message of the tool's panic.
    pub(super) fn panic(&self) -> Option<&str> {
        self.error.as_deref()?.panic()
    }
}

impl Deref for Called {
    type Target = ToolResult;

    fn deref(&self) -> &ToolResult {
        &self.result
    }
}

/// A session that records the calls of a tool.
#[derive(Debug, Default)]
struct Recorder(Mutex<Record>);

#[derive(Debug, Default)]
struct Record {
    progress: Vec<(Option<f64>, String)>,
    log: Vec<String>,
    answers: Vec<String>,
    replies: Vec<Value>,
}

impl Recorder {
    fn lock(&self) -> std::sync::MutexGuard<'_, Record> {
        lock(&self.0)
    }
}

impl ToolHost for Recorder {
    fn progress(&self, _: &ToolCallId, _: &str, fraction: Option<f64>, message: &str) {
        self.lock().progress.push((fraction, message.to_owned()));
    }

    fn log(&self, _: &str, message: &str) {
        self.lock().log.push(message.to_owned());
    }

    fn call(&self, method: String, _: Box<RawValue>) -> BoxFuture<'_, Result<Box<RawValue>>> {
        let reply = next(&mut self.lock().replies)
            .and_then(|reply| serde_json::value::to_raw_value(&reply).ok())
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Session,
                    format!("the test has no reply to `{method}`; add `.reply(..)`"),
                )
            });
        Box::pin(async move { reply })
    }

    fn reserve(&self, _: Arc<TicketRecord>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn timeout(&self, _: Option<&str>) -> Duration {
        Timeouts::DEFAULT
    }

    fn ask_user(&self, question: String, _: Vec<String>) -> BoxFuture<'_, Result<String>> {
        let answer = next(&mut self.lock().answers).ok_or_else(|| {
            Error::new(
                ErrorKind::Session,
                format!("the test has no answer to `{question}`; add `.answer(..)`"),
            )
        });
        Box::pin(async move { answer })
    }
}

fn next<T>(queue: &mut Vec<T>) -> Option<T> {
    (!queue.is_empty()).then(|| queue.remove(0))
}

/// Defines a test that checks all tools linked into the test binary: names, schemas, descriptions of arguments, and
/// whether defaults and examples are valid.
///
/// The test prints notes, which `cargo test -- --nocapture` shows: on what a provider of models refuses, such as a
/// description of more than 1,024 characters, and on arguments whose fields are the arguments object, so that a second
/// argument would change it.
///
/// With the builder of a session, the test checks the tools of that session under the names that they have there: for a
/// program with crates whose tools clash without [`ToolOptions::prefix`](crate::tool_filter::ToolOptions::prefix).
///
/// # Examples
///
/// ```
/// # #![allow(unused)]
/// # fn main() {}
/// copilot::test_tools!();
/// ```
///
/// ```
/// # #![allow(unused)]
/// # fn main() {}
/// fn session() -> copilot::SessionBuilder {
///     copilot::Session::builder().with_all_tools()
/// }
///
/// copilot::test_tools!(session());
/// ```
#[macro_export]
macro_rules! test_tools {
    () => {
        #[test]
        fn every_tool_can_be_given_to_a_model() {
            $crate::testing::check_tools();
        }
    };
    ($builder:expr) => {
        #[test]
        fn every_tool_of_the_session_can_be_given_to_a_model() {
            $crate::testing::check_tools_of(&$builder);
        }
    };
}

/// Checks all tools linked into the program, as [`test_tools!`](crate::test_tools) does.
///
/// # Panics
///
/// Panics with a list of all problems, if there are any.
#[track_caller]
pub fn check_tools() {
    check("this program", lint::linked());
}

/// Checks the tools of a session that is not started, as [`test_tools!`](crate::test_tools) does with its builder.
/// States are not checked.
///
/// # Panics
///
/// Panics with a list of all problems, if there are any.
#[track_caller]
pub fn check_tools_of(session: &SessionBuilder) {
    check("this session", selected(session));
}

#[track_caller]
fn selected(session: &SessionBuilder) -> Vec<Tool> {
    match session.selected_tools() {
        Ok(tools) => tools,
        Err(error) => panic!("the tools cannot be selected: {error}"),
    }
}

#[track_caller]
fn check(owner: &str, tools: Vec<Tool>) {
    let problems = lint::problems(tools.clone());
    let mut message = String::new();
    for problem in &problems {
        write!(message, "\n  {problem}").expect("writing to a string cannot fail");
    }
    for note in lint::notes(tools) {
        println!("note: {note}");
    }
    assert!(problems.is_empty(), "the tools of {owner} have {} problems:{message}", problems.len());
}

/// Compares the names, descriptions and schemas, those of results included, of all linked tools with a file, whose path is relative to the package.
/// Changes of what the model sees are thus visible in review.
///
/// The first run writes the file; later runs compare. The variable `COPILOT_TOOLS` decides differently: `accept` overwrites
/// the file, and with `compare`, for CI, a missing file is an error.
///
/// # Panics
///
/// Panics if the tools differ from the file, or if the file cannot be read or written; with `COPILOT_TOOLS=compare` if it
/// does not exist.
#[track_caller]
pub fn assert_tools_snapshot(path: impl AsRef<Path>) {
    assert_snapshot(lint::linked(), path.as_ref());
}

/// Compares the tools of a session that is not started with a file, as [`assert_tools_snapshot`] does, under the names
/// that they have in that session.
///
/// # Panics
///
/// Panics as [`assert_tools_snapshot`], and if the session cannot have the tools.
#[track_caller]
pub fn assert_tools_snapshot_of(session: &SessionBuilder, path: impl AsRef<Path>) {
    assert_snapshot(selected(session), path.as_ref());
}

#[track_caller]
fn assert_snapshot(tools: Vec<Tool>, path: &Path) {
    let mode = std::env::var("COPILOT_TOOLS").unwrap_or_default();
    if let Err(problem) = compare_snapshot(tools, path, &mode) {
        panic!("{problem}");
    }
}

fn compare_snapshot(tools: Vec<Tool>, path: &Path, mode: &str) -> Result<(), String> {
    let tools = lint::set(tools).map_err(|error| format!("the tools conflict: {error}"))?;
    let now = snapshot(&tools).expect("tools are JSON");
    let text = format!("{now:#}\n");
    let exists = path.exists();
    if mode == "compare" && !exists {
        return Err(format!(
            "there is no tools snapshot {}; run the test without COPILOT_TOOLS to write it, and commit the file",
            path.display()
        ));
    }
    if mode == "accept" || !exists {
        return std::fs::write(path, text)
            .map_err(|error| format!("cannot write {}: {error}", path.display()));
    }
    let recorded =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let recorded: Value = serde_json::from_str(&recorded)
        .map_err(|error| format!("{} is not a tools snapshot: {error}", path.display()))?;
    let changes = changes(&recorded, &now);
    if changes.is_empty() {
        return Ok(());
    }
    let breaking = breaking(&recorded, &now, path);
    Err(format!(
        "the tools differ from {}:{changes}\n{breaking}if the change is intended, run the test with COPILOT_TOOLS=accept and \
         commit the file",
        path.display()
    ))
}

/// Lists the changes that break callers.
fn breaking(kept: &Value, now: &Value, path: &Path) -> String {
    let changes = check_compat(kept, now).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    for change in changes.iter().filter(|change| change.is_breaking()) {
        writeln!(text, "breaks callers: {change}").expect("writing to a string cannot fail");
    }
    text
}

/// Lists the tools that differ, each in the old and the new form.
fn changes(kept: &Value, now: &Value) -> String {
    let by_name = |tools: &Value| -> std::collections::BTreeMap<String, Value> {
        let tools = tools.as_array().into_iter().flatten();
        tools.map(|tool| (tool["name"].as_str().unwrap_or_default().to_owned(), tool.clone())).collect()
    };
    let (kept, now) = (by_name(kept), by_name(now));
    let mut text = String::new();
    for (name, tool) in &now {
        match kept.get(name) {
            None => writeln!(text, "\n+ {name}"),
            Some(old) if old != tool => writeln!(text, "\n~ {name}\nwas {old:#}\nis {tool:#}"),
            Some(_) => Ok(()),
        }
        .expect("writing to a string cannot fail");
    }
    for name in kept.keys().filter(|name| !now.contains_key(*name)) {
        writeln!(text, "\n- {name}").expect("writing to a string cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_ci_a_missing_snapshot_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tools.json");
        let missing = compare_snapshot(Vec::new(), &path, "compare").unwrap_err();
        assert!(missing.contains("tools.json; run the test without COPILOT_TOOLS"), "{missing}");
        assert!(!path.exists());
        compare_snapshot(Vec::new(), &path, "").unwrap();
        compare_snapshot(Vec::new(), &path, "compare").unwrap();
        std::fs::write(&path, r#"[{"name": "gone"}]"#).unwrap();
        let differs = compare_snapshot(Vec::new(), &path, "compare").unwrap_err();
        assert!(differs.contains("- gone"), "{differs}");
        compare_snapshot(Vec::new(), &path, "accept").unwrap();
        compare_snapshot(Vec::new(), &path, "compare").unwrap();
    }
}
