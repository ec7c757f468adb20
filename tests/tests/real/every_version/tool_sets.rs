//! The tools that a model is offered, of the program and of MCP servers, on every generation of the real CLI.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use copilot::mcp::{Mcp, McpServer, StdioServer};
use copilot::memory::Storage;
use copilot::permissions::PermissionKind;
use copilot::testing::{RecordedRequest, Script};
use copilot::tool_filter::{LargeOutput, ToolFilter, ToolOptions};
use copilot::{Permissions, Session};
use copilot_tests::real::Real;
use copilot_tests::tested;
use serde_json::json;

use super::basics::add;

use crate::session_config::long;

#[tokio::test]
async fn tools_are_excluded_and_chosen_by_name() {
    let real = Real::over_stdio(
        Script::new()
            .expect("all but these", |request| {
                let names = request.tool_names();
                names.contains(&"add") && !names.contains(&"long") && !names.contains(&"bash")
            })
            .say("Fewer."),
    )
    .await;
    let session = real.session().with_tools([add::TOOL, long::TOOL]).excluded_tools(["bash", "long"]);
    assert_eq!(session.start().await.unwrap().ask("Which?").await.unwrap().text(), "Fewer.");
    real.finish().await;
}

#[tokio::test]
async fn only_chosen_tools_are_offered() {
    let real = Real::over_stdio(
        Script::new()
            .expect("these", |request| {
                let mut names = request.tool_names();
                names.sort_unstable();
                names == ["add", "view"]
            })
            .say("Two."),
    )
    .await;
    let session = real.session().with_tools([add::TOOL, long::TOOL]).available_tools(["add", "view"]);
    assert_eq!(session.start().await.unwrap().ask("Which?").await.unwrap().text(), "Two.");
    real.finish().await;
}

#[tokio::test]
async fn tools_are_chosen_by_source() {
    let real = Real::over_stdio(
        Script::new()
            .expect("these", |request| {
                let mut names = request.tool_names();
                names.sort_unstable();
                names == ["add", "long", "view"]
            })
            .say("Three."),
    )
    .await;
    let session = real
        .session()
        .with_tools([add::TOOL, long::TOOL])
        .available_tools([ToolFilter::all_custom(), ToolFilter::builtin("view")]);
    let Some(session) = tested::unless_refused([1, 0, 32], session.start().await) else {
        return real.leave().await;
    };
    assert_eq!(session.ask("Which?").await.unwrap().text(), "Three.");
    real.finish().await;
}

async fn greet_through(server: StdioServer, greeting: &'static str) -> (Real, copilot::Result<Session>) {
    let script = Script::new()
        .call("echo-say", json!({"text": "there"}))
        .expect_tool_result("echo-say", move |text| text.contains(greeting))
        .say("It greets.");
    let real = Real::over_stdio(script).await;
    let permissions = Permissions::deny_all().allow(PermissionKind::Mcp);
    let started = real.session().mcp_server("echo", server).permissions(permissions).start().await;
    (real, started)
}

#[tokio::test]
async fn an_mcp_server_over_pipes_gives_its_tools() {
    let server = McpServer::stdio(env!("CARGO_BIN_EXE_mcp-echo"));
    let (real, session) = greet_through(server, "there").await;
    assert_eq!(session.unwrap().ask("Greet.").await.unwrap().text(), "It greets.");
    real.finish().await;
}

#[tokio::test]
async fn an_mcp_server_over_pipes_has_variables() {
    let server = McpServer::stdio(env!("CARGO_BIN_EXE_mcp-echo")).env("GREETING", "hello ");
    let (real, started) = greet_through(server, "hello there").await;
    let Some(session) = tested::unless_refused([0, 0, 403], started) else { return real.leave().await };
    assert_eq!(session.ask("Greet.").await.unwrap().text(), "It greets.");
    real.finish().await;
}

#[tokio::test]
async fn large_output_goes_to_a_file() {
    let script = Script::new()
        .call("long", json!({}))
        .expect_tool_result("long", |text| text.len() < 30_000)
        .say("Short.");
    let real = Real::over_stdio(script).await;
    let session = real.session().with_tools([long::TOOL]).start().await.unwrap();
    assert_eq!(session.ask("Keep it short.").await.unwrap().text(), "Short.");
    real.finish().await;
}

#[tokio::test]
async fn large_output_can_be_left_whole() {
    let script = Script::new()
        .call("long", json!({}))
        .expect_tool_result("long", |text| text.len() > 60_000)
        .say("Whole.");
    let real = Real::over_stdio(script).await;
    let session = real
        .session()
        .with_tools([long::TOOL])
        .tool_options(ToolOptions::new().large_output(LargeOutput::disabled()));
    let Some(session) = tested::unless_refused([1, 0, 57], session.start().await) else {
        return real.leave().await;
    };
    assert_eq!(session.ask("All of it.").await.unwrap().text(), "Whole.");
    real.finish().await;
}

#[tokio::test]
async fn tools_come_and_go() {
    let has = |name: &'static str| move |request: &RecordedRequest| request.tool_names().contains(&name);
    let script = Script::new().expect("one", has("add")).say("One.").expect("both", has("long")).say("Both.");
    let real = Real::over_stdio(script).await;
    let session = real.session().with_tools([add::TOOL]).start().await.unwrap();
    assert_eq!(session.ask("1").await.unwrap().text(), "One.");
    if tested::unless_refused([1, 0, 57], session.tools().add([long::TOOL]).await).is_none() {
        return real.leave().await;
    }
    assert_eq!(session.ask("2").await.unwrap().text(), "Both.");
    real.finish().await;
}

#[tokio::test]
async fn an_empty_session_gets_nothing_by_itself() {
    let script = Script::new()
        .expect("one tool", |request| request.tool_names() == ["add"])
        .expect("nothing of this machine", |request| {
            !request.system().unwrap_or_default().contains("never say never")
        })
        .say("Quiet.");
    let real = Real::over_stdio(script).await;
    std::fs::write(real.state.path().join("AGENTS.md"), "Rule one: never say never.\n").unwrap();
    let builder =
        real.session().isolated().with_tools([add::TOOL]).mcp(Mcp::new().token_storage(Storage::InMemory));
    let builder = builder.available_tools([ToolFilter::custom("add")]);
    let Some(session) = tested::unless_refused([1, 0, 32], builder.start().await) else {
        return real.leave().await;
    };
    assert_eq!(session.ask("Anything?").await.unwrap().text(), "Quiet.");
    real.finish().await;
}
