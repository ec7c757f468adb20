//! Opening, using and leaving a session.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use copilot::testing::{Answer, FakeCli, RpcError};
use copilot::workspace::Workspace;
use copilot::{AgentMode, Attachment, ErrorKind, EventKind, Permissions, SessionId, ToolContext};
use copilot_tests::fake::{Fake, settle};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Says it back.
#[copilot::tool]
pub(crate) async fn echo(
    /// The text to repeat.
    text: &str,
) -> String {
    text.to_owned()
}

/// Runs until it is cancelled, and then says so.
#[copilot::tool]
async fn waits(cx: &ToolContext, log: copilot::State<Log>) {
    cx.cancelled().await;
    log.0.lock().expect("no holder panics").push("cancelled");
}

/// The calls of the test's tools, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<&'static str>>>);

#[tokio::test(start_paused = true)]
async fn a_new_session_does_not_take_the_id_of_one_that_exists() {
    let fake = Fake::start().await;
    let open = async || fake.session().id("s-1").start().await;
    // One without a message is not on disk.
    open().await.unwrap().close().await.unwrap();
    let session = open().await.unwrap();
    session.ask("?").await.unwrap();
    session.close().await.unwrap();
    let error = open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(
        error.to_string(),
        "session s-1 exists already; resume it with `Client::resume`, delete it with `Client::delete_session`, or \
         choose another id"
    );
    assert_eq!(fake.cli.requests("session.create").len(), 2);
    // The id is free for the session that is resumed, and again once the session is deleted.
    fake.client.resume("s-1").start().await.unwrap().close().await.unwrap();
    fake.client.delete_session(&"s-1".into()).await.unwrap();
    open().await.unwrap();
    // One with a random id is not looked for, and an answer that cannot be read refuses nothing.
    let before = fake.cli.requests("session.getMetadata").len();
    fake.session().start().await.unwrap();
    assert_eq!(fake.cli.requests("session.getMetadata").len(), before);
    fake.cli.on("session.getMetadata", |_, _| RpcError::new(-32603, "no"));
    fake.session().id("s-2").start().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn create_says_what_was_configured_and_nothing_else() {
    let fake = Fake::start().await;
    let session = fake
        .session()
        .id("s-1")
        .model("gpt-5")
        .streaming(true)
        .excluded_tools(["builtin:*"])
        .raw("brandNew", json!({"enabled": false}))
        .start()
        .await
        .unwrap();
    assert_eq!(
        fake.cli.requests("session.create"),
        [json!({
            "sessionId": "s-1", "model": "gpt-5", "streaming": true, "excludedTools": ["builtin:*"],
            "brandNew": {"enabled": false}, "requestPermission": true, "toolFilterPrecedence": "excluded",
            "envValueMode": "direct",
            // The safe defaults.
            "hooks": true, "enableFileHooks": false,
        })]
    );
    assert_eq!(session.id(), &"s-1");
    assert_eq!(session.workspace_path(), Some("/fake/s-1"));
    assert_eq!(session.capabilities().ui.elicitation, Some(false));
}

#[tokio::test(start_paused = true)]
async fn a_listener_of_the_builder_hears_what_comes_before_the_answer_to_create() {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.unwrap();
    cli.hold("session.create");
    let (heard, mut names) = tokio::sync::mpsc::channel(8);
    let opening = client.session().id("s-1").on_event(move |event| {
        heard.try_send(event.name().to_owned()).unwrap();
    });
    let (session, ()) = tokio::join!(opening.start(), async {
        let request = cli.held("session.create").await;
        cli.event(&"s-1".into(), "session.start", json!({"sessionId": "s-1"}));
        assert_eq!(names.recv().await.as_deref(), Some("session.start"));
        request.answer(json!({"sessionId": "s-1"}));
    });
    session.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_the_answer_to_create_is_served() {
    let cli = FakeCli::new();
    cli.on("session.create", |params, asked| {
        let session = SessionId::from(params["sessionId"].as_str().unwrap());
        let answer = asked.default_answer();
        asked.cli().event(&session, "session.managed_settings_resolved", json!({}));
        let _call = asked.cli().call_tool(&session, "echo", json!({"text": "early"})).request_id("t").start();
        let request = json!({"kind": "custom-tool", "toolName": "echo"});
        let _permission = asked.cli().ask_permission(&session, request).request_id("p").start();
        answer
    });
    let fake = Fake::on(cli).await;
    let _session = fake.session().with_tools([echo::TOOL]).start().await.unwrap();
    let call = fake.cli.requested("session.tools.handlePendingToolCall", 1).await;
    assert_eq!(
        (&call[0]["requestId"], &call[0]["result"]["textResultForLlm"]),
        (&json!("t"), &json!("early"))
    );
    let decision = fake.cli.requested("session.permissions.handlePendingPermissionRequest", 1).await;
    assert_eq!(
        (&decision[0]["requestId"], &decision[0]["result"]["kind"]),
        (&json!("p"), &json!("approve-once"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_bad_configuration_is_refused_before_anything_is_sent() {
    let fake = Fake::start().await;
    for (builder, kind, said) in [
        (fake.session().id("a/b"), ErrorKind::Configuration, "is not a session id"),
        (fake.session().raw("model", "m"), ErrorKind::Configuration, ".model(..)"),
        (fake.session().with_tools([waits::TOOL]), ErrorKind::Tools, "Log"),
    ] {
        let error = builder.start().await.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(error.kind(), kind);
    }
    settle().await;
    assert!(fake.cli.requests("session.create").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_refused_or_renamed_is_not_open() {
    let cli = FakeCli::new();
    cli.on("session.create", |_, asked| match asked.count() {
        1 => RpcError::new(-32603, "Request session.create failed with message: no such model").into(),
        2 => Answer::Result(json!({"sessionId": "another"})),
        3 => Answer::Result(json!({"workspacePath": 5})),
        _ => asked.default_answer(),
    });
    let fake = Fake::on(cli).await;
    for (kind, said) in [
        (ErrorKind::Response, "no such model (error -32603)"),
        (ErrorKind::Decode, "asked for session s, the CLI opened another"),
        (ErrorKind::Decode, "unexpected shape"),
    ] {
        let error = fake.session().id("s").with_tools([echo::TOOL]).start().await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains(said), "{error}");
        let answer = fake.cli.request("tool.call", json!({"sessionId": "s", "toolName": "echo"})).await;
        assert_eq!(answer.unwrap_err().code, -32603);
    }
    // The id is free all the same, and taken once it is open.
    let _session = fake.session().id("s").start().await.unwrap();
    let error = fake.session().id("s").start().await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::Configuration && error.to_string().contains("open on this client already"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_resumed_session_takes_over_from_the_handle_that_has_it_open() {
    let fake = Fake::start().await;
    let first = fake.session().id("s").with_tools([waits::TOOL]).state(Log::default()).start().await.unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let _listener = first.on({
        let heard = Arc::clone(&heard);
        move |event| heard.lock().unwrap().push(event.name().to_owned())
    });
    let mut ended = first.events();
    let running = fake.cli.call_tool(first.id(), "waits", json!({})).start();
    settle().await;

    let second = fake.client.resume("s").permissions(Permissions::approve_all()).with_tools([echo::TOOL]);
    let second = second.start().await.unwrap();
    let mut events = second.events();
    let last = loop {
        let Some(event) = ended.next().await else { panic!("there is no last event") };
        if let EventKind::Disconnected(cause) = event.kind() {
            break cause.clone();
        }
    };
    assert!(last.is_closed() && last.to_string().contains("resumed by another handle"), "{last:?}");
    assert!(ended.next().await.is_none());
    let refused = first.ask("?").await.unwrap_err();
    assert!(refused.is_closed() && refused.to_string().contains("resumed by another handle"), "{refused:?}");

    heard.lock().unwrap().clear();
    fake.cli.event(second.id(), "assistant.intent", json!({}));
    settle().await;
    assert_eq!(events.next().await.unwrap().name(), "assistant.intent");
    assert!(events.try_next().is_none() && heard.lock().unwrap().is_empty());
    let answer = fake.cli.call_tool(second.id(), "echo", json!({"text": "hello"})).await;
    assert_eq!(answer["resultType"], "success");
    assert!(!running.is_answered(), "a new handle may answer it");

    // The earlier handle ends nothing of the new one.
    first.close().await.unwrap();
    drop(first);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(fake.cli.requests("session.detach").is_empty());
    assert_eq!(second.ask("?").await.unwrap().text(), "OK.");
    second.close().await.unwrap();
    assert_eq!(fake.calls_pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_dropped_frees_the_id() {
    let fake = Fake::start().await;
    fake.cli.hold("session.create");
    let start = fake.session().id("s").with_tools([echo::TOOL]).start();
    assert!(timeout(Duration::from_secs(1), start).await.is_err());
    fake.cli.held("session.create").await.answer_by_default();
    settle().await;
    assert_eq!(fake.calls_pending(), 0);
    let ((), session) = tokio::join!(
        async { fake.cli.held("session.create").await.answer_by_default() },
        fake.session().id("s").start()
    );
    session.unwrap();
}

#[tokio::test(start_paused = true)]
async fn resume_sends_the_same_configuration_and_the_id() {
    let fake = Fake::start().await;
    fake.session().id("s").start().await.unwrap().close().await.unwrap();
    let session = fake.client.resume("s").model("m").with_tools([echo::TOOL]).start().await.unwrap();
    let params = &fake.cli.requests("session.resume")[0];
    assert_eq!((&params["sessionId"], &params["model"]), (&json!("s"), &json!("m")));
    assert_eq!(params["tools"][0]["name"], "echo");
    assert_eq!(params["requestPermission"], true);
    let result = fake.cli.call_tool(session.id(), "echo", json!({"text": "again"})).await;
    assert_eq!(result["textResultForLlm"], "again");
}

#[tokio::test(start_paused = true)]
async fn the_history_holds_the_persisted_events_in_order() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    session.ask("one").await.unwrap();
    let history = session.history().events().await.unwrap();
    let names: Vec<_> = history.iter().map(copilot::Event::name).collect();
    let turn = ["user.message", "assistant.turn_start", "assistant.message", "assistant.turn_end"];
    assert_eq!(names, [&["session.start"][..], &turn].concat());
    for pair in history.windows(2) {
        assert_eq!(pair[1].parent_id(), Some(pair[0].id()));
    }
}

#[tokio::test(start_paused = true)]
async fn any_method_can_be_called_with_the_session_added() {
    let cli = FakeCli::new();
    cli.on("session.mode.set", |params, _| json!({"status": "ok", "got": params}));
    let fake = Fake::on(cli).await;
    let session = fake.session().id("s").start().await.unwrap();
    let answer: Value = session.call("session.mode.set", json!({"mode": "plan"})).await.unwrap();
    assert_eq!(answer["got"], json!({"sessionId": "s", "mode": "plan"}));
    let error = session.call::<_, Value>("session.mode.set", json!([1])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = session.call::<_, Value>("session.no.such", json!({})).await.unwrap_err();
    assert!(error.is_unsupported(), "{error:?}");
    let error = session.call::<_, u8>("session.mode.set", json!({})).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Decode && error.to_string().contains("session.mode.set"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn events_of_other_sessions_are_dropped() {
    let fake = Fake::start().await;
    let (one, two) = (fake.session().start().await.unwrap(), fake.session().start().await.unwrap());
    let (mut of_one, mut of_two) = (one.events(), two.events());
    let foreign = SessionId::from("foreign");
    fake.cli.event(&foreign, "session.idle", json!({}));
    fake.cli.event(&foreign, "external_tool.requested", json!({"requestId": "1", "toolName": "echo"}));
    fake.cli.event(two.id(), "session.info", json!({}));
    settle().await;
    assert!(of_one.try_next().is_none());
    assert_eq!(of_two.try_next().map(|event| event.name().to_owned()).as_deref(), Some("session.info"));
    assert!(of_two.try_next().is_none());
    assert!(fake.cli.requests("session.tools.handlePendingToolCall").is_empty());
}

#[tokio::test(start_paused = true)]
async fn close_cancels_tools_ends_streams_and_detaches() {
    let fake = Fake::start().await;
    let log = Log::default();
    let session = fake.session().with_tools([waits::TOOL]).state(log.clone()).start().await.unwrap();
    let mut events = session.events();
    let call = fake.cli.call_tool(session.id(), "waits", json!({})).start();
    settle().await;
    assert!(log.0.lock().unwrap().is_empty());
    session.close().await.unwrap();
    settle().await;
    assert_eq!(*log.0.lock().unwrap(), ["cancelled"]);
    assert!(!call.is_answered(), "a cancelled call is not answered");
    assert_eq!(fake.cli.requests("session.detach"), [json!({"sessionId": session.id()})]);
    while events.next().await.is_some() {}

    // Nothing is delivered any more, and closing again succeeds.
    fake.cli.event(session.id(), "session.info", json!({}));
    settle().await;
    assert!(session.events().next().await.is_none());
    session.close().await.unwrap();
    assert_eq!(fake.calls_pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn old_clis_are_left_with_destroy() {
    for version in ["0.0.403", "1.0.32", "1.0.57"] {
        let fake = Fake::of_version(version).await;
        let session = fake.session().id("closed").start().await.unwrap();
        session.close().await.unwrap();
        assert_eq!(fake.cli.requests("session.destroy"), [json!({"sessionId": "closed"})], "{version}");
        drop(fake.session().id("dropped").start().await.unwrap());
        let destroyed = fake.cli.requested("session.destroy", 2).await;
        assert_eq!(destroyed[1], json!({"sessionId": "dropped"}), "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cli_that_does_not_close_its_session_delays_close_for_a_limited_time() {
    let cli = FakeCli::new();
    cli.on("session.detach", |_, _| Answer::Never);
    let fake = Fake::on(cli).await;
    let session = fake.session().start().await.unwrap();
    let mut events = session.events();
    let error = timeout(Duration::from_secs(15), session.close()).await.unwrap().unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert!(events.next().await.is_none());
    assert_eq!(fake.calls_pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_detaches_and_listens_no_more() {
    let fake = Fake::start().await;
    let log = Log::default();
    let session = fake.session().id("s").with_tools([waits::TOOL]).state(log.clone()).start().await.unwrap();
    let (clone, mut events) = (session.clone(), session.events());
    drop(session);
    let call = fake.cli.call_tool(clone.id(), "waits", json!({})).start();
    settle().await;
    assert!(events.try_next().is_some() && fake.cli.requests("session.detach").is_empty());
    drop(clone);
    assert_eq!(fake.cli.requested("session.detach", 1).await, [json!({"sessionId": "s"})]);
    settle().await;
    assert!(events.next().await.is_none() && !call.is_answered());
    assert_eq!(fake.calls_pending(), 0);
    // The state that the tool held is gone with it.
    assert_eq!(Arc::strong_count(&log.0), 1);
    fake.session().id("s").start().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_dropped_session_is_detached_before_it_is_resumed_or_its_client_leaves_the_cli() {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().id("s").permissions(Permissions::deny_all()).start().await.unwrap();
    let order = || {
        let received = cli.received();
        let methods = received.iter().filter_map(|one| one["method"].as_str());
        methods
            .filter(|method| method.starts_with("session.") && *method != "session.getMetadata")
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    drop(session);
    let session = client.resume("s").permissions(Permissions::deny_all()).start().await.unwrap();
    assert_eq!(order()[1..], ["session.detach", "session.resume"]);
    // This client did not start the CLI, which continues without it.
    drop((session, client));
    cli.disconnected().await;
    assert_eq!(order()[3..], ["session.detach"]);
}

#[tokio::test(start_paused = true)]
async fn a_session_keeps_its_client_alive() {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().permissions(Permissions::deny_all()).start().await.unwrap();
    drop(client);
    assert_eq!(session.ask("?").await.unwrap().text(), "OK.");
    drop(session);
    cli.disconnected().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_opening_is_dropped_is_released() {
    for (version, resume, method) in [
        ("0.0.403", false, "session.destroy"),
        ("1.0.102", false, "session.detach"),
        ("1.0.102", true, "session.detach"),
    ] {
        let fake = Fake::of_version(version).await;
        if resume {
            fake.session().id("s").start().await.unwrap().close().await.unwrap();
        }
        let before = fake.cli.requests(method).len();
        let (opening, asked) = if resume {
            (fake.client.resume("s"), "session.resume")
        } else {
            (fake.session().id("s"), "session.create")
        };
        fake.cli.hold(asked);
        let mut opening = Box::pin(opening.start());
        let held = tokio::select! {
            opened = &mut opening => panic!("{opened:?}"),
            held = fake.cli.held(asked) => held,
        };
        drop(opening);
        settle().await;
        // There is not yet a session to release.
        assert_eq!(fake.cli.requests(method).len(), before, "{version}");
        held.answer_by_default();
        fake.cli.requested(method, before + 1).await;
        settle().await;
        assert_eq!(fake.calls_pending(), 0);
        // A refused one was never there.
        let mut opening = Box::pin(fake.session().id("t").start());
        fake.cli.hold("session.create");
        let held = tokio::select! {
            opened = &mut opening => panic!("{opened:?}"),
            held = fake.cli.held("session.create") => held,
        };
        drop(opening);
        held.answer(RpcError::new(-32603, "no"));
        settle().await;
        assert_eq!((fake.cli.requests(method).len(), fake.calls_pending()), (before + 1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_a_type_is_tried_again_with_the_options_of_its_message_but_not_after_an_abort() {
    let fake = Fake::start().await;
    fake.cli.says(["five", "5"]);
    let session = fake.session().start().await.unwrap();
    let ask =
        session.ask_as::<i64>("How many?").mode(AgentMode::Plan).request_header("x-key", "k").retries(1);
    let ask = ask.attach(Attachment::file("/a"));
    assert_eq!(ask.await.unwrap_err().kind(), ErrorKind::Decode);
    let sent = fake.cli.requests("session.send");
    assert_eq!(sent.len(), 2);
    for member in ["agentMode", "requestHeaders", "responseFormat"] {
        assert!(!sent[1][member].is_null() && sent[1][member] == sent[0][member], "{member}: {sent:#?}");
    }
    assert!(sent[1]["prompt"] != sent[0]["prompt"] && sent[1]["attachments"].is_null(), "{sent:#?}");

    fake.cli.on_turn(|_| std::future::pending());
    let (error, ()) = tokio::join!(session.ask_as::<i64>("How many?").retries(5).into_future(), async {
        fake.cli.requested("session.send", 3).await;
        session.abort().await.unwrap();
    });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(fake.cli.requests("session.send").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_cli_is_an_error_of_the_call() {
    let fake = Fake::start().await;
    let session = fake.session().id("s").start().await.unwrap();
    let refused = |_: &Value| json!({"success": false, "error": "not now"});
    fake.cli.on("session.abort", move |params, _| refused(params));
    fake.cli.on("session.delete", move |params, _| refused(params));
    fake.cli.on("session.detach", |_, _| RpcError::new(-32603, "not now"));
    for (method, error) in [
        ("session.abort", session.abort().await.unwrap_err()),
        ("session.delete", fake.client.delete_session(&SessionId::from("t")).await.unwrap_err()),
        ("session.detach", session.close().await.unwrap_err()),
    ] {
        let text = error.to_string();
        assert!(text.contains(method) && text.contains("not now"), "{text}");
    }
    assert_eq!(session.send("?").await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_detachment_that_the_cli_refuses_in_its_result_is_an_error() {
    let refused = "session.detach: not now";
    for (result, refusal) in [
        (json!({"success": false, "error": "not now"}), Some(refused)),
        (json!({"success": true, "error": "not now"}), None),
        // The CLI does not have the session, as after an eviction.
        (json!({"success": false}), None),
        (Value::Null, None),
    ] {
        let fake = Fake::start().await;
        let answer = result.clone();
        fake.cli.on("session.detach", move |_, _| answer.clone());
        let closed = fake.session().start().await.unwrap();
        let of_close = closed.close().await.map_err(|error| error.to_string());
        assert_eq!(of_close.err().as_deref(), refusal, "{result}");
        let _open = fake.session().id("open").start().await.unwrap();
        let of_shutdown = fake.client.shutdown().await.map_err(|error| error.to_string());
        let expected = refusal.map(|why| format!("the client was shut down, but session open: {why}"));
        assert_eq!(of_shutdown.err(), expected, "{result}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_the_cli_refuses_in_its_result_is_an_error() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    fake.cli.on("session.permissions.resetSessionApprovals", |_, _| json!({"success": false}));
    let error = session.forget_approvals().await.unwrap_err().to_string();
    assert_eq!(error, "session.permissions.resetSessionApprovals: the CLI gives no reason");
    let mode =
        |is_applied: bool| json!({"status": "unchanged", "modelChanged": false, "modeApplied": is_applied});
    fake.cli.on("session.mode.set", move |_, _| mode(false));
    let error = session.set_mode(AgentMode::Plan).await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::Session && error.to_string().contains("session.mode.set"),
        "{error:?}"
    );
    fake.cli.on("session.mode.set", move |_, _| mode(true));
    session.set_mode(AgentMode::Plan).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_method_that_was_renamed_is_called_by_its_old_name_where_the_new_one_is_unknown() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    let (now, once) = ("session.workspaces.listFiles", "session.workspace.listFiles");
    fake.cli.on(now, move |_, _| RpcError::unknown_method(now));
    fake.cli.on(once, move |_, _| RpcError::unknown_method(once));
    let error = session.workspace().files().await.unwrap_err();
    assert!(error.is_unsupported() && error.to_string().contains(now), "{error}");
    fake.cli.on(once, |_, _| json!({"files": ["a"]}));
    assert_eq!(session.workspace().files().await.unwrap(), ["a"]);
    fake.cli.on(once, |_, _| RpcError::new(-32603, "broken"));
    assert!(session.workspace().files().await.unwrap_err().to_string().contains("broken"));
    let before = fake.cli.requests(once).len();
    fake.cli.on(now, |_, _| RpcError::new(-32603, "broken"));
    session.workspace().files().await.unwrap_err();
    assert_eq!(fake.cli.requests(once).len(), before);
}

#[tokio::test(start_paused = true)]
async fn options_are_sent_after_the_session_is_open_and_only_where_some_are_set() {
    let fake = Fake::start().await;
    let method = "session.options.update";
    fake.cli.on(method, |_, _| json!({"success": true}));
    let _session = fake.session().id("s").start().await.unwrap();
    assert!(fake.cli.requests(method).is_empty());
    let attribution = Workspace::new().coauthor(false);
    let _session = fake.session().id("t").workspace(attribution).start().await.unwrap();
    assert_eq!(fake.cli.requests(method), [json!({"sessionId": "t", "coauthorEnabled": false})]);
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_opening_fails_after_the_cli_has_opened_it_is_detached() {
    let fake = Fake::start().await;
    let method = "session.options.update";
    let start = || fake.session().id("s").workspace(Workspace::new().coauthor(false)).start();
    fake.cli.on(method, |_, _| json!({"success": false, "error": "not allowed"}));
    let error = start().await.unwrap_err();
    assert!(error.to_string().contains("not allowed"), "{error}");
    assert_eq!(fake.cli.requested("session.detach", 1).await, [json!({"sessionId": "s"})]);
    // The same when the opening is dropped there.
    fake.cli.hold(method);
    assert!(timeout(Duration::from_secs(1), start()).await.is_err());
    fake.cli.requested("session.detach", 2).await;
    settle().await;
    assert!(fake.cli.open_sessions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_dropped_has_closed_the_session() {
    let fake = Fake::start().await;
    let session = fake.session().id("s").with_tools([echo::TOOL]).start().await.unwrap();
    let mut events = session.events();
    fake.cli.hold("session.detach");
    assert!(timeout(Duration::from_secs(1), session.close()).await.is_err());
    settle().await;
    while let Some(event) = timeout(Duration::from_secs(1), events.next()).await.expect("the stream ends") {
        assert!(!event.name().ends_with(".requested"));
    }
    assert_eq!(session.send("?").await.unwrap_err().kind(), ErrorKind::Closed);
    // The handle does not occupy the id.
    fake.session().id("s").start().await.unwrap();
}
