//! From a message to its reply: which events belong to it, when it is over, and what is said when it is not.

use std::time::Duration;

use copilot::session::Usage;
use copilot::testing::{Answer, FakeCli, RpcError};
use copilot::{AgentMode, Attachment, DeliveryMode, ErrorKind, Session};
use copilot_tests::fake::failure;
use copilot_tests::fake::{Fake, all, apart, settle};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

/// Takes its time.
#[copilot::tool]
async fn slow(
    /// How long it takes.
    seconds: u64,
) -> &'static str {
    sleep(Duration::from_secs(seconds)).await;
    "done"
}

/// A turn whose events the test sends.
pub(crate) async fn by_hand() -> (Fake, Session) {
    let cli = FakeCli::new();
    let fake = Fake::with_manual_turns(cli).await;
    let session = fake.session().with_tools([slow::TOOL]).start().await.expect("it opens");
    (fake, session)
}

#[tokio::test(start_paused = true)]
async fn a_message_carries_its_options() {
    let fake = Fake::start().await;
    let session = fake.session().id("s").start().await.unwrap();
    let id = session
        .send("look")
        .attach(Attachment::file("/a/b.rs"))
        .delivery(DeliveryMode::Immediate)
        .mode(AgentMode::Plan)
        .await
        .unwrap();
    let sent = fake.cli.requests("session.send");
    assert_eq!(
        sent,
        [json!({"sessionId": "s", "prompt": "look", "mode": "immediate", "agentMode": "plan",
                "attachments": [{"type": "file", "path": "/a/b.rs", "displayName": "b.rs"}]})]
    );
    assert!(!id.as_str().is_empty());
}

