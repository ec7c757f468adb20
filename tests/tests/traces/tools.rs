//! The tools of the tests, and how their calls are played.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use copilot::{Session, ToolError};
use copilot_tests::fake::Fake;
use serde_json::{Value, json};
use tokio::time::sleep;
use tracing::{Instrument, info, info_span};

/// Look something up.
#[copilot::tool(read_only)]
pub(crate) async fn finds(
    /// The thing to look up.
    what: String,
) -> String {
    info!("looking it up");
    async { format!("found {what}") }.instrument(info_span!("query", table = "things")).await
}

/// Count, on the pool for blocking work.
#[copilot::tool]
pub(crate) fn counts() -> u32 {
    info_span!("counting").in_scope(|| info!("counted"));
    3
}

/// Fail.
#[copilot::tool]
pub(crate) async fn fails() -> Result<String, ToolError> {
    Err(ToolError::tell("there is nothing"))
}

/// Fail for a reason that the model does not read.
#[copilot::tool]
pub(crate) async fn breaks() -> Result<String, ToolError> {
    Err(ToolError::hidden("the disk is full"))
}

/// Panic.
#[copilot::tool]
pub(crate) async fn panics() -> String {
    panic!("boom")
}

/// Panic on the pool for blocking work.
#[copilot::tool]
pub(crate) fn panics_in_thread() -> String {
    panic!("boom")
}

/// Take too long.
#[copilot::tool(timeout = "1s")]
pub(crate) async fn sleeps() -> String {
    sleep(Duration::from_secs(60)).await;
    "never".to_owned()
}

/// Succeed with the second attempt.
#[copilot::tool(idempotent, retries = 2)]
pub(crate) async fn flickers() -> Result<String, ToolError> {
    static ATTEMPTS: AtomicU32 = AtomicU32::new(0);
    match ATTEMPTS.fetch_add(1, Ordering::SeqCst) {
        0 => Err(ToolError::retry("busy")),
        _ => Ok("at last".to_owned()),
    }
}

/// Work, one call after another.
#[copilot::tool(concurrency = 1)]
pub(crate) async fn queues() -> String {
    sleep(Duration::from_secs(2)).await;
    "done".to_owned()
}

/// Work for two seconds.
// Unlike `queues`, whose limit is one of all sessions of a program, and so of all tests.
#[copilot::tool]
pub(crate) async fn works() -> String {
    sleep(Duration::from_secs(2)).await;
    "done".to_owned()
}

/// Destroy everything.
#[copilot::tool(destructive)]
pub(crate) async fn wipes() -> String {
    "gone".to_owned()
}

/// Refuse.
#[copilot::tool]
pub(crate) async fn refuses() -> Result<String, ToolError> {
    Err(ToolError::refused("not today"))
}

/// All tools.
pub(crate) fn all() -> Vec<copilot::Tool> {
    vec![
        finds::TOOL,
        counts::TOOL,
        fails::TOOL,
        breaks::TOOL,
        panics::TOOL,
        panics_in_thread::TOOL,
        sleeps::TOOL,
        flickers::TOOL,
        queues::TOOL,
        works::TOOL,
        wipes::TOOL,
        refuses::TOOL,
    ]
}

/// Emits the start of a call.
pub(crate) fn begin_call(fake: &Fake, session: &Session, tool: &str, id: &str, arguments: &Value) {
    let data = json!({"toolCallId": id, "toolName": tool, "arguments": arguments, "turnId": "0"});
    fake.cli.event(session.id(), "tool.execution_start", data);
}

/// Emits the end of a call.
pub(crate) fn end_call(fake: &Fake, session: &Session, id: &str, error: Option<&str>) {
    let mut data = json!({"toolCallId": id, "success": error.is_none()});
    match error {
        Some(code) => data["error"] = json!({"message": "it failed", "code": code}),
        None => data["result"] = json!({"content": "the result"}),
    }
    fake.cli.event(session.id(), "tool.execution_complete", data);
}

/// Plays a call of a tool of the program, from its start to its end.
pub(crate) async fn call(fake: &Fake, session: &Session, tool: &str, id: &str, arguments: Value) -> Value {
    begin_call(fake, session, tool, id, &arguments);
    let result = fake.cli.call_tool(session.id(), tool, arguments).call_id(id).await;
    let failed = (result["resultType"] != "success").then_some("failure");
    end_call(fake, session, id, failed);
    result
}
