//! A lost CLI is restarted and its sessions continue, or every waiter receives the cause.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use copilot::client::{ConnectionState, TransportKind};
use copilot::elicitation::ElicitationResponse;
use copilot::resume::Resume;
use copilot::testing::{FakeCli, RpcError, Script};
use copilot::{AgentMode, Decision, ErrorKind, EventKind, SessionId, State, ToolContext};
use copilot_tests::events::next_event;
use copilot_tests::fake::settle;
use copilot_tests::real::Real;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::losses::add;

/// Within this time every waiter receives the loss of the CLI.
pub(crate) const IMMEDIATELY: Duration = Duration::from_secs(1);

/// Never end.
#[copilot::tool]
pub(crate) async fn endless(begun: State<Arc<Notify>>, cx: &ToolContext) -> String {
    begun.notify_one();
    cx.cancelled().await;
    "cancelled".to_owned()
}

/// Wait until it is let through.
#[copilot::tool]
pub(crate) async fn gate(gates: State<Arc<Gates>>) -> &'static str {
    gates.begun.notify_one();
    gates.open.notified().await;
    "let through"
}

#[derive(Default)]
pub(crate) struct Gates {
    pub(crate) begun: Notify,
    pub(crate) open: Notify,
}

fn kill(real: &Real) {
    let process = real.client.process_id().expect("it runs");
    let killed = Command::new("kill").args(["-9", &process.to_string()]).status().expect("`kill` runs");
    assert!(killed.success());
}

