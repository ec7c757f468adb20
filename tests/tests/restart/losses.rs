//! Connections that are lost, messages that are skipped, runtimes that are gone: every wait ends, with the cause.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use copilot::testing::{FakeCli, RpcError, Script};
use copilot::{Client, ErrorKind, Event, EventKind, Permissions, SessionId, ToolContext};
use copilot_tests::events::{next_event, next_restart, within};
use copilot_tests::fake::{Fake, all, settle};
use copilot_tests::real::Real;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout};

/// The limit of a frame in the tests that meet it.
const LIMIT: u32 = 64 << 10;

/// Add two numbers.
#[copilot::tool]
pub(crate) async fn add(
    /// The first.
    a: i64,
    /// The second.
    b: i64,
) -> i64 {
    a + b
}

/// Never end.
#[copilot::tool]
async fn unending(cx: &ToolContext) -> String {
    cx.cancelled().await;
    "cancelled".to_owned()
}

/// Give a mebibyte.
#[copilot::tool]
async fn mebibyte() -> String {
    "x".repeat(1 << 20)
}

/// Take a text.
#[copilot::tool]
async fn swallow(
    /// The text.
    text: String,
) -> usize {
    text.len()
}

fn call(client: &Client, params: Value) -> impl Future<Output = copilot::Result<Value>> + Send + 'static {
    let client = client.clone();
    async move { client.call("x.y", params).await }
}

async fn restarting() -> Fake {
    let cli = FakeCli::new();
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    Fake { cli, client }
}

