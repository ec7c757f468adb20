//! Tools in tests: calls without a process, checks of all tools at once, the surface in review.

use std::fmt::Write as _;
use std::future::IntoFuture;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures_core::future::BoxFuture;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::ToolCallId;
use crate::tools::{
    self, Cancellation, Invocation, StateMap, Tool, ToolContext, ToolError, ToolHost, ToolResult, ToolSet,
};

/// Calls a tool as a session would: arguments are checked, failures become results, time runs out; there is no
/// process and no model.
///
/// With `#[tokio::test(start_paused = true)]` timeouts and retries pass at once.
///
/// # Panics
///
/// When it is awaited without the states that the tool needs, as the start of a session fails without them.
///
/// # Examples
///
/// ```
/// # use copilot::State;
/// struct Stock(u32);
///
/// /// How many are left.
/// #[copilot::tool(read_only)]
/// async fn left(
///     /// Of what.
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
pub fn call(tool: Tool, arguments: Value) -> ToolCall {
    ToolCall {
        tool,
        arguments,
        states: StateMap::default(),
        agent_id: None,
        working_dir: None,
        host: Arc::default(),
        cancel: Cancellation::default(),
    }
}

/// A context for calling a function with `#[copilot::tool]` directly.
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

/// A call that runs when it is awaited; made by [`call`].
///
/// # Cancel safety
///
/// Dropping the future drops the tool's own, wherever it is.
#[derive(Debug)]
#[must_use = "a call runs when it is awaited"]
pub struct ToolCall {
    tool: Tool,
    arguments: Value,
    states: StateMap,
    agent_id: Option<Box<str>>,
    working_dir: Option<Box<str>>,
    host: Arc<Recorder>,
    cancel: Cancellation,
}

impl ToolCall {
    /// Gives the tool a state.
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(value);
        self
    }

    /// As [`state`](Self::state), for a value that the test looks at afterwards.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// use copilot::State;
    /// use copilot::testing::call;
    ///
    /// /// Count one up.
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
    pub fn shared_state<T: Send + Sync + 'static>(mut self, value: Arc<T>) -> Self {
        self.states.insert_shared(value);
        self
    }

    /// Says which sub-agent calls.
    pub fn agent_id(mut self, id: &str) -> Self {
        self.agent_id = Some(id.into());
        self
    }

    /// Says in which directory the agent works.
    pub fn working_dir(mut self, path: &str) -> Self {
        self.working_dir = Some(path.into());
        self
    }

    /// Answers the next question that the tool asks the user.
    pub fn answer(self, text: impl Into<String>) -> Self {
        self.host.lock().answers.push(text.into());
        self
    }

    /// Answers the next method of the CLI that the tool calls.
    pub fn reply(self, result: Value) -> Self {
        self.host.lock().replies.push(result);
        self
    }

    /// Makes it a call that nobody waits for any more.
    pub fn cancelled(self) -> Self {
        self.cancel.cancel();
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
            agent_id,
            working_directory: working_dir,
            traceparent: None,
            tracestate: None,
            arguments: serde_json::value::to_raw_value(&arguments).ok(),
            states: Arc::new(states),
            host: Arc::clone(&host) as _,
            cancel,
            errors_visible: false,
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

/// What came of a [`call`]; derefs to the result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Called {
    /// What the model would be told.
    pub result: ToolResult,
    /// What the tool said of its progress: from 0 to 1, and in words.
    pub progress: Vec<(Option<f64>, String)>,
    /// What the tool wrote to the session's log.
    pub log: Vec<String>,
    error: Option<Arc<ToolError>>,
}

impl Called {
    /// The failure that the result was made of, with all that the model does not read: an error that the tool
    /// returned, a panic. `None` for a result that the tool made itself, and where the tool did not run to its end.
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
}

impl Deref for Called {
    type Target = ToolResult;

    fn deref(&self) -> &ToolResult {
        &self.result
    }
}

/// A session that remembers what a tool told it.
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
                    format!("the test has no reply to `{method}`: add `.reply(..)`"),
                )
            });
        Box::pin(async move { reply })
    }

    fn ask_user(&self, question: String, _: Vec<String>) -> BoxFuture<'_, Result<String>> {
        let answer = next(&mut self.lock().answers).ok_or_else(|| {
            Error::new(
                ErrorKind::Session,
                format!("the test has no answer to `{question}`: add `.answer(..)`"),
            )
        });
        Box::pin(async move { answer })
    }
}

fn next<T>(queue: &mut Vec<T>) -> Option<T> {
    (!queue.is_empty()).then(|| queue.remove(0))
}

/// Makes one test that checks every tool that is linked into the test's program: names, schemas, descriptions of all
/// arguments, defaults and examples that fit.
///
/// # Examples
///
/// ```
/// # #![allow(unused)]
/// # fn main() {}
/// copilot::test_tools!();
/// ```
#[macro_export]
macro_rules! test_tools {
    () => {
        #[test]
        fn every_tool_can_be_given_to_a_model() {
            $crate::testing::check_tools();
        }
    };
}

/// Checks every tool that is linked into the program; what [`test_tools!`](crate::test_tools) calls.
///
/// # Panics
///
/// With everything that is wrong, if anything is.
pub fn check_tools() {
    let problems = tools::problems();
    let mut message = String::new();
    for problem in &problems {
        write!(message, "\n  {problem}").expect("writing to a string cannot fail");
    }
    assert!(problems.is_empty(), "the tools of this program have {} problems:{message}", problems.len());
}

/// Keeps the names, descriptions and schemas of all linked tools in a file, relative to the package, so that a change
/// of what the model sees is a change in review.
///
/// The first run writes the file; later runs compare. `COPILOT_TOOLS=accept` writes it anew.
///
/// # Panics
///
/// If the tools are not what the file says, or it cannot be read or written.
pub fn assert_tools_snapshot(path: impl AsRef<Path>) {
    let path = path.as_ref();
    let tools = tools::linked_set().unwrap_or_else(|error| panic!("the tools do not fit together: {error}"));
    let now = serde_json::to_value(&tools).expect("tools are JSON");
    let text = format!("{now:#}\n");
    let accept = std::env::var_os("COPILOT_TOOLS").is_some_and(|value| value == "accept");
    if accept || !path.exists() {
        std::fs::write(path, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        return;
    }
    let kept = std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let kept: Value = serde_json::from_str(&kept)
        .unwrap_or_else(|error| panic!("{} is not what this function writes: {error}", path.display()));
    let changes = changes(&kept, &now);
    assert!(
        changes.is_empty(),
        "the tools are not what {} says:{changes}\nif that is meant, run the test with COPILOT_TOOLS=accept and commit \
         the file",
        path.display()
    );
}

/// Which tools differ, and how each reads now.
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