#[tokio::test]
async fn killed_while_idle_the_cli_is_restarted_with_its_sessions_and_tools() {
    let script = Script::new()
        .call("add", json!({"a": 1, "b": 2}))
        .say("Three.")
        .call("add", json!({"a": 3, "b": 3}))
        .expect_tool_result("add", |text| text == "6")
        .say("Six.");
    let real = Real::over_stdio(script).await;
    let session = real.session().with_tools([add::TOOL]).start().await.unwrap();
    assert_eq!(session.ask("One and two?").await.unwrap().text(), "Three.");
    let (before, mut events) = (real.client.process_id(), session.events());
    kill(&real);
    let restarted = next_event(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    let EventKind::Restarted(restarted) = restarted.kind() else { unreachable!() };
    assert!(restarted.cause.to_string().contains("signal: 9"), "{}", restarted.cause);
    assert_ne!(real.client.process_id(), before);
    assert_eq!(session.ask("And twice three?").await.unwrap().text(), "Six.");
    real.finish().await;
}

#[tokio::test]
async fn killed_during_a_tool_the_turn_fails_immediately_and_the_tool_is_cancelled() {
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
    let failed =
        timeout(IMMEDIATELY, asking).await.expect("the turn fails immediately").unwrap().unwrap_err();
    assert!(failed.is_disconnected() && failed.is_retryable(), "{failed:?}");
    assert!(failed.to_string().contains("signal: 9"), "{failed}");
    let restarted = next_event(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    let EventKind::Restarted(restarted) = restarted.kind() else { unreachable!() };
    assert!(restarted.cancelled.iter().any(|what| what.starts_with("endless")), "{restarted:?}");
    assert_eq!(other.ask("Are you there?").await.unwrap().text(), "I am.");
    real.client.shutdown().await.unwrap();
}

#[tokio::test]
async fn killed_during_a_model_call_the_turn_fails_immediately() {
    let script = Script::new().delay(Duration::from_secs(60)).say("Too late.");
    let real = Real::over_stdio(script).await;
    let session = real.session().start().await.unwrap();
    let asking = tokio::spawn({
        let session = session.clone();
        async move { session.ask("Hello?").await }
    });
    real.model.request(0).await;
    let mut states = real.client.connection_states();
    assert_eq!(states.next().await, Some(ConnectionState::Connected));
    kill(&real);
    let failed =
        timeout(IMMEDIATELY, asking).await.expect("the turn fails immediately").unwrap().unwrap_err();
    assert!(failed.is_retryable(), "{failed:?}");
    assert_eq!(states.next().await, Some(ConnectionState::Restarting));
    // Until the CLI is back, what is called waits.
    assert!(real.client.ping("back?").await.unwrap().message.contains("back?"));
    assert_eq!(states.next().await, Some(ConnectionState::Connected));
    real.client.shutdown().await.unwrap();
    assert_eq!((states.next().await, states.next().await), (Some(ConnectionState::Closed), None));
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_made_again_and_the_session_resumed() {
    let cli = FakeCli::new();
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let session = client.session().with_tools([add::TOOL]).start().await.unwrap();
    let mut events = session.events();
    for _ in 0..2 {
        cli.hang_up();
        next_event(&mut events, |kind| matches!(kind, EventKind::Disconnected(_))).await;
        next_event(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    }
    assert_eq!(session.ask("Still there?").await.unwrap().text(), "OK.");
    let resumed = cli.requests("session.resume");
    assert_eq!(resumed.len(), 2);
    assert_eq!(resumed[1]["sessionId"], session.id().as_str());
    assert_eq!(resumed[1]["tools"][0]["name"], "add");
}

#[tokio::test(start_paused = true)]
async fn the_connection_state_follows_starts_restarts_and_the_end() {
    let cli = FakeCli::new();
    let client = cli.client_builder().auto_restart(true).lazy().unwrap();
    let mut states = client.connection_states();
    assert_eq!(states.next().await, Some(ConnectionState::Idle));
    cli.stop_reading();
    let (abandoned, state) = tokio::join!(timeout(IMMEDIATELY, client.ping("?")), async {
        (states.next().await, client.connection_state())
    });
    assert!(abandoned.is_err());
    assert_eq!(state, (Some(ConnectionState::Connecting), ConnectionState::Connecting));
    assert_eq!(states.next().await, Some(ConnectionState::Idle), "a start that is dropped");
    cli.read_on();
    client.ping("?").await.unwrap();
    assert_eq!(states.next().await, Some(ConnectionState::Connected), "the latest state");
    for _ in 0..2 {
        cli.hang_up();
        assert_eq!(states.next().await, Some(ConnectionState::Restarting));
        assert_eq!(states.next().await, Some(ConnectionState::Connected));
        client.ping("?").await.unwrap();
    }
    cli.on("connect", |_, _| RpcError::new(-32603, "not today"));
    cli.hang_up();
    assert_eq!(states.next().await, Some(ConnectionState::Restarting));
    assert_eq!(states.next().await, Some(ConnectionState::Closed));
    assert_eq!((states.next().await, client.connection_state()), (None, ConnectionState::Closed));
}

#[tokio::test(start_paused = true)]
async fn after_five_restarts_in_a_row_the_end_is_final() {
    let cli = FakeCli::new();
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let session = client.session().start().await.unwrap();
    let mut events = session.events();
    cli.on("connect", |_, _| RpcError::new(-32603, "not today"));
    cli.hang_up();
    next_event(&mut events, |kind| matches!(kind, EventKind::Disconnected(_))).await;
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
async fn without_auto_restart_every_waiter_receives_the_first_cause() {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().start().await.unwrap();
    cli.hold("session.eventLog.read");
    let waiting = tokio::spawn({
        let session = session.clone();
        async move { session.history().events().await }
    });
    let _held = cli.held("session.eventLog.read").await;
    cli.hang_up();
    let cause = waiting.await.unwrap().unwrap_err();
    assert_eq!(cause.kind(), ErrorKind::Disconnected);
    for later in [session.ask("Hello?").await.unwrap_err(), client.ping("hello").await.unwrap_err()] {
        assert_eq!(later.to_string(), cause.to_string());
    }
}

/// Panics where it is woken, which the task that reads does.
struct Boom;

impl Wake for Boom {
    fn wake(self: Arc<Self>) {
        panic!("boom");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_where_messages_are_read_loses_the_connection_and_nothing_else() {
    let cli = FakeCli::new();
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let session = client.session().start().await.unwrap();
    cli.hold("x.y");
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.call::<_, serde_json::Value>("x.y", json!(1)).await }
    });
    let _held = cli.held("x.y").await;
    let mut call = Box::pin(client.call::<_, serde_json::Value>("x.y", json!(2)));
    assert!(call.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::new(Boom)))).is_pending());
    cli.held("x.y").await.answer(json!(null));
    let lost = timeout(Duration::from_secs(60), waiting).await.expect("it ends").unwrap().unwrap_err();
    assert!(lost.is_disconnected() && lost.to_string().contains("boom"), "{lost}");
    assert_eq!(session.ask("Still there?").await.unwrap().text(), "OK.");
}

#[tokio::test(start_paused = true)]
async fn a_session_closed_while_the_cli_is_gone_is_not_resumed() {
    let cli = FakeCli::new();
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let (kept, closed) = (client.session().start().await.unwrap(), client.session().start().await.unwrap());
    let (mut events, mut lost) = (kept.events(), closed.events());
    cli.hang_up();
    next_event(&mut lost, |kind| matches!(kind, EventKind::Disconnected(_))).await;
    closed.close().await.unwrap();
    next_event(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    let resumed: Vec<_> =
        cli.requests("session.resume").iter().map(|asked| asked["sessionId"].clone()).collect();
    assert_eq!(resumed, [kept.id().as_str()]);
}

#[tokio::test(start_paused = true)]
async fn changes_by_the_program_survive_a_restart() {
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
    session.agents().select("reviewer").await.unwrap();
    session.tools().remove(["add"]).await.unwrap();
    cli.hang_up();
    next_event(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    let resumed = &cli.requests("session.resume")[0];
    assert_eq!((&resumed["model"], &resumed["reasoningEffort"]), (&json!("second"), &json!("low")));
    assert_eq!((&resumed["agent"], &resumed["tools"]), (&json!("reviewer"), &json!(null)));
    let modes = cli.requests("session.mode.set");
    assert_eq!((modes.len(), &modes[1]["mode"]), (2, &json!("plan")));
}

#[tokio::test]
async fn on_the_real_cli_a_changed_model_and_mode_stay_changed() {
    let script = Script::new().say("Hello.").say("Still here.");
    let real = Real::over_stdio(script).await;
    let session = real.session().start().await.unwrap();
    assert_eq!(session.ask("Hello?").await.unwrap().text(), "Hello.");
    session.set_model("another").await.unwrap();
    session.set_mode(AgentMode::Plan).await.unwrap();
    let mut events = session.events();
    kill(&real);
    next_event(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    assert_eq!(session.current_model().await.unwrap().model_id.as_deref(), Some("another"));
    assert_eq!(session.mode().await.unwrap(), AgentMode::Plan);
    real.client.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_running_tool_and_its_turn_continue_after_a_restart() {
    let cli = FakeCli::new();
    cli.on_turn(|turn| async move {
        let call = turn.cli().call_tool(turn.session_id(), "gate", json!({})).request_id("r1").start();
        turn.say(call.answer().await["textResultForLlm"].as_str().unwrap());
    });
    cli.on("session.tools.listPendingRequests", |_, _| {
        json!({"items": [{"requestId": "r1", "toolCallId": "c1", "toolName": "gate", "arguments": {}}]})
    });
    cli.on("session.permissions.pendingRequests", |_, _| {
        json!({"items": [{"requestId": "p1", "request": {"kind": "custom-tool", "toolName": "gate", "args": {}}}]})
    });
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let gates = Arc::new(Gates::default());
    let session = client.session().with_tools([gate::TOOL, endless::TOOL]).state(Arc::clone(&gates));
    let session = session
        .state(Arc::new(Notify::new()))
        .resume_options(Resume::new().continue_pending_work(true))
        .start()
        .await
        .unwrap();
    let mut events = session.events();
    let turn = session.stream("Go through.").await.unwrap();
    // This one the CLI will have forgotten.
    let _forgotten = cli.call_tool(session.id(), "endless", json!({})).request_id("r2").start();
    gates.begun.notified().await;
    cli.hang_up();
    let restarted = next_event(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    let EventKind::Restarted(restarted) = restarted.kind() else { unreachable!() };
    assert_eq!(restarted.continued, ["gate (r1)", "permission (p1)"]);
    assert_eq!(restarted.cancelled, ["endless (r2)"]);
    gates.open.notify_one();
    assert_eq!(turn.reply().await.unwrap().text(), "let through");
    assert_eq!(cli.requests("session.resume")[0]["continuePendingWork"], true);
    assert_eq!(cli.requests("session.create")[0]["continuePendingWork"], json!(null));
    let answered = cli.requests("session.permissions.handlePendingPermissionRequest");
    assert_eq!(
        (&answered[0]["requestId"], &answered[0]["result"]["kind"]),
        (&json!("p1"), &json!("approve-once"))
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_in_vain_is_answered_again() {
    let cli = FakeCli::new();
    cli.on("session.tools.listPendingRequests", |_, _| {
        json!({"items": [{"requestId": "r1", "toolCallId": "c1", "toolName": "add", "arguments": {"a": 1, "b": 2}}]})
    });
    cli.on("session.permissions.pendingRequests", |_, _| {
        json!({"items": [{"requestId": "p1", "request": {"kind": "custom-tool", "toolName": "add", "args": {}}}]})
    });
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let session = client.session().with_tools([add::TOOL]).on_permission(async |_| Decision::Approve);
    let session = session.resume_options(Resume::new().continue_pending_work(true)).start().await.unwrap();
    let mut events = session.events();
    let request = json!({"kind": "custom-tool", "toolName": "add", "args": {}});
    let _asked = cli.ask_permission(session.id(), request).request_id("p1").start();
    let _called = cli.call_tool(session.id(), "add", json!({"a": 1, "b": 2})).request_id("r1").start();
    let answers =
        ["session.permissions.handlePendingPermissionRequest", "session.tools.handlePendingToolCall"];
    for method in answers {
        cli.requested(method, 1).await;
    }
    // The CLI is lost before it has noted the answers.
    cli.hang_up();
    next_event(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    for method in answers {
        let answered =
            timeout(Duration::from_secs(30), cli.requested(method, 2)).await.expect("it is answered");
        assert_eq!(answered[1]["requestId"], answered[0]["requestId"], "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_cli_asks_while_it_takes_a_session_up_is_answered() {
    for continues in [false, true] {
        let cli = FakeCli::new();
        cli.on("session.resume", |params, fake| {
            let session = SessionId::from(params["sessionId"].as_str().unwrap());
            fake.cli().event(&session, "elicitation.requested", json!({"requestId": "e1", "message": "?"}));
            let asked = json!({"requestId": "p1", "permissionRequest": {"kind": "url"}, "promptRequest": {}});
            fake.cli().event(&session, "permission.requested", asked);
            fake.default_answer()
        });
        // Time for the handlers to be done before the session is whole.
        cli.hold("session.mode.set");
        let client = cli.client_builder().auto_restart(true).start().await.unwrap();
        let session = client.session().on_elicitation(async |_| ElicitationResponse::decline());
        let session =
            session.resume_options(Resume::new().continue_pending_work(continues)).start().await.unwrap();
        let (moded, ()) = tokio::join!(session.set_mode(AgentMode::Plan), async {
            cli.held("session.mode.set").await.answer(json!({}));
        });
        moded.unwrap();
        cli.hang_up();
        let held = cli.held("session.mode.set").await;
        settle().await;
        held.answer(json!({}));
        for method in
            ["session.ui.handlePendingElicitation", "session.permissions.handlePendingPermissionRequest"]
        {
            let answered = timeout(Duration::from_secs(30), cli.requested(method, 1)).await;
            assert_eq!(answered.unwrap_or_else(|_| panic!("{method}: {continues}")).len(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_without_a_tool_that_continues_fails_with_the_cause() {
    let cli = FakeCli::new();
    cli.on_turn(|_| std::future::pending());
    cli.on("session.tools.listPendingRequests", |_, _| json!({"items": []}));
    cli.on("session.permissions.pendingRequests", |_, _| json!({"items": []}));
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let session =
        client.session().resume_options(Resume::new().continue_pending_work(true)).start().await.unwrap();
    let turn = session.stream("?").await.unwrap();
    cli.hang_up();
    let failed = turn.reply().await.unwrap_err();
    assert!(failed.is_disconnected() && failed.is_retryable(), "{failed:?}");
    // The same when it does not come back.
    let turn = session.stream("?").await.unwrap();
    cli.on("connect", |_, _| RpcError::new(-32603, "not today"));
    cli.hang_up();
    let failed = turn.reply().await.unwrap_err();
    assert!(failed.to_string().contains("not today"), "{failed}");
}

/// Waits until the CLI has written down that it waits for a tool.
async fn written_down(real: &Real, session: &copilot::Session) {
    let file =
        real.state.path().join("copilot/session-state").join(session.id().as_str()).join("events.jsonl");
    let written = async {
        while !std::fs::read_to_string(&file).is_ok_and(|text| text.contains("external_tool.requested")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(60), written).await.expect("it is written down");
}

#[tokio::test]
async fn on_the_real_cli_a_tool_outlasts_it_and_the_turn_continues() {
    let script = Script::new()
        .call("gate", json!({}))
        .expect_tool_result("gate", |text| text == "let through")
        .say("I am through.")
        .say("Still here.");
    let real = Real::over_stdio(script).await;
    let gates = Arc::new(Gates::default());
    let session = real
        .session()
        .with_tools([gate::TOOL])
        .state(Arc::clone(&gates))
        .resume_options(Resume::new().continue_pending_work(true));
    let session = session.start().await.unwrap();
    let mut events = session.events();
    let turn = session.stream("Go through.").await.unwrap();
    gates.begun.notified().await;
    written_down(&real, &session).await;
    kill(&real);
    let restarted = next_event(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    let EventKind::Restarted(restarted) = restarted.kind() else { unreachable!() };
    assert_eq!((restarted.continued.len(), restarted.cancelled.len()), (1, 0), "{restarted:?}");
    gates.open.notify_one();
    assert_eq!(turn.reply().await.unwrap().text(), "I am through.");
    assert_eq!(session.ask("And now?").await.unwrap().text(), "Still here.");
    real.finish().await;
}

#[tokio::test]
async fn on_the_real_cli_another_program_resumes_the_pending_work() {
    let script = Script::new()
        .call("gate", json!({}))
        .expect_tool_result("gate", |text| text == "let through")
        .say("I am through.");
    let real = Real::over_stdio(script).await;
    let gates = Arc::new(Gates::default());
    let session = real.session().with_tools([gate::TOOL]).state(Arc::clone(&gates)).start().await.unwrap();
    session.send("Go through.").await.unwrap();
    gates.begun.notified().await;
    written_down(&real, &session).await;
    kill(&real);
    let mut events = session.events();
    next_event(&mut events, |kind| matches!(kind, EventKind::Disconnected(_))).await;
    // Before it is resumed, which would have the tool count as interrupted.
    let id = session.id().clone();
    session.close().await.unwrap();
    let resumed = real.client.resume(id).scripted_model(&real.model).with_tools([gate::TOOL]);
    let (said, mut hear) = tokio::sync::mpsc::channel(100);
    let resumed = resumed
        .state(Arc::clone(&gates))
        .resume_options(Resume::new().continue_pending_work(true))
        .on_event(move |event| {
            if let EventKind::AssistantMessage(message) = event.kind() {
                said.try_send(message.content.clone()).unwrap();
            }
        });
    let resumed = resumed.start().await.unwrap();
    gates.begun.notified().await;
    gates.open.notify_one();
    let heard = timeout(Duration::from_secs(60), hear.recv()).await.expect("the agent continues");
    assert_eq!(heard.as_deref(), Some("I am through."));
    resumed.close().await.unwrap();
    real.finish().await;
}
