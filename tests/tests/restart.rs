//! A CLI that is lost is started again, and its sessions go on; or everybody learns that it is gone.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use copilot::testing::{FakeCli, RpcError, Script};
use copilot::{AgentMode, ErrorKind, EventKind, EventStream, State, ToolContext, TransportKind};
use copilot_tests::real::Real;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::timeout;

/// Within this time everybody who waits learns that the CLI is gone.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Add two numbers.
#[copilot::tool]
async fn add(
    /// The first.
    a: i64,
    /// The second.
    b: i64,
) -> i64 {
    a + b
}

/// Never end.
#[copilot::tool]
async fn endless(begun: State<Arc<Notify>>, cx: &ToolContext) -> String {
    begun.notify_one();
    cx.cancelled().await;
    "cancelled".to_owned()
}

/// Reads events until one is of this kind.
async fn until(events: &mut EventStream, wanted: impl Fn(&EventKind) -> bool) -> copilot::Event {
    loop {
        let event = timeout(Duration::from_secs(30), events.next()).await.expect("an event comes");
        let event = event.expect("the stream goes on");
        if wanted(event.kind()) {
            return event;
        }
    }
}

fn kill(real: &Real) {
    let process = real.client.process_id().expect("it runs");
    let killed = Command::new("kill").args(["-9", &process.to_string()]).status().expect("`kill` runs");
    assert!(killed.success());
}

