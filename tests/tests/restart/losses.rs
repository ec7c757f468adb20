//! Connections that are lost, messages that are skipped, runtimes that are gone: every wait ends, with the cause.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use copilot::client::ConnectionState;
use copilot::testing::{FakeCli, RpcError};
use copilot::{Client, ErrorKind, EventKind, ToolContext};
use copilot_tests::events::{next_event, next_restart, within};
use copilot_tests::fake::{Fake, all, call, settle};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout};

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

async fn restarting() -> Fake {
    let cli = FakeCli::new();
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
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
    // Remains of the first one do not affect the second.
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
    for end in ["a shutdown", "a loss", "a drop"] {
        let fake = Fake::start().await;
        let (mut lifecycle, mut telemetry) = (fake.client.lifecycle(), fake.client.github_telemetry());
        let mut states = fake.client.connection_states();
        assert_eq!(states.next().await, Some(ConnectionState::Connected));
        match end {
            "a shutdown" => fake.client.shutdown().await.unwrap(),
            "a loss" => fake.cli.hang_up(),
            _ => drop(fake),
        }
        assert_eq!(within(states.next()).await, Some(ConnectionState::Closed), "{end}");
        assert_eq!(within(states.next()).await, None, "{end}");
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