#[tokio::test(start_paused = true)]
async fn concurrent_asks_get_their_own_answers() {
    for version in ["0.0.403", "1.0.32", "1.0.57", "1.0.102"] {
        let cli = FakeCli::of_version(version);
        cli.on_turn(|turn| async move {
            sleep(Duration::from_secs(1)).await;
            turn.say(format!("to {}", turn.prompt()));
        });
        let fake = Fake::on(cli).await;
        let session = fake.session().start().await.unwrap();
        let asks = (0..5).map(|number| {
            let session = session.clone();
            async move { session.ask(number.to_string()).await.unwrap().to_string() }
        });
        assert_eq!(all(asks).await, ["to 0", "to 1", "to 2", "to 3", "to 4"], "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn asks_are_serialised_only_where_the_cli_cannot_distinguish_them() {
    for (version, sent_concurrently) in [("1.0.57", 1), ("1.0.102", 2)] {
        let cli = FakeCli::of_version(version);
        cli.on_turn(|turn| async move {
            sleep(Duration::from_secs(1)).await;
            turn.say("late");
        });
        let fake = Fake::on(cli).await;
        let session = fake.session().start().await.unwrap();
        let asks = async { tokio::join!(session.ask("a").into_future(), session.ask("b").into_future()) };
        let (replies, ()) = tokio::join!(asks, async {
            settle().await;
            assert_eq!(fake.cli.requests("session.send").len(), sent_concurrently, "{version}");
        });
        assert!(replies.0.is_ok() && replies.1.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_on_an_old_cli_does_not_end_with_the_idle_of_one_that_was_given_up() {
    let cli = FakeCli::of_version("1.0.57");
    let fake = Fake::with_manual_turns(cli).await;
    let session = fake.session().start().await.unwrap();
    let event = |name: &str, data: Value| fake.cli.event(session.id(), name, data);
    let given_up = timeout(Duration::from_secs(1), async {
        event("user.message", json!({"content": "a"}));
        session.ask("a").await
    });
    assert!(given_up.await.is_err());
    let (reply, ()) = tokio::join!(apart(session.ask("b")), async {
        fake.cli.requested("session.send", 2).await;
        event("assistant.message", json!({"content": "to a"}));
        event("session.idle", json!({}));
        event("user.message", json!({"content": "b"}));
        event("assistant.message", json!({"content": "to b"}));
        event("session.idle", json!({}));
    });
    assert_eq!(reply.unwrap().text(), "to b");
}

/// A session on an old CLI of which the test plays the turns by hand.
pub(crate) async fn by_hand_on_an_old_cli(version: &str) -> (Fake, Session) {
    let cli = FakeCli::of_version(version);
    let fake = Fake::with_manual_turns(cli).await;
    let session = fake.session().with_tools([slow::TOOL]).start().await.expect("it opens");
    (fake, session)
}

#[tokio::test(start_paused = true)]
async fn on_an_old_cli_a_message_waits_for_one_that_was_given_up_before_the_agent_had_it() {
    for taken_before in [true, false] {
        for begins in [true, false] {
            let (fake, session) = by_hand_on_an_old_cli("1.0.57").await;
            let event = |name: &str, data: Value| fake.cli.event(session.id(), name, data);
            if !taken_before {
                fake.cli.hold("session.send");
            }
            let given_up = timeout(Duration::from_secs(1), session.ask("a").into_future()).await;
            assert!(given_up.is_err());
            if !taken_before {
                fake.cli.on("session.send", |_, _| json!({"messageId": "n"}));
                fake.cli.held("session.send").await.answer(json!({"messageId": "m"}));
            }
            settle().await;
            let (reply, ()) = tokio::join!(apart(session.ask("b")), async {
                settle().await;
                assert_eq!(fake.cli.requests("session.send").len(), 1, "b waits: {taken_before} {begins}");
                if begins {
                    event("user.message", json!({"content": "a"}));
                } else {
                    // A hook has blocked it.
                    event("session.idle", json!({}));
                }
                if taken_before {
                    fake.cli.requested("session.send", 2).await;
                } else {
                    fake.cli.held("session.send").await.answer(json!({"messageId": "n"}));
                }
                if begins {
                    event("assistant.message", json!({"content": "to a"}));
                    event("session.idle", json!({}));
                }
                event("user.message", json!({"content": "b"}));
                event("assistant.message", json!({"content": "to b"}));
                event("session.idle", json!({}));
            });
            assert_eq!(reply.unwrap().text(), "to b", "{taken_before} {begins}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_cli_that_ignores_a_message_delays_the_next_one_for_a_limited_time() {
    let (fake, session) = by_hand_on_an_old_cli("1.0.57").await;
    assert!(timeout(Duration::from_secs(1), session.ask("a").into_future()).await.is_err());
    let asked = Instant::now();
    let error = failure(session.ask("b").idle_timeout(Duration::from_secs(60))).await;
    assert_eq!((error.kind(), fake.cli.requests("session.send").len()), (ErrorKind::Timeout, 2));
    assert!(asked.elapsed() < Duration::from_secs(150), "{:?}", asked.elapsed());
    // The end of the session frees who waits as well.
    let (error, ()) = tokio::join!(failure(session.ask("c")), async {
        settle().await;
        session.close().await.unwrap();
    });
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_sent_in_the_instant_of_an_abort_does_not_wait_for_a_limit() {
    let (fake, session) = by_hand().await;
    fake.cli.event(session.id(), "user.message", json!({"content": "?", "messageId": "another"}));
    settle().await;
    fake.cli.hold("session.send");
    let began = Instant::now();
    let (reply, ()) = tokio::join!(apart(session.ask("?")), async {
        // All of it is there before the sender learns that its message was taken.
        fake.cli.held("session.send").await.answer(json!({"messageId": "m"}));
        fake.cli.event(session.id(), "abort", json!({"reason": "user_initiated"}));
        fake.cli.event(session.id(), "session.idle", json!({"aborted": true}));
    });
    assert!(reply.unwrap().is_aborted());
    assert!(began.elapsed() < Duration::from_secs(1), "the wait did not last until a time limit");
}

#[tokio::test(start_paused = true)]
async fn a_reply_has_the_events_the_usage_and_the_tool_calls_of_its_turn() {
    let cli = FakeCli::new();
    cli.on_turn(|turn| async move {
        turn.call_tool("slow", json!({"seconds": 1})).await;
        turn.event("assistant.usage", json!({"model": "m", "inputTokens": 10, "outputTokens": 2.0}));
        turn.say("done");
    });
    let fake = Fake::on(cli).await;
    let session = fake.session().streaming(true).with_tools([slow::TOOL]).start().await.unwrap();
    session.ask("first").await.unwrap();
    let reply = session.ask("second").await.unwrap();
    assert_eq!((reply.text(), reply.is_aborted()), ("done", false));
    assert_eq!((reply.usage().requests, reply.usage().input_tokens, reply.usage().output_tokens), (1, 10, 2));
    let calls: Vec<_> = reply.tool_calls().map(|call| call.name.clone()).collect();
    assert_eq!(calls, ["slow"]);
    let kept: Vec<_> = reply.events().iter().map(copilot::Event::name).collect();
    assert!(
        !kept.contains(&"assistant.message_delta") && kept.contains(&"tool.execution_complete"),
        "{kept:?}"
    );
    assert_eq!(kept.iter().filter(|name| **name == "user.message").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_session_fails_the_ask_it_belongs_to() {
    let cli = FakeCli::new();
    cli.on_turn(|turn| async move {
        match turn.prompt() {
            "bad" => turn.fail("no credits left"),
            _ => turn.say("fine"),
        }
    });
    let fake = Fake::on(cli).await;
    let session = fake.session().start().await.unwrap();
    let (bad, good) = tokio::join!(session.ask("bad").into_future(), session.ask("good").into_future());
    let error = bad.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Session, "the agent failed: no credits left")
    );
    assert_eq!(good.unwrap().text(), "fine");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_refused_fails_and_the_next_one_is_sent() {
    for version in ["1.0.57", "1.0.102"] {
        let cli = FakeCli::of_version(version);
        cli.on("session.send", |_, asked| match asked.count() {
            1 => RpcError::new(-32603, "Not authenticated").into(),
            _ => asked.default_answer(),
        });
        let fake = Fake::on(cli).await;
        let session = fake.session().start().await.unwrap();
        let error = failure(session.ask("?")).await;
        assert_eq!((error.kind(), error.code()), (ErrorKind::Response, Some(-32603)));
        assert_eq!(session.ask("?").await.unwrap().text(), "OK.");
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_ends_the_turn_as_aborted() {
    for version in ["1.0.32", "1.0.102"] {
        let cli = FakeCli::of_version(version);
        cli.on_turn(|_| std::future::pending());
        let fake = Fake::on(cli).await;
        let session = fake.session().start().await.unwrap();
        let (reply, aborted) = tokio::join!(apart(session.ask("?")), async {
            settle().await;
            session.abort().await
        });
        aborted.unwrap();
        assert!(reply.unwrap().is_aborted(), "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cli_that_never_takes_the_message_is_waited_for_no_longer_than_the_limit() {
    let fake = Fake::start().await;
    fake.cli.hold("session.send");
    let session = fake.session().start().await.unwrap();
    let ask = failure(session.ask("?").timeout(Duration::from_secs(30)));
    let error = timeout(Duration::from_secs(60), ask).await.expect("the limit holds for sending too");
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(fake.calls_pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn events_of_sub_agents_do_not_end_a_turn_nor_answer_it() {
    let (fake, session) = by_hand().await;
    let (reply, ()) = tokio::join!(apart(session.ask("?")), async {
        fake.begin_turn(&session);
        let inner = |event: Value| fake.cli.whole_event(session.id(), event);
        inner(
            json!({"type": "user.message", "agentId": "a", "data": {"content": "?", "messageId": "other"}}),
        );
        inner(json!({"type": "assistant.message", "agentId": "a", "data": {"content": "inner"}}));
        inner(json!({"type": "session.error", "agentId": "a", "data": {"message": "inner"}}));
        inner(json!({"type": "assistant.usage", "agentId": "a", "data": {"inputTokens": 7}}));
        inner(json!({"type": "session.idle", "agentId": "a"}));
        fake.say(&session, "outer");
        fake.cli.event(session.id(), "session.idle", json!({}));
    });
    let reply = reply.unwrap();
    assert_eq!((reply.text(), reply.usage().input_tokens), ("outer", 7));
}

#[tokio::test(start_paused = true)]
async fn a_stream_gives_every_event_of_its_turn_and_ends() {
    let fake = Fake::start().await;
    fake.cli.says(["one two three"]);
    let session = fake.session().streaming(true).start().await.unwrap();
    let mut turn = session.stream("?").await.unwrap();
    let (mut text, mut names) = (String::new(), Vec::new());
    while let Some(event) = turn.next().await {
        let event = event.unwrap();
        if let copilot::EventKind::AssistantMessageDelta(delta) = event.kind() {
            text += &delta.delta_content;
        }
        names.push(event.name().to_owned());
    }
    assert_eq!(text, "one two three");
    assert_eq!(names.first().unwrap(), "user.message");
    assert_eq!(names.last().unwrap(), "session.idle");
    assert!(turn.next().await.is_none());
    assert_eq!(turn.reply().await.unwrap().text(), "one two three");
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_dropped_leaves_the_session_usable() {
    for version in ["1.0.57", "1.0.102"] {
        let fake = Fake::of_version(version).await;
        let session = fake.session().start().await.unwrap();
        let mut turn = session.stream("?").await.unwrap();
        turn.next().await.unwrap().unwrap();
        drop(turn);
        assert_eq!(session.ask("?").await.unwrap().text(), "OK.", "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_ends_with_the_session() {
    let (fake, session) = by_hand().await;
    let (error, ()) = tokio::join!(failure(session.ask("?")), async {
        fake.begin_turn(&session);
        settle().await;
        session.close().await.unwrap();
    });
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_an_abort_throws_out_of_the_queue_ends_as_aborted() {
    let fake = Fake::start().await;
    fake.cli.on_turn(|turn| async move {
        match turn.prompt() {
            "Work." => std::future::pending().await,
            _ => turn.say("OK."),
        }
    });
    let session = fake.session().start().await.unwrap();
    let working = session.stream("Work.").await.unwrap();
    let (second, third) = (session.stream("Second.").await.unwrap(), session.stream("Third.").await.unwrap());
    let began = Instant::now();
    session.abort().await.unwrap();
    for turn in [working, second, third] {
        let reply = turn.reply().await.unwrap();
        assert!(reply.is_aborted() && reply.text().is_empty(), "{reply:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(1), "the wait did not last until a time limit");
    assert_eq!(session.ask("And now?").await.unwrap().text(), "OK.");
}

#[tokio::test(start_paused = true)]
async fn a_message_is_withdrawn_while_it_waits() {
    let fake = Fake::start().await;
    fake.cli.on_turn(|turn| async move {
        match turn.prompt() {
            "Work." => std::future::pending().await,
            _ => turn.say("OK."),
        }
    });
    let session = fake.session().start().await.unwrap();
    let mut working = session.stream("Work.").await.unwrap();
    let mut second = session.stream("Second.").await.unwrap();
    let id = second.message_id().clone();
    let item = move |item: &str| json!({"id": item, "messageId": id, "kind": "message", "displayText": "?"});
    fake.cli.on("session.queue.pendingItems", {
        let item = item.clone();
        move |_, _| json!({"items": [item("q2")]})
    });
    assert!(!working.withdraw().await.unwrap(), "the agent has begun with it");
    // The CLI refuses, and the message still waits.
    fake.cli.on("session.queue.removeAt", |_, _| RpcError::new(-32603, "the queue is locked"));
    assert!(second.withdraw().await.unwrap_err().to_string().contains("the queue is locked"));
    // The agent begins with it in this moment.
    for is_error in [false, true] {
        fake.cli.on("session.queue.removeAt", move |_, asked| -> Answer {
            asked.cli().on("session.queue.pendingItems", |_, _| json!({"items": []}));
            if is_error {
                return RpcError::new(-32603, "there is no such item").into();
            }
            json!({"removed": false}).into()
        });
        assert!(!second.withdraw().await.unwrap());
        let item = item.clone();
        fake.cli.on("session.queue.pendingItems", move |_, _| json!({"items": [item("q2")]}));
    }
    // The events of the other turn are not of this one.
    fake.cli.event(
        session.id(),
        "assistant.usage",
        json!({"model": "m", "inputTokens": 7, "outputTokens": 7}),
    );
    assert!(timeout(Duration::from_millis(1), second.next()).await.is_err());
    fake.cli.on("session.queue.removeAt", |_, _| json!({}));
    assert!(second.withdraw().await.unwrap());
    assert_eq!(fake.cli.requests("session.queue.removeAt").pop().unwrap()["id"], "q2");
    assert!(second.next().await.is_none(), "the turn is over");
    let reply = second.reply().await.unwrap();
    assert!(reply.is_aborted() && reply.text().is_empty() && reply.usage() == &Usage::default(), "{reply:?}");
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_does_not_name_its_messages_cannot_be_searched() {
    let fake = Fake::start().await;
    fake.cli.on_turn(|_| std::future::pending());
    let session = fake.session().start().await.unwrap();
    let mut turn = session.stream("?").await.unwrap();
    let items = json!({"items": [{"id": "q", "kind": "message", "displayText": "?"}]});
    fake.cli.on("session.queue.pendingItems", move |_, _| items.clone());
    let error = turn.withdraw().await.unwrap_err();
    assert!(error.is_unsupported() && error.to_string().contains("does not name"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_reply_of_a_turn_has_the_events_that_were_not_read_from_it() {
    let fake = Fake::start().await;
    fake.cli.says(["One.", "Two."]);
    let session = fake.session().start().await.unwrap();
    let mut turn = session.stream("?").await.unwrap();
    let name = async |turn: &mut copilot::Turn| turn.next().await.unwrap().unwrap().name().to_owned();
    while name(&mut turn).await != "user.message" {}
    let reply = turn.reply().await.unwrap();
    let names: Vec<_> = reply.events().iter().map(copilot::Event::name).collect();
    assert!(names.contains(&"assistant.message") && !names.contains(&"user.message"), "{names:?}");
    assert_eq!(reply.text(), "One.");

    let mut turn = session.stream("?").await.unwrap();
    while name(&mut turn).await != "assistant.message" {}
    let reply = turn.reply().await.unwrap();
    let names: Vec<_> = reply.events().iter().map(copilot::Event::name).collect();
    assert!(!names.contains(&"assistant.message"), "{names:?}");
    assert_eq!(reply.text(), "Two.");
}

#[tokio::test(start_paused = true)]
async fn a_reply_can_do_without_its_events() {
    let fake = Fake::start().await;
    fake.cli.says(["One.", "Two."]);
    let session = fake.session().start().await.unwrap();
    let reply = session.ask("?").without_events().await.unwrap();
    assert_eq!((reply.text(), reply.events().len(), reply.tool_calls().count()), ("One.", 0, 0));
    let reply = session.ask("?").await.unwrap();
    assert!(!reply.events().is_empty());
    let answered = reply.originating_message_id().expect("this CLI names the message");
    assert!(!answered.as_str().is_empty());
}
