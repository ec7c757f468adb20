//! The tools of a crate that is named with `link!` only; `linked_tools.rs` shows the error without it. This crate has a
//! tool of the same name as one of them.
//!
//! A separate binary: `link!` adds the crate to the whole program, and the tests list all linked tools.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::sync::{Arc, Mutex};

use copilot::testing::{FakeCli, assert_tools_snapshot_of, call, check_tools, check_tools_of};
use copilot::tool_filter::ToolOptions;
use copilot::{Decision, EventKind, Session, SessionBuilder, Tool, tools};
use copilot_tests::events::next_event;
use copilot_tests::fake::Fake;
use copilot_tests::panics::file_of_panic;
use copilot_unlinked::Well;
use serde_json::{Value, json};

copilot::link!(copilot_unlinked);

/// Throw a ball.
#[copilot::tool(destructive)]
async fn throw() -> &'static str {
    "a ball"
}

fn names(session: &Session) -> Vec<String> {
    session.tools().list().iter().map(|tool| tool.name().to_owned()).collect()
}

#[tokio::test]
async fn the_tools_of_a_crate_that_is_named_are_found() {
    let fake = Fake::on(FakeCli::new()).await;
    let builder = fake.session().with_all_tools().expect_tools_from(["copilot-unlinked"]);
    let session = builder.except([throw::TOOL]).state(Well(7)).start().await.expect("it opens");
    assert_eq!(names(&session), ["depth", "throw", "well_dig"]);
    let thrown = fake.cli.call_tool(session.id(), "throw", json!({ "dyn": "/nowhere" })).await;
    assert_eq!(thrown["textResultForLlm"], "false");
}

#[tokio::test]
async fn tools_of_an_older_edition_work() {
    let well = || Well(7);
    let depth = call(copilot_unlinked::depth::TOOL, json!({ "name": "old", "times": 2 })).state(well()).await;
    assert_eq!(depth.text(), "old None 2 7");
    let thrown = call(copilot_unlinked::throw::TOOL, json!({ "dyn": "/nowhere" })).await;
    assert_eq!(thrown.text(), "false");
    let dig: Vec<Tool> = copilot::Toolset::into_tools(well());
    assert_eq!(call(dig[0].clone(), json!({ "by": 3 })).await.text(), "10");
}

#[tokio::test]
async fn two_crates_with_one_tool_name_need_another_name_in_the_session() {
    let error = Session::builder().with_all_tools().state(Well(7)).start().await.unwrap_err().to_string();
    assert!(error.contains(".renamed(") && error.contains("ToolOptions::prefix("), "{error}");
    let clash = error.lines().last().unwrap();
    assert!(clash.starts_with("  `throw`: at ") && clash.contains("(in `linking`)"), "{error}");
    assert!(clash.contains("(in `copilot_unlinked`)"), "{error}");
    let checked = std::panic::catch_unwind(check_tools).unwrap_err();
    assert!(checked.downcast_ref::<String>().unwrap().contains("ToolOptions::prefix("));
}

fn prefixes() -> ToolOptions {
    ToolOptions::new().prefix("old_", [tools::module("copilot_unlinked")])
}

fn prefixed(builder: SessionBuilder) -> SessionBuilder {
    builder.with_all_tools().tool_options(prefixes()).state(Well(7))
}

copilot::test_tools!(prefixed(Session::builder()));

#[test]
fn a_snapshot_of_a_session_has_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.json");
    assert_tools_snapshot_of(&prefixed(Session::builder()), &path);
    let tools: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["old_depth", "old_throw", "old_well_dig", "throw"]);
    let renamed = std::panic::catch_unwind(|| assert_tools_snapshot_of(&all(), &path)).unwrap_err();
    assert!(renamed.downcast_ref::<String>().unwrap().contains("- old_throw"));
    let clash =
        std::panic::catch_unwind(|| check_tools_of(&Session::builder().with_all_tools())).unwrap_err();
    assert!(clash.downcast_ref::<String>().unwrap().contains("the tools of this session have 1 problems"));
}

#[test]
fn a_failed_check_is_reported_where_it_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tools.json");
    std::fs::write(&path, "[]").unwrap();
    assert_eq!(file_of_panic(|| assert_tools_snapshot_of(&all(), &path)), file!());
    std::fs::write(&path, "{").unwrap();
    assert_eq!(file_of_panic(|| assert_tools_snapshot_of(&all(), &path)), file!());
    assert_eq!(file_of_panic(|| check_tools_of(&Session::builder().with_all_tools())), file!());
}

fn all() -> SessionBuilder {
    Session::builder().with_all_tools().with_tools([copilot_unlinked::throw::TOOL.renamed("toss")])
}

#[test]
fn a_renamed_tool_takes_the_place_of_the_linked_one() {
    check_tools_of(&all());
}

#[tokio::test(start_paused = true)]
async fn a_session_has_the_new_names_everywhere() {
    let cli = FakeCli::new();
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let ask = Arc::clone(&asked);
    let builder = prefixed(client.session()).tool_options(prefixes().prefix("new_", [throw::TOOL]));
    let session = builder
        .on_permission(move |request| {
            ask.lock().unwrap().push(request.tool_name().unwrap_or_default().to_owned());
            async { Decision::Approve }
        })
        .start()
        .await
        .expect("it opens");
    let sent = |request: &Value| -> Vec<String> {
        let tools = request["tools"].as_array().unwrap();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = ["new_throw", "old_depth", "old_throw", "old_well_dig"];
    assert_eq!(sent(&cli.requests("session.create")[0]), all);
    let mut events = session.events();
    let depth = cli.call_tool(session.id(), "old_depth", json!({ "name": "x" })).await;
    assert_eq!(depth["textResultForLlm"], "x None 1 7");
    let progress = next_event(&mut events, |kind| matches!(kind, EventKind::ToolProgress(_))).await;
    let EventKind::ToolProgress(progress) = progress.kind() else { unreachable!() };
    assert_eq!(progress.tool_name, "old_depth");
    let dug = cli.call_tool(session.id(), "old_well_dig", json!({ "by": 3 })).await;
    assert_eq!(dug["textResultForLlm"], "10");
    let thrown = cli.call_tool(session.id(), "new_throw", json!({})).await;
    assert_eq!(thrown["textResultForLlm"], "a ball");
    assert_eq!(*asked.lock().unwrap(), ["old_depth", "old_well_dig", "new_throw"]);

    cli.hang_up();
    next_event(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    assert_eq!(sent(&cli.requests("session.resume")[0]), all);
    let dug = cli.call_tool(session.id(), "old_well_dig", json!({ "by": 4 })).await;
    assert_eq!(dug["textResultForLlm"], "11");

    session.tools().disable(["old_throw"]).await.unwrap();
    session.tools().remove(["old_depth"]).await.unwrap();
    session.tools().add([copilot_unlinked::depth::TOOL.renamed("deep")]).await.unwrap();
    assert_eq!(names(&session), ["deep", "new_throw", "old_well_dig"]);
    session.tools().enable(["old_throw"]).await.unwrap();
    let clash = session.tools().add([throw::TOOL.renamed("old_throw")]).await.unwrap_err().to_string();
    assert!(
        clash.contains("`old_throw`: at ") && clash.matches("defined as `throw`").count() == 2,
        "{clash}"
    );
    assert_eq!(names(&session), ["deep", "new_throw", "old_throw", "old_well_dig"]);
}
