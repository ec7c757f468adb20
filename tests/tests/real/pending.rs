//! Work that waits for an answer of a program, on the real CLI.

use copilot::permissions::PermissionKind;
use copilot::resume::Resume;
use copilot::testing::Script;
use copilot::{AgentMode, Decision, EventKind, Permissions, SessionBuilder, ToolResult};
use copilot_tests::events::next_event;
use copilot_tests::real::Real;
use serde_json::json;

/// Wait for a result.
#[copilot::tool]
async fn never() -> String {
    std::future::pending().await
}

fn echo() -> serde_json::Value {
    json!({"command": "echo hello", "description": "Say hello"})
}

/// Leaves every permission request open.
fn undecided(real: &Real) -> SessionBuilder {
    real.session().on_permission(async |_| Decision::Later)
}

#[tokio::test]
async fn a_permission_that_was_left_open_is_decided_by_its_id() {
    let script = Script::new()
        .call("bash", echo())
        .expect_tool_result("bash", |text| text.starts_with("hello"))
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let session = undecided(&real).start().await.unwrap();
    let mut events = session.events();
    let turn = session.stream("Say hello.").await.unwrap();
    next_event(&mut events, |kind| matches!(kind, EventKind::PermissionRequested(_))).await;
    let pending = session.pending().await.unwrap();
    let [asked] = pending.permissions() else { panic!("{pending:?}") };
    let request = asked.request();
    assert_eq!((request.kind(), request.command()), (&PermissionKind::Shell, Some("echo hello")));
    assert!(!request.requests_sandbox_bypass());
    let refused = asked.approve_with(json!({"command": "ls"})).await.unwrap_err();
    assert!(refused.to_string().contains("cannot be edited"), "{refused}");
    asked.approve().await.unwrap();
    assert_eq!(turn.reply().await.unwrap().text(), "Done.");
    let late = asked.approve().await.unwrap_err();
    assert!(late.to_string().contains("does not wait"), "{late}");
    real.finish().await;
}

#[tokio::test]
async fn a_permission_that_an_earlier_program_left_open_is_decided_as_it_was_requested() {
    let script = Script::new()
        .call("bash", echo())
        .expect_tool_result("bash", |text| text.starts_with("hello"))
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let session = undecided(&real).start().await.unwrap();
    let mut events = session.events();
    session.send("Say hello.").await.unwrap();
    next_event(&mut events, |kind| matches!(kind, EventKind::PermissionRequested(_))).await;
    let id = session.id().clone();
    session.close().await.unwrap();
    let resumed = real
        .client
        .resume(id)
        .scripted_model(&real.model)
        .permissions(Permissions::default().allow(PermissionKind::Shell))
        .resume_options(Resume::new().continue_pending_work(true))
        .start()
        .await
        .unwrap();
    let mut events = resumed.events();
    next_event(&mut events, |kind| matches!(kind, EventKind::SessionIdle(_))).await;
    real.finish().await;
}

#[tokio::test]
async fn a_tool_call_is_answered_by_its_id() {
    let script = Script::new()
        .call("never", json!({}))
        .expect_tool_result("never", |text| text == "from elsewhere")
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let session = real.session().with_tools([never::TOOL]).start().await.unwrap();
    let mut events = session.events();
    let turn = session.stream("Wait.").await.unwrap();
    next_event(&mut events, |kind| matches!(kind, EventKind::ExternalToolRequested(_))).await;
    let pending = session.pending().await.unwrap();
    let [call] = pending.tool_calls() else { panic!("{pending:?}") };
    assert!(call.tool() == "never" && call.ticket().is_none(), "{call:?}");
    call.answer(&ToolResult::success("from elsewhere")).await.unwrap();
    assert_eq!(turn.reply().await.unwrap().text(), "Done.");
    real.finish().await;
}

#[tokio::test]
async fn a_suspended_session_stops_its_tools_and_continues_with_the_next_message() {
    let script = Script::new()
        .call("never", json!({}))
        // The CLI gives the reason that it comes to first.
        .expect_tool_result("never", |text| text.contains("interrupted") || text == "Session suspended")
        .say("Again.");
    let real = Real::over_stdio(script).await;
    let session = real.session().with_tools([never::TOOL]).start().await.unwrap();
    let metadata = session.metadata().await.unwrap();
    assert_eq!(metadata.current_mode, AgentMode::Interactive);
    assert!(metadata.start_time.is_some() && metadata.workspace_path.is_some(), "{metadata:?}");
    let mut events = session.events();
    let turn = session.stream("Wait.").await.unwrap();
    next_event(&mut events, |kind| matches!(kind, EventKind::ExternalToolRequested(_))).await;
    session.suspend().await.unwrap();
    let stopped = turn.reply().await;
    assert!(stopped.as_ref().is_ok_and(copilot::Reply::is_aborted), "{stopped:?}");
    assert!(session.pending().await.unwrap().is_empty());
    assert!(!session.activity().await.unwrap().has_active_work);
    assert_eq!(session.ask("Once more.").await.unwrap().text(), "Again.");
    assert_eq!(session.metadata().await.unwrap().selected_model.as_deref(), Some(real.model.model_name()));
    real.finish().await;
}
