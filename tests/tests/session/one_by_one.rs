//! Turns of one session on CLIs whose events do not name their message: an abandoned turn delays the next one for as long
//! as the agent may begin with it.

use std::future::poll_fn;
use std::task::Poll;

use copilot::testing::{FakeCli, RpcError};
use copilot::{ErrorKind, Session};
use copilot_tests::fake::{Fake, failure, settle};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::asks::SECOND;

/// A session of which the test plays the turns.
async fn open() -> (Fake, Session) {
    let fake = Fake::with_manual_turns(FakeCli::of_version("1.0.57")).await;
    let session = fake.session().start().await.expect("it opens");
    (fake, session)
}

fn sent(fake: &Fake) -> usize {
    fake.cli.requests("session.send").len()
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_turn_is_waited_for_while_the_agent_works() {
    let (fake, session) = open().await;
    assert!(timeout(SECOND, session.ask("a").into_future()).await.is_err());
    let work = async {
        for _ in 0..20 {
            sleep(10 * SECOND).await;
            fake.cli.event(session.id(), "assistant.intent", json!({}));
            settle().await;
            assert_eq!(sent(&fake), 1, "the agent still works on something, maybe on the first message");
        }
        let silent = Instant::now();
        fake.cli.requested("session.send", 2).await;
        let waited = silent.elapsed();
        assert!(
            (25 * SECOND..60 * SECOND).contains(&waited),
            "half of the limit, in steps of that: {waited:?}"
        );
    };
    let (error, ()) = tokio::join!(failure(session.ask("b").idle_timeout(60 * SECOND)), work);
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_waited_for_half_of_the_limit_after_it_was_abandoned() {
    let (fake, session) = open().await;
    let work = async {
        sleep(35 * SECOND).await;
        fake.cli.event(session.id(), "assistant.intent", json!({}));
    };
    let (abandoned, error, ()) = tokio::join!(
        timeout(70 * SECOND, session.ask("a").into_future()),
        async {
            settle().await;
            failure(session.ask("b").idle_timeout(60 * SECOND)).await
        },
        work
    );
    assert!(abandoned.is_err() && error.kind() == ErrorKind::Timeout, "{error}");
    // After 60 and 90 seconds the turn had not been abandoned for 30.
    assert_eq!(sent(&fake), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_waited_for_although_its_sender_was_dropped_before_it_saw_the_response() {
    let (fake, session) = open().await;
    let mut asking = session.ask("a").into_future();
    poll_fn(|cx| Poll::Ready(asking.as_mut().poll(cx).is_pending())).await;
    settle().await;
    assert_eq!((sent(&fake), fake.calls_pending()), (1, 0), "the response is there");
    drop(asking);
    let next = async {
        settle().await;
        assert_eq!(sent(&fake), 1, "the agent may begin with the first message");
        fake.cli.event(session.id(), "user.message", json!({"content": "a"}));
        fake.cli.requested("session.send", 2).await;
        session.close().await.unwrap();
    };
    let (error, ()) = tokio::join!(failure(session.ask("b")), next);
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_the_cli_refuses_delays_no_other() {
    let (fake, session) = open().await;
    fake.cli.hold("session.send");
    let asked = timeout(SECOND, session.ask("a").into_future()).await;
    assert!(asked.is_err());
    fake.cli.held("session.send").await.answer(RpcError::new(-32603, "no"));
    let (reply, ()) = tokio::join!(timeout(10 * SECOND, session.ask("b").into_future()), async {
        fake.cli.held("session.send").await.answer(json!({"messageId": "m"}));
        fake.cli.event(session.id(), "user.message", json!({"content": "b"}));
        fake.cli.event(session.id(), "assistant.message", json!({"content": "to b"}));
        fake.cli.event(session.id(), "session.idle", json!({}));
    });
    assert_eq!(reply.expect("it is sent immediately").unwrap().text(), "to b");
}
