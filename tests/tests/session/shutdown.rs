//! Ends: in order, by drop, and by a CLI that does not cooperate.

use std::time::Duration;

use copilot::testing::{Answer, FakeCli, RpcError};
use copilot::{ErrorKind, EventKind};
use copilot_tests::fake::{Fake, settle};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

/// Runs until it is dropped.
#[copilot::tool]
async fn stuck() {
    std::future::pending::<()>().await;
}

#[tokio::test(start_paused = true)]
async fn shutdown_closes_every_session_and_later_calls_report_closed() {
    for (version, method) in [("0.0.403", "session.destroy"), ("1.0.102", "session.detach")] {
        let fake = Fake::of_version(version).await;
        let one = fake.session().id("one").with_tools([stuck::TOOL]).start().await.unwrap();
        let two = fake.session().id("two").start().await.unwrap();
        let mut events = one.events();
        let call = fake.cli.call_tool(one.id(), "stuck", json!({})).start();
        settle().await;
        fake.client.shutdown().await.unwrap();
        let mut let_go: Vec<_> =
            fake.cli.requests(method).iter().map(|params| params["sessionId"].to_string()).collect();
        let_go.sort();
        assert_eq!(let_go, [r#""one""#, r#""two""#], "{version}");
        while events.next().await.is_some() {}
        // Another program may have started this CLI: it is left running.
        assert!(fake.cli.requests("runtime.shutdown").is_empty());
        fake.cli.disconnected().await;
        drop(call);

        for error in [
            fake.client.ping("?").await.unwrap_err(),
            fake.client.call::<_, Value>("x.y", json!({})).await.unwrap_err(),
            fake.session().start().await.unwrap_err(),
            one.ask("?").await.unwrap_err(),
            two.history().events().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Closed, "{version}: {error:?}");
        }
        // A second shutdown succeeds, and so does closing a closed session.
        fake.client.shutdown().await.unwrap();
        two.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_learn_that_the_client_was_shut_down() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    fake.cli.hold("x.y");
    fake.cli.on_turn(|_| std::future::pending());
    let call = fake.client.call::<_, Value>("x.y", json!({}));
    let (call, ask, done) = tokio::join!(call, session.ask("?").into_future(), async {
        fake.cli.requested("x.y", 1).await;
        fake.cli.requested("session.send", 1).await;
        settle().await;
        fake.client.shutdown().await
    });
    done.unwrap();
    assert_eq!(call.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(ask.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_cli_that_does_not_close_its_sessions_is_detached_after_a_while() {
    let cli = FakeCli::new();
    cli.on("session.detach", |_, _| Answer::Never);
    let fake = Fake::on(cli).await;
    let _sessions = [fake.session().start().await.unwrap(), fake.session().start().await.unwrap()];
    let began = Instant::now();
    let error = fake.client.shutdown().await.unwrap_err();
    assert!(began.elapsed() <= Duration::from_secs(11), "the sessions are waited for together");
    assert!(error.to_string().contains("did not detach from its sessions"), "{error}");
    fake.cli.disconnected().await;
}

#[tokio::test(start_paused = true)]
async fn failures_during_the_shutdown_are_reported() {
    let cli = FakeCli::new();
    cli.on("session.detach", |_, _| RpcError::new(-32603, "the disk is full"));
    let fake = Fake::on(cli).await;
    let _session = fake.session().id("s").start().await.unwrap();
    let error = fake.client.shutdown().await.unwrap_err().to_string();
    assert!(error.contains("session s") && error.contains("the disk is full"), "{error}");
    fake.cli.disconnected().await;
}

#[tokio::test(start_paused = true)]
async fn questions_during_the_shutdown_are_answered() {
    let cli = FakeCli::of_version("0.0.403");
    cli.hold("session.destroy");
    let fake = Fake::on(cli).await;
    let session = fake.session().start().await.unwrap();
    let (done, asked) = tokio::join!(fake.client.shutdown(), async {
        let destroy = fake.cli.held("session.destroy").await;
        let asked = fake.cli.ask_permission(session.id(), json!({"kind": "url"})).await;
        destroy.answer_by_default();
        asked
    });
    done.unwrap();
    assert_eq!(asked["kind"], "denied-no-approval-rule-and-could-not-request-from-user");
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_ends_streams_with_the_cause() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    let mut events = session.events();
    fake.cli.event(session.id(), "session.info", json!({}));
    fake.cli.hang_up();
    assert_eq!(events.next().await.unwrap().name(), "session.info");
    let last = events.next().await.unwrap();
    assert!(matches!(last.kind(), EventKind::Disconnected(_)), "{last:?}");
    assert!(events.next().await.is_none());
    // A clean-up after it has nothing left to do, and says so quickly.
    timeout(Duration::from_secs(1), session.close()).await.unwrap().unwrap();
    timeout(Duration::from_secs(1), fake.client.shutdown()).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_cli_that_closes_only_its_output_is_detached() {
    let fake = Fake::start().await;
    fake.cli.hold("ping");
    let (error, ()) = tokio::join!(fake.client.ping("?"), async {
        fake.cli.requested("ping", 1).await;
        fake.cli.close_output();
    });
    assert!(error.unwrap_err().is_disconnected());
    drop(fake.client);
    fake.cli.disconnected().await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_client_closes_the_connection_and_starts_nothing_later() {
    let fake = Fake::start().await;
    drop(fake.session().start().await.unwrap());
    drop(fake.client);
    fake.cli.disconnected().await;

    // Neither does a CLI that came back and does not take a session up.
    let client = fake.cli.client_builder().auto_restart(true).start().await.unwrap();
    let session = client.session().start().await.unwrap();
    fake.cli.hold("session.resume");
    fake.cli.hang_up();
    let _held = fake.cli.held("session.resume").await;
    drop((client, session));
    timeout(Duration::from_secs(60), fake.cli.disconnected()).await.expect("the connection is released");

    // A lazy client that was never used never connects.
    let client = fake.cli.client_builder().lazy().unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(client.ping("?").await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(fake.cli.requests("connect").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_cli_that_is_lost_while_it_is_shut_down_is_not_a_failure() {
    let fake = Fake::start().await;
    let _session = fake.session().start().await.unwrap();
    fake.cli.hold("session.detach");
    let (ended, ()) = tokio::join!(async { fake.client.shutdown().await }, async {
        let _held = fake.cli.held("session.detach").await;
        fake.cli.hang_up();
    });
    ended.unwrap();
}
