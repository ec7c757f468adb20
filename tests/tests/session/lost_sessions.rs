//! Sessions that the CLI has lost: evicted, deleted, or interrupted by the end of the CLI.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use copilot::testing::{FakeCli, RpcError, Script, ScriptedModel, hermetic_client};
use copilot_tests::fake::failure;
use copilot_tests::fake::{Fake, settle};
use copilot_tests::tested;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::asks::{SECOND, endless};

#[tokio::test(start_paused = true)]
async fn a_session_that_the_cli_has_evicted_is_resumed_once_and_the_message_sent_again() {
    for version in ["0.0.403", "1.0.102"] {
        let fake = Fake::of_version(version).await;
        let evicted = Arc::new(AtomicUsize::new(1));
        let left = Arc::clone(&evicted);
        fake.cli.on("session.send", move |_, asked| {
            if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                let text = "Request session.send failed with message: Session not found: s";
                return RpcError::new(-32603, text).into();
            }
            asked.default_answer()
        });
        let session = fake.session().id("s").start().await.unwrap();
        assert_eq!(session.ask("?").await.expect("it is resumed").text(), "OK.", "{version}");
        assert_eq!(fake.cli.requests("session.resume").len(), 1);
        evicted.store(1, Ordering::SeqCst);
        session.send("!").await.expect("it is resumed");
        assert_eq!(fake.cli.requests("session.resume").len(), 2);
        evicted.store(2, Ordering::SeqCst);
        let error = failure(session.ask("?")).await;
        assert!(error.to_string().contains("Session not found"), "{error}");
        assert_eq!(fake.cli.requests("session.resume").len(), 3, "{version}: only once for a message");
        evicted.store(0, Ordering::SeqCst);
        assert!(session.ask("?").await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_not_on_disk_any_more_is_not_replaced_by_an_empty_one() {
    let fake = Fake::start().await;
    let session = fake.session().id("s").start().await.unwrap();
    session.ask("?").await.unwrap();
    let _: Value = fake.client.call("session.delete", json!({"sessionId": "s"})).await.unwrap();
    let error = failure(session.ask("?")).await;
    assert!(error.to_string().contains("cannot be resumed"), "{error}");
    assert_eq!(fake.cli.requests("session.create").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_cli_leaves_the_session_idle() {
    let cli = FakeCli::new();
    cli.on("session.send", |_, _| json!({"messageId": "m"}));
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let fake = Fake { cli, client };
    let session = fake.session().start().await.unwrap();
    fake.begin_turn(&session);
    settle().await;
    let mut events = session.events();
    fake.cli.hang_up();
    while events.next().await.expect("it comes back").name() != "copilot.restarted" {}
    // A hook blocks the message: its turn has no other end than an idle.
    let ask = timeout(10 * SECOND, session.ask("?").into_future());
    let (reply, ()) = tokio::join!(ask, async {
        fake.cli.requested("session.send", 1).await;
        fake.cli.event(session.id(), "session.idle", json!({}));
    });
    reply.expect("the session was idle before the message").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_given_up_does_not_block_the_next_one_after_a_loss() {
    let cli = FakeCli::of_version("1.0.57");
    cli.on("session.send", |_, asked| match asked.count() {
        1 => json!({"messageId": "m"}).into(),
        _ => asked.default_answer(),
    });
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let fake = Fake { cli, client };
    let session = fake.session().start().await.unwrap();
    assert!(timeout(SECOND, session.ask("lost").into_future()).await.is_err());
    let mut events = session.events();
    fake.cli.hang_up();
    while events.next().await.expect("it comes back").name() != "copilot.restarted" {}
    let asked = Instant::now();
    assert_eq!(session.ask("?").await.unwrap().text(), "OK.");
    assert!(asked.elapsed() < SECOND, "it waited {:?} for the other one", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_session_without_a_message_that_is_not_on_disk_is_created_again() {
    let fake = Fake::start().await;
    let session = fake.session().id("s").start().await.unwrap();
    let delete = async || {
        let deleted: Value = fake.client.call("session.delete", json!({"sessionId": "s"})).await.unwrap();
        assert_eq!(deleted["success"], true);
    };
    delete().await;
    // Another failure does not show that it is not on disk.
    fake.cli.on("session.resume", |_, asked| match asked.count() {
        1 => RpcError::new(-32603, "the disk is busy").into(),
        _ => asked.default_answer(),
    });
    let error = failure(session.ask("?")).await;
    assert!(error.to_string().contains("the disk is busy"), "{error}");
    assert_eq!(fake.cli.requests("session.create").len(), 1);
    assert_eq!(session.ask("?").await.unwrap().text(), "OK.");
    assert_eq!(fake.cli.requests("session.create").len(), 2);
}

/// An eviction takes the real CLI minutes; a session that another request has detached is in the same state.
#[tokio::test]
async fn a_session_that_the_real_cli_does_not_have_any_more_answers_with_its_history() {
    if !tested::since([1, 0, 82]) {
        return tested::not_supported("it has no `session.detach`");
    }
    let model = ScriptedModel::start(Script::new().say("First.").say("Second.")).await.unwrap();
    let state = tempfile::tempdir().unwrap();
    let client = hermetic_client(state.path()).start().await.unwrap();
    let session = client.session().scripted_model(&model).with_tools([endless::TOOL]).start().await.unwrap();
    assert_eq!(session.ask("one").await.unwrap().text(), "First.");
    let _: Value = client.call("session.detach", json!({"sessionId": session.id()})).await.unwrap();
    let mut events = session.events();
    assert_eq!(session.ask("two").await.unwrap().text(), "Second.");
    assert!(std::iter::from_fn(|| events.try_next()).any(|event| event.name() == "session.resume"));
    let history = session.history().events().await.unwrap();
    assert_eq!(history.iter().filter(|event| event.name() == "user.message").count(), 2);
    client.shutdown().await.unwrap();
    model.finish().unwrap();
}
