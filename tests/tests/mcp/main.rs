//! The MCP server, with a client that writes lines of JSON, and of the service for HTTP with single requests.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

mod calls;
mod client;
mod http;
mod listing;
mod questions;
mod real_cli;

use std::time::Duration;

use copilot::mcp::Server;
use copilot::{Content, Image, Json, ToolContext, ToolError, ToolResult, toolset};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Serialize, JsonSchema)]
struct Sum {
    sum: i64,
}

/// Add two numbers.
#[copilot::tool(read_only, title = "Adder", group = "math", tags("cheap"), meta("acme:team" = "blue"))]
async fn mcp_add(
    /// First summand.
    a: i64,
    /// Second summand.
    b: i64,
) -> Json<Sum> {
    Json(Sum { sum: a + b })
}

/// Return a list.
#[copilot::tool(idempotent, open_world)]
async fn mcp_list() -> Json<Vec<i64>> {
    Json(vec![1, 2])
}

/// Return content of several kinds.
#[copilot::tool(read_only)]
async fn mcp_content() -> Vec<Content> {
    vec!["A dot.".into(), Image::png(b"dot").description("a dot").into()]
}

/// Fail in a way that is given.
#[copilot::tool]
async fn mcp_fail(
    /// How.
    how: &str,
) -> Result<String, ToolError> {
    match how {
        "visibly" => Err(ToolError::tell("there is no city")),
        "hidden" => Err(ToolError::hidden("password=hunter2")),
        _ => panic!("the tool panics"),
    }
}

/// Report progress.
#[copilot::tool(read_only)]
async fn mcp_progress(cx: &ToolContext) -> String {
    cx.progress(0.25, "a quarter");
    cx.log("a line");
    tokio::task::yield_now().await;
    cx.progress(1.0, "all");
    "done".to_owned()
}

/// Wait until the call is cancelled.
#[copilot::tool(timeout = "50s")]
async fn mcp_wait(cx: &ToolContext) -> String {
    cx.progress(0.0, "started");
    cx.cancelled().await;
    cx.progress(1.0, "stopped");
    "stopped".to_owned()
}

/// Ask a question that has to be answered soon.
#[copilot::tool(timeout = "300ms")]
async fn mcp_ask_shortly(cx: &ToolContext) -> copilot::Result<String> {
    cx.ask_user("Which colour?", ["red", "blue"]).await
}

/// Ask two questions.
#[copilot::tool]
async fn mcp_ask(cx: &ToolContext) -> Result<String, ToolError> {
    let hidden = |error: copilot::Error| ToolError::tell(error.to_string());
    let colour = cx.ask_user("Which colour?", ["red", "blue"]).await.map_err(hidden)?;
    let name = cx.ask_user("Which name?", Vec::<String>::new()).await.map_err(hidden)?;
    Ok(format!("{name} is {colour}"))
}

/// Remove a file.
#[copilot::tool(destructive)]
async fn mcp_remove(
    /// The path.
    path: &str,
) -> String {
    format!("removed {path}")
}

/// Write a file.
#[copilot::tool(needs_approval = |path| match path {
    "/panic" => panic!("the option panics"),
    _ => path.starts_with("/etc"),
})]
async fn mcp_write(
    /// The path.
    path: &str,
) -> String {
    format!("wrote {path}")
}

/// Return what the context says.
#[copilot::tool(read_only)]
async fn mcp_context(cx: &ToolContext) -> ToolResult {
    let call = cx.call::<_, String>("models.list", ()).await;
    let trace = cx.trace().map(|(parent, _)| parent.to_owned());
    ToolResult::success(format!(
        "{} {} {trace:?} {:?}",
        cx.session_id(),
        cx.call_id(),
        call.map_err(|error| error.kind())
    ))
}

/// Return long text.
#[copilot::tool(read_only)]
async fn mcp_long() -> String {
    "x".repeat(5000)
}

/// Returns a server with all of these tools.
fn server() -> Server {
    Server::new("acme").version("1.2.3").with_tools(toolset![
        mcp_add,
        mcp_list,
        mcp_content,
        mcp_fail,
        mcp_progress,
        mcp_wait,
        mcp_ask,
        mcp_ask_shortly,
        mcp_remove,
        mcp_write,
        mcp_context,
        mcp_long
    ])
}

async fn eventually(mut holds: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never holds");
}