#[tokio::test]
async fn killed_while_idle_the_cli_comes_back_with_its_sessions_and_tools() {
    let script = Script::new()
        .call("add", json!({"a": 1, "b": 2}))
        .say("Three.")
        .call("add", json!({"a": 3, "b": 3}))
        .expect_tool_result("add", |text| text == "6")
        .say("Six.");
    let real = Real::start(TransportKind::Stdio, script).await;
    let session = real.session().with_tools([add::TOOL]).start().await.unwrap();
    assert_eq!(session.ask("One and two?").await.unwrap().text(), "Three.");
    let (before, mut events) = (real.client.process_id(), session.events());
    kill(&real);
    let restarted = until(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    let EventKind::Restarted(restarted) = restarted.kind() else { unreachable!() };
    assert!(restarted.cause.to_string().contains("signal: 9"), "{}", restarted.cause);
    assert_ne!(real.client.process_id(), before);
    assert_eq!(session.ask("And twice three?").await.unwrap().text(), "Six.");
    real.finish().await;
}

#[tokio::test]
async fn killed_during_a_tool_the_turn_fails_at_once_and_the_tool_is_cancelled() {
    let script = Script::new().call("endless", json!({}));
    let next = Script::when("Are you there?").say("I am.");
    let real = Real::start(TransportKind::Tcp, [next, script]).await;
    let begun = Arc::new(Notify::new());
    let session = real.session().with_tools([endless::TOOL]).state(Arc::clone(&begun));
    let session = session.start().await.unwrap();
    let other = real.session().start().await.unwrap();
    let mut events = session.events();
    let asking = tokio::spawn({
        let session = session.clone();
        async move { session.ask("Begin.").await }
    });
    begun.notified().await;
    kill(&real);
    let failed = timeout(AT_ONCE, asking).await.expect("the turn fails at once").unwrap().unwrap_err();
    assert!(failed.is_disconnected() && failed.is_retryable(), "{failed:?}");
    assert!(failed.to_string().contains("signal: 9"), "{failed}");
    let restarted = until(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    let EventKind::Restarted(restarted) = restarted.kind() else { unreachable!() };
    assert!(restarted.cancelled.iter().any(|what| what.starts_with("endless")), "{restarted:?}");
    assert_eq!(other.ask("Are you there?").await.unwrap().text(), "I am.");
    real.client.shutdown().await.unwrap();
}

#[tokio::test]
async fn killed_during_a_model_call_the_turn_fails_at_once() {
    let script = Script::new().delay(Duration::from_secs(60)).say("Too late.");
    let real = Real::start(TransportKind::Stdio, script).await;
    let session = real.session().start().await.unwrap();
    let asking = tokio::spawn({
        let session = session.clone();
        async move { session.ask("Hello?").await }
    });
    real.model.request(0).await;
    kill(&real);
    let failed = timeout(AT_ONCE, asking).await.expect("the turn fails at once").unwrap().unwrap_err();
    assert!(failed.is_retryable(), "{failed:?}");
    // Until the CLI is back, what is called waits.
    assert!(real.client.ping("back?").await.unwrap().message.contains("back?"));
    real.client.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_made_again_and_the_session_resumed() {
    let cli = FakeCli::new();
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let session = client.session().with_tools([add::TOOL]).start().await.unwrap();
    let mut events = session.events();
    for _ in 0..2 {
        cli.hang_up();
        until(&mut events, |kind| matches!(kind, EventKind::Disconnected(_))).await;
        until(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    }
    assert_eq!(session.ask("Still there?").await.unwrap().text(), "OK.");
    let resumed = cli.requests("session.resume");
    assert_eq!(resumed.len(), 2);
    assert_eq!(resumed[1]["sessionId"], session.id().as_str());
    assert_eq!(resumed[1]["tools"][0]["name"], "add");
}

#[tokio::test(start_paused = true)]
async fn after_five_restarts_in_a_row_the_end_is_final() {
    let cli = FakeCli::new();
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let session = client.session().start().await.unwrap();
    let mut events = session.events();
    cli.on("connect", |_, _| RpcError::new(-32603, "not today"));
    cli.hang_up();
    until(&mut events, |kind| matches!(kind, EventKind::Disconnected(_))).await;
    let waiting = client.ping("anybody?").await.unwrap_err();
    assert!(waiting.to_string().contains("not today"), "{waiting}");
    let mut last = None;
    while let Some(event) = events.next().await {
        last = Some(event);
    }
    assert!(matches!(last.expect("an event").kind(), EventKind::Disconnected(_)));
    assert_eq!(cli.requests("connect").len(), 1 + 5);
    assert!(session.ask("Hello?").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn without_auto_restart_everybody_learns_the_first_cause() {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().start().await.unwrap();
    cli.hold("session.getMessages");
    let waiting = tokio::spawn({
        let session = session.clone();
        async move { session.history().await }
    });
    let _held = cli.held("session.getMessages").await;
    cli.hang_up();
    let cause = waiting.await.unwrap().unwrap_err();
    assert_eq!(cause.kind(), ErrorKind::Disconnected);
    for later in [session.ask("Hello?").await.unwrap_err(), client.ping("hello").await.unwrap_err()] {
        assert_eq!(later.to_string(), cause.to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_closed_while_the_cli_is_gone_is_not_resumed() {
    let cli = FakeCli::new();
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let (kept, closed) = (client.session().start().await.unwrap(), client.session().start().await.unwrap());
    let (mut events, mut lost) = (kept.events(), closed.events());
    cli.hang_up();
    until(&mut lost, |kind| matches!(kind, EventKind::Disconnected(_))).await;
    closed.close().await.unwrap();
    until(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    let resumed: Vec<_> =
        cli.requests("session.resume").iter().map(|asked| asked["sessionId"].clone()).collect();
    assert_eq!(resumed, [kept.id().as_str()]);
}

#[tokio::test(start_paused = true)]
async fn what_the_program_has_changed_stays_changed() {
    let cli = FakeCli::new();
    cli.on("session.model.switchTo", |params, _| json!({"status": "ok", "modelId": params["modelId"]}));
    cli.on("session.mode.set", |_, _| json!({"status": "ok"}));
    cli.on("session.agent.select", |_, _| json!({}));
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let session = client.session().model("first").reasoning_effort("high").with_tools([add::TOOL]);
    let session = session.start().await.unwrap();
    let mut events = session.events();
    session.set_model("second").reasoning_effort("low").await.unwrap();
    session.set_mode(AgentMode::Plan).await.unwrap();
    session.select_agent("reviewer").await.unwrap();
    session.tools().remove(["add"]).await.unwrap();
    cli.hang_up();
    until(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    let resumed = &cli.requests("session.resume")[0];
    assert_eq!((&resumed["model"], &resumed["reasoningEffort"]), (&json!("second"), &json!("low")));
    assert_eq!((&resumed["agent"], &resumed["tools"]), (&json!("reviewer"), &json!(null)));
    let modes = cli.requests("session.mode.set");
    assert_eq!((modes.len(), &modes[1]["mode"]), (2, &json!("plan")));
}

#[tokio::test]
async fn on_the_real_cli_a_changed_model_and_mode_stay_changed() {
    let script = Script::new().say("Hello.").say("Still here.");
    let real = Real::start(TransportKind::Stdio, script).await;
    let session = real.session().start().await.unwrap();
    assert_eq!(session.ask("Hello?").await.unwrap().text(), "Hello.");
    session.set_model("another").await.unwrap();
    session.set_mode(AgentMode::Plan).await.unwrap();
    let mut events = session.events();
    kill(&real);
    until(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    assert_eq!(session.current_model().await.unwrap().model_id.as_deref(), Some("another"));
    assert_eq!(session.mode().await.unwrap(), AgentMode::Plan);
    real.client.shutdown().await.unwrap();
}
