//! Turns whose answer or end was lost, where the log of the CLI cannot help, or comes too late.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use copilot::ErrorKind;
use copilot::testing::{FakeCli, RpcError};
use copilot_tests::fake::{Fake, failure, settle};
use serde_json::json;
use tokio::time::timeout;

use crate::asks::SECOND;

/// The method that reads the log.
const LOG: &str = "session.eventLog.read";

/// A CLI whose agent ends a turn and whose answer is lost.
async fn silent() -> Fake {
    let cli = FakeCli::new();
    cli.on_turn(async |_| {});
    Fake::on(cli).await
}

#[tokio::test(start_paused = true)]
async fn a_turn_without_its_answer_fails_if_the_log_cannot_be_read() {
    let fake = silent().await;
    let session = fake.session().start().await.unwrap();
    fake.cli.on(LOG, |_, _| RpcError::new(-32603, "the disk is broken"));
    let error = failure(session.ask("?")).await;
    assert_eq!(error.kind(), ErrorKind::Response, "{error}");
    for part in ["the answer of the turn was lost", "the disk is broken"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    fake.cli.hold(LOG);
    let error = failure(session.ask("?")).await;
    assert!(error.is_timeout(), "{error}");
    let (error, ()) = tokio::join!(failure(session.ask("?")), async {
        let _held = fake.cli.held(LOG).await;
        fake.cli.hang_up();
    });
    assert!(error.is_disconnected(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_turn_without_an_answer_is_whole_if_the_log_has_none() {
    let fake = silent().await;
    let session = fake.session().start().await.unwrap();
    assert_eq!(session.ask("?").await.unwrap().text(), "");
    assert!(!fake.cli.requests(LOG).is_empty());
    // Old CLIs do not have the method.
    fake.cli.on(LOG, |_, _| RpcError::unknown_method(LOG));
    assert_eq!(session.ask("?").await.unwrap().text(), "");
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_found_late_does_not_end_the_next_turn() {
    let cli = FakeCli::new();
    cli.on("session.send", |_, asked| json!({"messageId": format!("m{}", asked.count())}));
    let fake = Fake::on(cli).await;
    let session = fake.session().start().await.unwrap();
    let user = |id: &str| json!({"content": "?", "messageId": id});
    let answer = |id: &str, text: &str| json!({"content": text, "messageId": format!("of-{id}"), "originatingMessageId": id});
    let id = session.id().clone();
    // The agent begins with the second message while the log is on its way.
    fake.cli.on(LOG, move |_, asked| {
        asked.cli().event(&id, "user.message", user("m2"));
        json!({"cursor": "end", "hasMore": false, "events": [
            {"id": "e1", "type": "user.message", "timestamp": "2026-01-01T00:00:00Z", "data": user("m1")},
            {"id": "e2", "type": "session.idle", "timestamp": "2026-01-01T00:00:00Z", "data": {}},
        ]})
    });
    let first = session.stream("one").await.unwrap();
    fake.cli.event(session.id(), "user.message", user("m1"));
    fake.cli.event(session.id(), "assistant.message", answer("m1", "One."));
    settle().await;
    let second = session.stream("two").await.unwrap();
    let (one, two) = tokio::join!(first.reply(), async {
        fake.cli.requested(LOG, 1).await;
        let two = second.reply();
        tokio::pin!(two);
        assert!(timeout(SECOND, &mut two).await.is_err(), "it ended without its answer");
        fake.cli.event(session.id(), "assistant.message", answer("m2", "Two."));
        fake.cli.event(session.id(), "session.idle", json!({}));
        two.await
    });
    assert_eq!((one.unwrap().text(), two.unwrap().text()), ("One.", "Two."));
}