async fn limited() -> Fake {
    let cli = FakeCli::new();
    let client = cli.client_builder().max_frame_bytes(LIMIT).start().await.unwrap();
    Fake { cli, client }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A client whose tasks run on a runtime that may be dropped, of a CLI that outlives it.
fn client_on(runtime: &Runtime, of_cli: &Runtime, cli: &FakeCli) -> Client {
    let builder = {
        let _entered = of_cli.enter();
        cli.client_builder().auto_restart(true)
    };
    runtime.block_on(builder.start().into_future()).unwrap()
}

fn names_the_runtime(error: &copilot::Error) {
    assert!(error.to_string().contains("the runtime that made this client has been shut down"), "{error}");
    assert!(error.kind() == ErrorKind::Closed && !error.is_retryable(), "{error:?}");
}

#[test]
fn every_wait_ends_when_the_runtime_of_the_client_is_dropped() {
    let (of_cli, of_client, ours) = (runtime(), runtime(), runtime());
    let cli = FakeCli::new();
    cli.on_turn(|_| std::future::pending());
    cli.hold("x.y");
    let client = client_on(&of_client, &of_cli, &cli);
    let session = of_client.block_on(client.session().with_tools([unending::TOOL]).start()).unwrap();
    let calling = ours.spawn(call(&client, json!({})));
    let asking = ours.spawn({
        let session = session.clone();
        async move { session.ask("Hello?").await }
    });
    let (mut events, mut lifecycle) = (session.events(), client.lifecycle());
    let listening = ours.spawn(async move {
        let mut last = None;
        while let Some(event) = events.next().await {
            last = Some(event);
        }
        last
    });
    let watching = ours.spawn(async move { while lifecycle.next().await.is_some() {} });
    ours.block_on(async {
        within(cli.held("x.y")).await;
        within(cli.requested("session.send", 1)).await;
    });
    drop(of_client);
    ours.block_on(async {
        names_the_runtime(&within(calling).await.unwrap().unwrap_err());
        names_the_runtime(&within(asking).await.unwrap().unwrap_err());
        let last = within(listening).await.unwrap().expect("an event");
        let EventKind::Disconnected(cause) = last.kind() else { panic!("{last:?}") };
        names_the_runtime(cause);
        within(watching).await.unwrap();
        // As the next test with the same client.
        names_the_runtime(&within(client.ping("?")).await.unwrap_err());
        names_the_runtime(&within(session.ask("?")).await.unwrap_err());
        names_the_runtime(&within(session.history().events()).await.unwrap_err());
        names_the_runtime(&within(client.session().start()).await.unwrap_err());
        within(session.close()).await.unwrap();
        within(client.shutdown()).await.unwrap();
    });
}

#[test]
fn calls_that_wait_for_a_restart_end_when_the_runtime_of_the_client_is_dropped() {
    let (of_cli, of_client, ours) = (runtime(), runtime(), runtime());
    let cli = FakeCli::new();
    let client = client_on(&of_client, &of_cli, &cli);
    let session = of_client.block_on(client.session().start()).unwrap();
    let mut events = session.events();
    cli.hold("connect");
    let (calling, asking) = ours.block_on(async {
        cli.hang_up();
        next_event(&mut events, |kind| matches!(kind, EventKind::Disconnected(_))).await;
        let waiting = session.clone();
        let calls =
            (tokio::spawn(call(&client, json!({}))), tokio::spawn(async move { waiting.ask("?").await }));
        within(cli.held("connect")).await;
        calls
    });
    drop(of_client);
    ours.block_on(async {
        names_the_runtime(&within(calling).await.unwrap().unwrap_err());
        names_the_runtime(&within(asking).await.unwrap().unwrap_err());
        while within(events.next()).await.is_some() {}
    });
}

#[tokio::test(start_paused = true)]
async fn the_first_retry_after_a_loss_waits_for_the_restart() {
    let fake = restarting().await;
    let session = fake.session().start().await.unwrap();
    fake.cli.hold("x.y");
    for of_session in [false, true] {
        let (client, session) = (fake.client.clone(), session.clone());
        // In a task, which is woken before the supervisor is.
        let retrying = tokio::spawn(async move {
            let error = call(&client, json!({})).await.unwrap_err();
            assert!(error.is_disconnected() && error.is_retryable(), "{error:?}");
            // Not a moment later.
            if of_session {
                assert_eq!(session.ask("?").await.unwrap().text(), "OK.");
            } else {
                client.ping("?").await.unwrap();
            }
        });
        within(fake.cli.held("x.y")).await;
        fake.cli.hang_up();
        within(retrying).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn losses_are_survived_as_long_as_restarts_succeed_and_pauses_grow() {
    let fake = restarting().await;
    let session = fake.session().start().await.unwrap();
    let mut events = session.events();
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let lost = Instant::now();
        fake.cli.hang_up();
        next_restart(&mut events).await;
        pauses.push(lost.elapsed().as_millis());
        assert_eq!(session.ask("?").await.unwrap().text(), "OK.");
    }
    let expected = [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000, 5000, 5000];
    for (pause, expected) in pauses.iter().zip(expected) {
        assert!((expected..expected + 20).contains(pause), "{pauses:?}");
    }
    // After half a minute without a loss the next restart comes soon.
    tokio::time::sleep(Duration::from_secs(30)).await;
    let lost = Instant::now();
    fake.cli.hang_up();
    next_restart(&mut events).await;
    assert!(lost.elapsed() < Duration::from_millis(120), "{:?}", lost.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_start_counts_as_failed_when_the_cli_is_lost_before_its_sessions_are_there() {
    let fake = restarting().await;
    let session = fake.session().start().await.unwrap();
    fake.cli.on("session.resume", |_, asked| {
        asked.cli().hang_up();
        copilot::testing::Answer::Never
    });
    let mut events = session.events();
    fake.cli.hang_up();
    next_event(&mut events, |kind| matches!(kind, EventKind::Disconnected(_))).await;
    let error = within(session.ask("?")).await.unwrap_err();
    assert!(error.is_disconnected(), "{error:?}");
    assert_eq!(fake.cli.requests("connect").len(), 1 + 5);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_be_resumed_ends_with_its_error_and_its_id_is_free() {
    let fake = restarting().await;
    let session = fake.session().id("s").start().await.unwrap();
    let mut events = session.events();
    fake.cli.on("session.resume", |_, _| RpcError::new(-32603, "the disk is full"));
    fake.cli.hang_up();
    let mut last = None;
    while let Some(event) = within(events.next()).await {
        last = Some(event);
    }
    let last = last.expect("an event");
    let EventKind::Disconnected(cause) = last.kind() else { panic!("{last:?}") };
    assert!(cause.to_string().contains("the disk is full"), "{cause}");
    let error = within(session.ask("?")).await.unwrap_err();
    assert!(error.to_string().contains("the disk is full"), "{error}");
    // The client works, and the same id can be opened.
    fake.cli.on("session.resume", |_, asked| asked.default_answer());
    let again = fake.client.resume("s").start().await.unwrap();
    // What is left of the first one has no part in the second.
    session.close().await.unwrap();
    drop(session);
    settle().await;
    assert_eq!(within(again.ask("?")).await.unwrap().text(), "OK.");
}

#[tokio::test(start_paused = true)]
async fn a_session_can_be_opened_again_as_soon_as_its_stream_has_ended() {
    let fake = Fake::start().await;
    let session = fake.session().id("s").start().await.unwrap();
    let mut events = session.events();
    let reopens = Arc::new(Reopens { client: fake.client.clone(), opening: AtomicUsize::new(0) });
    let mut next = pin!(events.next());
    assert!(next.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&reopens)))).is_pending());
    session.close().await.unwrap();
    assert_eq!(reopens.opening.load(Ordering::Relaxed), 1);
}

/// Begins to open a session again in the very moment in which it is woken, and counts how often that is not refused.
struct Reopens {
    client: Client,
    opening: AtomicUsize,
}

impl Wake for Reopens {
    fn wake(self: Arc<Self>) {
        let mut opening = Box::pin(self.client.resume("s").start());
        if opening.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            self.opening.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Panics where it is woken.
struct Boom;

impl Wake for Boom {
    fn wake(self: Arc<Self>) {
        panic!("boom");
    }
}

fn poll_with_boom<F: Future>(future: std::pin::Pin<&mut F>) {
    let waker = Waker::from(Arc::new(Boom));
    assert!(matches!(future.poll(&mut Context::from_waker(&waker)), Poll::Pending));
}

#[tokio::test(start_paused = true)]
async fn wakers_that_panic_when_a_connection_is_lost_leave_the_others_awake() {
    let fake = restarting().await;
    let session = fake.session().start().await.unwrap();
    fake.cli.hold("x.y");
    // On both sides of the calls that are waited for.
    let (mut first, mut last) = (pin!(call(&fake.client, json!(1))), pin!(call(&fake.client, json!(4))));
    poll_with_boom(first.as_mut());
    let calls: Vec<_> = (2..4).map(|number| call(&fake.client, json!(number))).collect();
    let calls = tokio::spawn(all(calls));
    fake.cli.requested("x.y", 3).await;
    poll_with_boom(last.as_mut());
    let mut of_boom = session.events();
    let mut next = pin!(of_boom.next());
    poll_with_boom(next.as_mut());
    let mut events = session.events();
    fake.cli.requested("x.y", 4).await;
    fake.cli.hang_up();
    for result in within(calls).await.unwrap() {
        assert!(result.unwrap_err().is_disconnected());
    }
    next_restart(&mut events).await;
    assert_eq!(session.ask("?").await.unwrap().text(), "OK.");
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_whose_waker_panics_costs_neither_the_connection_nor_other_subscribers() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    let mut of_boom = session.events();
    let mut next = pin!(of_boom.next());
    poll_with_boom(next.as_mut());
    let mut events = session.events();
    let waiting = tokio::spawn(async move { events.next().await });
    settle().await;
    fake.cli.event(session.id(), "session.info", json!({"message": "hello"}));
    assert_eq!(within(waiting).await.unwrap().unwrap().name(), "session.info");
    fake.client.ping("?").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn streams_of_the_client_end_with_it() {
    for shut_down in [true, false] {
        let fake = Fake::start().await;
        let (mut lifecycle, mut telemetry) = (fake.client.lifecycle(), fake.client.github_telemetry());
        if shut_down {
            fake.client.shutdown().await.unwrap();
        } else {
            fake.cli.hang_up();
        }
        assert!(within(lifecycle.next()).await.is_none());
        assert!(within(telemetry.next()).await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_session_calls_nothing() {
    let fake = Fake::start().await;
    let session = fake.session().with_tools([add::TOOL]).start().await.unwrap();
    session.close().await.unwrap();
    let before = fake.cli.received().len();
    for error in [
        within(session.ask("?")).await.unwrap_err(),
        within(session.send("?")).await.unwrap_err(),
        within(session.history().events()).await.unwrap_err(),
        within(session.abort()).await.unwrap_err(),
        within(session.tools().remove(["add"])).await.unwrap_err(),
        within(session.call::<_, Value>("x.y", json!({}))).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    }
    settle().await;
    assert_eq!(fake.cli.received().len(), before);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_being_closed_runs_no_tool() {
    let fake = Fake::start().await;
    let ran = Arc::new(AtomicUsize::new(0));
    let tool = copilot::DynTool::new("count", "Counts.").schema(json!({"type": "object"})).unwrap().run({
        let ran = Arc::clone(&ran);
        move |_, _| {
            ran.fetch_add(1, Ordering::Relaxed);
            async { "counted" }
        }
    });
    let session = fake.session().with_tools([tool]).start().await.unwrap();
    fake.cli.hold("session.detach");
    let closing = tokio::spawn({
        let session = session.clone();
        async move { session.close().await }
    });
    let detach = fake.cli.held("session.detach").await;
    let _called = fake.cli.call_tool(session.id(), "count", json!({})).start();
    settle().await;
    detach.answer(json!({"success": true}));
    within(closing).await.unwrap().unwrap();
    let _called = fake.cli.call_tool(session.id(), "count", json!({})).start();
    settle().await;
    assert_eq!(ran.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn taking_back_one_request_cancels_no_other() {
    let fake = Fake::of_version("0.0.403").await;
    let session = fake.session().id("s").with_tools([unending::TOOL]).start().await.unwrap();
    let params =
        |call: &str| json!({"sessionId": "s", "toolCallId": call, "toolName": "unending", "arguments": {}});
    for id in [501, 502] {
        let request =
            json!({"jsonrpc": "2.0", "id": id, "method": "tool.call", "params": params(&id.to_string())});
        fake.cli.frame(request.to_string());
    }
    settle().await;
    fake.cli.notify("$/cancelRequest", json!({"id": 501}));
    settle().await;
    assert_eq!(fake.answers_to(&json!(501))[0]["error"]["code"], -32800);
    assert!(fake.answers_to(&json!(502)).is_empty());
    session.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn tool_answers_wait_for_room() {
    let fake = Fake::start().await;
    let session = fake.session().with_tools([mebibyte::TOOL]).start().await.unwrap();
    fake.cli.stop_reading();
    let _calls: Vec<_> =
        (0..20).map(|_| fake.cli.call_tool(session.id(), "mebibyte", json!({})).start()).collect();
    settle().await;
    // Each answer that has been queued waits to be received: 4 MiB, and the one that passes the mark.
    assert!((4..=6).contains(&fake.calls_pending()), "{}", fake.calls_pending());
    fake.cli.read_on();
    within(fake.cli.requested("session.tools.handlePendingToolCall", 20)).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_over_the_limit_ends_its_call_and_no_other() {
    let fake = limited().await;
    fake.cli.hold("x.y");
    let big = "x".repeat(2 * LIMIT as usize);
    for (before, after) in [
        (r#""jsonrpc":"2.0","id":ID,"result":""#, r#"""#),
        (r#""id":ID,"jsonrpc":"2.0","result":{"a":{"b":""#, r#""}}"#),
        (r#""error":null,"id":ID,"result":[""#, r#""]"#),
        (r#""id":ID,"error":{"code":1,"message":""#, r#""}"#),
    ] {
        let calls = all((0..2).map(|number| call(&fake.client, json!([number]))));
        let answer = async {
            let (first, second) = (fake.cli.held("x.y").await, fake.cli.held("x.y").await);
            let before = before.replace("ID", &first.id().to_string());
            fake.cli.frame(format!("{{{before}{big}{after}}}"));
            settle().await;
            second.answer(second.params().clone());
            first.params()[0].as_u64().unwrap()
        };
        let (results, skipped) = tokio::join!(within(calls), answer);
        for (number, result) in results.into_iter().enumerate() {
            if number as u64 != skipped {
                assert_eq!(result.unwrap(), json!([number]));
                continue;
            }
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Transport);
            let text = error.to_string();
            assert!(text.starts_with("x.y: the CLI's response was discarded"), "{text}");
            assert!(text.contains("the limit is 65536") && text.contains("`max_frame_bytes`"), "{text}");
        }
        fake.client.ping("?").await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_over_the_limit_that_may_be_any_call_s_ends_them_all() {
    let fake = limited().await;
    fake.cli.hold("x.y");
    let calls = all((0..3).map(|number| call(&fake.client, json!(number))));
    let answer = async {
        let held = [fake.cli.held("x.y").await, fake.cli.held("x.y").await, fake.cli.held("x.y").await];
        let big = "x".repeat(2 * LIMIT as usize);
        fake.cli.frame(format!(r#"{{"jsonrpc":"2.0","result":"{big}","id":{}}}"#, held[1].id()));
        settle().await;
        held.iter().for_each(|request| request.answer(json!("late")));
    };
    let (results, ()) = tokio::join!(within(calls), answer);
    for result in results {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport);
        assert!(error.to_string().contains("the limit is 65536"), "{error}");
    }
    fake.client.ping("?").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_over_the_limit_whose_method_stands_last_is_not_an_answer() {
    let fake = limited().await;
    let _session = fake.session().id("s").start().await.unwrap();
    fake.cli.hold("x.y");
    let big = "x".repeat(2 * LIMIT as usize);
    let answer = async {
        let held = fake.cli.held("x.y").await;
        let event = format!(r#"{{"params":{{"sessionId":"s","a":"{big}"}},"method":"session.event"}}"#);
        fake.cli.frame(event);
        let request = format!(r#"{{"id":804,"params":{{"sessionId":"s","a":"{big}"}},"method":"m.n"}}"#);
        fake.cli.frame(request);
        settle().await;
        assert_eq!(fake.answers_to(&json!(804))[0]["error"]["code"], -32602);
        held.answer(json!("good"));
    };
    let (result, ()) = tokio::join!(within(call(&fake.client, json!(0))), answer);
    assert_eq!(result.unwrap(), "good");
}

#[tokio::test(start_paused = true)]
async fn a_request_over_the_limit_or_cut_off_gets_the_safe_answer() {
    let fake = limited().await;
    let _session = fake.session().id("s").start().await.unwrap();
    let big = "x".repeat(2 * LIMIT as usize);
    for (shape, tail) in [("over the limit", format!(r#""{big}"}}}}"#)), ("not JSON", "oops".to_owned())] {
        for (id, method) in [(801, "userInput.request"), (802, "permission.request"), (803, "hooks.invoke")] {
            let head =
                format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{"sessionId":"s","a":"#);
            let before = fake.answers_to(&json!(id)).len();
            fake.cli.frame(format!("{head}{tail}"));
            settle().await;
            let answers = fake.answers_to(&json!(id));
            assert_eq!(answers.len(), before + 1, "{method}, {shape}");
            let answer = &answers[before];
            match method {
                "userInput.request" => {
                    assert_eq!(answer["error"]["code"], -32602);
                    let why = answer["error"]["message"].as_str().unwrap();
                    let reason = if shape == "not JSON" { "not JSON" } else { "the limit is 65536" };
                    assert!(why.contains(reason), "{why}");
                }
                "permission.request" => {
                    let denied = "denied-no-approval-rule-and-could-not-request-from-user";
                    assert_eq!(answer["result"]["result"]["kind"], denied);
                }
                _ => assert_eq!(answer["result"]["output"]["permissionDecision"], "deny"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_over_the_limit_is_reported_and_ends_the_turn_whose_answer_it_may_be() {
    let fake = limited().await;
    // With the members in the order of the real CLI.
    let event = |name: &str, data: &str| {
        let event =
            format!(r#"{{"type":"{name}","data":{{{data}"{}"}},"id":"e"}}"#, "x".repeat(2 * LIMIT as usize));
        let params = format!(r#"{{"sessionId":"s","event":{event}}}"#);
        format!(r#"{{"jsonrpc":"2.0","method":"session.event","params":{params}}}"#)
    };
    let answer = event("assistant.message", r#""messageId":"m","content":"#);
    fake.cli.on_turn(move |turn| {
        turn.cli().frame(&answer);
        async {}
    });
    let session = fake.session().id("s").with_tools([swallow::TOOL]).start().await.unwrap();
    let mut events = session.events();
    let error = within(session.ask("?")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(error.to_string().contains("the limit is 65536"), "{error}");
    let reported = next_event(&mut events, |kind| matches!(kind, EventKind::MessageSkipped(_))).await;
    let EventKind::MessageSkipped(skipped) = reported.kind() else { unreachable!() };
    assert_eq!(skipped.event.as_deref(), Some("assistant.message"));
    assert!(skipped.error.to_string().contains("the limit is 65536"), "{skipped:?}");
    // A tool call that is too large is answered, so that the agent does not wait.
    let call = r#""requestId":"r","toolCallId":"c","toolName":"swallow","arguments":"#;
    fake.cli.frame(event("external_tool.requested", call));
    let answers = within(fake.cli.requested("session.tools.handlePendingToolCall", 1)).await;
    assert_eq!(
        (&answers[0]["requestId"], &answers[0]["result"]["resultType"]),
        (&json!("r"), &json!("failure"))
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_over_the_limit_that_asks_gets_the_safe_answer() {
    let fake = limited().await;
    // The members of the real CLI, in its order.
    let event = |name: &str, request: &str, member: &str| {
        let data = format!(
            r#"{{"requestId":"{request}","{member}":{{"a":"{}"}},"promptRequest":{{}}}}"#,
            "x".repeat(2 * LIMIT as usize)
        );
        let params = format!(r#"{{"sessionId":"s","event":{{"type":"{name}","data":{data},"id":"e"}}}}"#);
        format!(r#"{{"jsonrpc":"2.0","method":"session.event","params":{params}}}"#)
    };
    let answer = async |method: &str| within(fake.cli.requested(method, 1)).await.remove(0);
    // The permissions of the session grant it; what cannot be read is denied all the same.
    let session = fake.session().id("s").permissions(Permissions::approve_all());
    let session = session.on_elicitation(|_| async { copilot::elicitation::ElicitationResponse::decline() });
    let _session = session.start().await.unwrap();
    fake.cli.frame(event("permission.requested", "p", "permissionRequest"));
    let denied = answer("session.permissions.handlePendingPermissionRequest").await;
    assert_eq!(
        (&denied["requestId"], &denied["result"]["kind"]),
        (&json!("p"), &json!("user-not-available"))
    );
    fake.cli.frame(event("elicitation.requested", "f", "requestedSchema"));
    let cancelled = answer("session.ui.handlePendingElicitation").await;
    assert_eq!((&cancelled["requestId"], &cancelled["result"]["action"]), (&json!("f"), &json!("cancel")));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_json_ends_its_call() {
    let fake = Fake::start().await;
    fake.cli.hold("x.y");
    let answer = async |shape: &str| {
        let id = fake.cli.held("x.y").await.id().to_string();
        match shape {
            "broken" => fake.cli.frame(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"a":oops}}}}"#)),
            "short" => fake
                .cli
                .raw(format!("Content-Length: 30\r\n\r\n{{\"id\":{id},\"result\":\"a longer text\"}}")),
            _ => fake.cli.raw(format!("Content-Length: 900\r\n\r\n{{\"id\":{id},\"result\":\"cut")),
        }
        fake.cli.frame("{}");
    };
    for (shape, kind) in
        [("broken", ErrorKind::Decode), ("short", ErrorKind::Decode), ("cut off", ErrorKind::Transport)]
    {
        let (result, ()) = tokio::join!(within(call(&fake.client, json!({}))), answer(shape));
        assert_eq!(result.unwrap_err().kind(), kind, "{shape}");
        fake.client.ping("?").await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_character_costs_no_message() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    let mut events = session.events();
    fake.cli.hold("x.y");
    let (result, ()) = tokio::join!(within(call(&fake.client, json!({}))), async {
        let id = fake.cli.held("x.y").await.id().to_string();
        fake.cli.frame(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"a\ud83d b \ud83d\ude00"}}"#));
    });
    assert_eq!(result.unwrap(), "a\u{fffd} b \u{1f600}");
    let event = r#"{"type":"session.info","id":"e","timestamp":"","data":{"message":"half \ude00"}}"#;
    fake.cli.frame(format!(
        r#"{{"jsonrpc":"2.0","method":"session.event","params":{{"sessionId":"{}","event":{event}}}}}"#,
        session.id()
    ));
    let event = next_event(&mut events, |kind| matches!(kind, EventKind::SessionInfo(_))).await;
    let EventKind::SessionInfo(notice) = event.kind() else { unreachable!() };
    assert_eq!(notice.message, "half \u{fffd}");
}

#[tokio::test(start_paused = true)]
async fn good_frames_inside_a_large_broken_one_arrive() {
    let fake = Fake::start().await;
    fake.cli.hold("x.y");
    for filler in [&b"x"[..], b"\xff"] {
        let (result, ()) = tokio::join!(within(call(&fake.client, json!({}))), async {
            let id = fake.cli.held("x.y").await.id().to_string();
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"inside"}}"#);
            let frame = format!("Content-Length: {}\r\n\r\n{body}", body.len());
            // At the end, so that the whole of the broken frame is there when the other is seen.
            let broken = [&filler.repeat(1 << 20)[..], frame.as_bytes()].concat();
            fake.cli.frame(broken);
        });
        assert_eq!(result.unwrap(), "inside");
    }
}

#[tokio::test(start_paused = true)]
async fn a_history_is_read_in_pages_that_fit() {
    let fake = limited().await;
    let session = fake.session().start().await.unwrap();
    for number in 0..2500 {
        fake.cli.event(session.id(), "session.info", json!({"message": number.to_string()}));
    }
    let messages = |events: &[Event]| -> Vec<String> {
        let notices = events.iter().filter_map(|event| match event.kind() {
            EventKind::SessionInfo(notice) => Some(notice.message.clone()),
            _ => None,
        });
        notices.collect()
    };
    let expected: Vec<String> = (0..2500).map(|number| number.to_string()).collect();
    let history = within(session.history().events()).await.unwrap();
    assert_eq!(messages(&history), expected);
    // A thousand of these are over the limit.
    let sizes: Vec<_> =
        fake.cli.requests("session.eventLog.read").iter().map(|asked| asked["max"].clone()).collect();
    assert!(sizes[0] == 1000 && sizes[1..].iter().all(|size| *size == 100), "{sizes:?}");
    assert!(fake.cli.requests("session.getMessages").is_empty());
    // Old CLIs know only this.
    let fake = Fake::of_version("1.0.32").await;
    let session = fake.session().start().await.unwrap();
    fake.cli.event(session.id(), "session.info", json!({"message": "0"}));
    assert_eq!(messages(&within(session.history().events()).await.unwrap()), ["0"]);
}

#[tokio::test(start_paused = true)]
async fn a_history_ends_whatever_the_cli_says_of_its_pages() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    fake.cli.on("session.eventLog.read", |_, _| json!({"events": [], "cursor": "c", "hasMore": true}));
    assert!(within(session.history().events()).await.unwrap().is_empty());
    // A place that is forgotten meanwhile begins the list again.
    fake.cli.on("session.eventLog.read", |params, asked| {
        let event = json!({"type": "session.info", "id": "e", "timestamp": "", "data": {"message": "m"}});
        match asked.count() {
            2 => json!({"events": [event], "cursor": "1", "hasMore": true}),
            3 => json!({"events": [event], "cursor": "2", "hasMore": false, "cursorStatus": "expired"}),
            count => panic!("{count} {params}"),
        }
    });
    assert_eq!(within(session.history().events()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn on_the_real_cli_the_pages_of_a_history_are_the_whole_of_it() {
    let script = Script::new().call("add", json!({"a": 1, "b": 2})).say("Three.").say("Bye.");
    let real = Real::over_stdio(script).await;
    let session = real.session().with_tools([add::TOOL]).streaming(true).start().await.unwrap();
    session.ask("One and two?").await.unwrap();
    session.ask("Bye?").await.unwrap();
    let whole = whole_of(&session).await;
    let of_pages = |events: &[Event]| -> Vec<_> {
        let data = |event: &Event| serde_json::from_str(event.raw_data()).unwrap();
        events.iter().map(|event| (json!(event.id()), json!(event.name()), data(event))).collect()
    };
    assert!(whole.len() > 5, "{whole:?}");
    assert_eq!(of_pages(&session.history().events().await.unwrap()), whole);
    let mut query = copilot::history::EventQuery::new().max(2).include_ephemeral(false);
    let mut events = Vec::new();
    loop {
        let page = session.history().page(&query).await.unwrap();
        assert!(page.events.len() <= 2);
        events.extend(page.events);
        if !page.has_more {
            break;
        }
        query = query.cursor(page.cursor);
    }
    assert_eq!(of_pages(&events), whole);
    // Also after the session was taken from the disk.
    let id: SessionId = session.id().clone();
    session.close().await.unwrap();
    let session = real.client.resume(id).scripted_model(&real.model).start().await.unwrap();
    assert_eq!(of_pages(&session.history().events().await.unwrap()), whole_of(&session).await);
    real.finish().await;
}

/// The events as the CLI gives them in one message: id, type and data.
async fn whole_of(session: &copilot::Session) -> Vec<(Value, Value, Value)> {
    let whole: Value = session.call("session.getMessages", json!({})).await.unwrap();
    let shape = |event: &Value| (event["id"].clone(), event["type"].clone(), event["data"].clone());
    whole["events"].as_array().unwrap().iter().map(shape).collect()
}

/// Processes that die as they are asked to.
#[cfg(unix)]
mod processes {
    use super::*;

    async fn doomed(fates: &str, restart: bool) -> (Client, tempfile::NamedTempFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), fates).unwrap();
        let client = Client::builder().cli_path(env!("CARGO_BIN_EXE_fake-cli"));
        let client = client.env("FAKE_CLI_FATES", file.path()).auto_restart(restart);
        (client.start().await.unwrap(), file)
    }

    /// The clock is paused: it shows how long is waited for, however busy the machine is.
    #[tokio::test]
    async fn the_end_of_a_cli_is_known_well_below_a_second() {
        // Where the next write fails first, for 200 ms more is listened.
        for (fate, most) in [("exit", 510), ("kill", 510), ("close-stdout", 310), ("leave-heir", 510)] {
            let (client, _file) = doomed(&format!("die {fate}\n"), false).await;
            let waiting = all((0..3).map(|_| {
                let client = client.clone();
                async move { client.call::<_, Value>("die", json!({})).await }
            }));
            tokio::time::pause();
            let begun = Instant::now();
            for result in waiting.await {
                assert!(result.unwrap_err().is_disconnected());
            }
            let waited = begun.elapsed();
            tokio::time::resume();
            assert!(waited <= Duration::from_millis(most), "{fate}: {waited:?}");
            client.shutdown().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_client_that_is_shutting_down_starts_no_other_cli() {
        let (client, file) = doomed("runtime.shutdown linger\nconnect stop\n", true).await;
        let shutting = tokio::spawn({
            let client = client.clone();
            async move { client.shutdown().await }
        });
        let left = || std::fs::read_to_string(file.path()).unwrap();
        // The CLI that lingers is waited for much longer, and another one would be started after 100 ms.
        let another = async {
            while !left().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(timeout(Duration::from_secs(2), another).await.is_err(), "another CLI was started");
        assert!(!shutting.is_finished(), "it still waits for the first");
        drop(client);
        shutting.abort();
    }
}
