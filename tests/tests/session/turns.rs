//! From a message to its reply: which events belong to it, when it is over, and what is said when it is not.

use std::future::poll_fn;
use std::time::Duration;

use copilot::testing::{FakeCli, RpcError};
use copilot::{AgentMode, Attachment, Decision, DeliveryMode, ErrorKind, Session};
use copilot_tests::fake::failure;
use copilot_tests::fake::{Fake, all, apart, settle};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout};

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
async fn by_hand() -> (Fake, Session) {
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
async fn by_hand_on_an_old_cli(version: &str) -> (Fake, Session) {
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
async fn the_stall_clock_restarts_when_a_tool_has_ended() {
    // Protocol 2 reports the end of a tool only in the result.
    let (fake, session) = by_hand_on_an_old_cli("0.0.394").await;
    let (reply, ()) = tokio::join!(apart(session.ask("?").idle_timeout(Duration::from_secs(90))), async {
        fake.cli.requested("session.send", 1).await;
        fake.cli.event(session.id(), "user.message", json!({"content": "?"}));
        let called = fake.cli.call_tool(session.id(), "slow", json!({"seconds": 100})).start();
        sleep(Duration::from_secs(185)).await;
        assert!(called.is_answered());
        fake.cli.event(session.id(), "session.idle", json!({}));
    });
    reply.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_never_comes_is_none() {
    let (fake, session) = by_hand().await;
    let ask = session.ask("?").timeout(Duration::MAX).idle_timeout(Duration::MAX);
    let (reply, ()) = tokio::join!(ask.into_future(), async {
        fake.cli.requested("session.send", 1).await;
        sleep(Duration::from_secs(1000)).await;
        fake.begin_turn(&session);
        fake.cli.event(session.id(), "session.idle", json!({}));
    });
    reply.unwrap();
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
async fn a_stalled_turn_fails_and_the_error_names_the_last_event() {
    for is_ephemeral in [false, true] {
        let (fake, session) = by_hand().await;
        let began = Instant::now();
        let (error, ()) =
            tokio::join!(failure(session.ask("?").idle_timeout(Duration::from_secs(10))), async {
                fake.begin_turn(&session);
                // Each event restarts the clock, a sub-agent's too, and one that the reply has no use for.
                for _ in 0..5 {
                    sleep(Duration::from_secs(9)).await;
                    let event =
                        json!({"type": "assistant.intent", "agentId": "a", "ephemeral": is_ephemeral});
                    fake.cli.whole_event(session.id(), event);
                }
            });
        assert_eq!(began.elapsed().as_secs(), 55);
        assert!(error.is_timeout());
        let said = error.to_string();
        assert!(
            said.contains("nothing happened in the turn for 10s")
                && said.contains("last event assistant.intent 10.0s ago"),
            "{said}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_ask_is_woken_only_for_the_events_that_decide_its_turn() {
    let (fake, session) = by_hand().await;
    let (mut polls, mut asked) = (0, session.ask("?").into_future());
    let counted = poll_fn(|cx| {
        polls += 1;
        asked.as_mut().poll(cx)
    });
    let (reply, ()) = tokio::join!(apart(counted), async {
        fake.begin_turn(&session);
        for name in ["assistant.message_delta", "tool.execution_start", "assistant.usage"] {
            for _ in 0..100 {
                fake.cli.event(session.id(), name, json!({}));
                settle().await;
            }
        }
        fake.say(&session, "done");
        settle().await;
        fake.cli.event(session.id(), "session.idle", json!({}));
    });
    let reply = reply.unwrap();
    assert_eq!((reply.text(), reply.usage().requests), ("done", 100));
    assert_eq!(reply.events().iter().filter(|event| event.name() == "tool.execution_start").count(), 100);
    // The call, the response, the beginning, the answer and the end, with some room.
    assert!(polls < 10, "{polls} polls");
}

#[tokio::test(start_paused = true)]
async fn an_event_after_the_answer_begins_the_search_for_the_end_again() {
    let (fake, session) = by_hand().await;
    let (asked, began) = (|| fake.cli.requests("session.eventLog.read").len(), Instant::now());
    let (reply, ()) = tokio::join!(apart(session.ask("?")), async {
        fake.begin_turn(&session);
        fake.say(&session, "done");
        // Without events the pauses between the questions double: 2, 4 and 8 seconds.
        for (event, before, after) in [(3, 1, 2), (11, 3, 4)] {
            sleep_until(began + Duration::from_secs(event)).await;
            fake.cli.event(session.id(), "assistant.turn_end", json!({}));
            sleep(Duration::from_millis(1900)).await;
            assert_eq!(asked(), before, "two seconds after {event}");
            sleep(Duration::from_millis(200)).await;
            assert_eq!(asked(), after, "two seconds after {event}");
        }
        fake.cli.event(session.id(), "session.idle", json!({}));
    });
    assert_eq!(reply.unwrap().text(), "done");
}

#[tokio::test(start_paused = true)]
async fn the_stall_clock_stops_while_a_tool_runs() {
    let (fake, session) = by_hand().await;
    let began = Instant::now();
    let (error, ()) = tokio::join!(failure(session.ask("?").idle_timeout(Duration::from_secs(10))), async {
        fake.begin_turn(&session);
        let _call = fake.cli.call_tool(session.id(), "slow", json!({"seconds": 100})).start();
    });
    assert!(error.is_timeout());
    assert!((105..=115).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_wall_clock_does_not_stand_still_and_the_error_names_what_is_pending() {
    let (fake, session) = by_hand().await;
    let began = Instant::now();
    let limit = Duration::from_secs(30);
    let (error, ()) = tokio::join!(failure(session.ask("?").timeout(limit)), async {
        fake.begin_turn(&session);
        let _call =
            fake.cli.call_tool(session.id(), "slow", json!({"seconds": 100})).request_id("r1").start();
    });
    assert_eq!(began.elapsed(), limit);
    let said = error.to_string();
    for part in
        ["did not end within 30s", "last event external_tool.requested", "waiting for slow (r1)", "`abort`"]
    {
        assert!(said.contains(part), "{said}");
    }
    // The agent continues, and so does the session.
    assert!(fake.cli.requests("session.abort").is_empty());
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

/// Returns the stalls that the session has reported, of the events that wait to be read.
async fn stalls(events: &mut copilot::EventStream) -> Vec<copilot::events::TurnStalled> {
    let mut reported = Vec::new();
    while let Ok(Some(event)) = timeout(Duration::from_millis(1), events.next()).await {
        if let copilot::EventKind::TurnStalled(silence) = event.kind() {
            reported.push((**silence).clone());
        }
    }
    reported
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_reported_once_with_the_pending_work() {
    let fake = Fake::start().await;
    fake.cli.on_turn(|_| std::future::pending());
    let session = fake.session().on_permission(|_| std::future::pending::<Decision>()).start().await.unwrap();
    let mut events = session.events();
    let asked = failure(
        session
            .ask("?")
            .report_silence(Duration::from_secs(10))
            .idle_timeout(Duration::from_secs(100))
            .timeout(Duration::from_secs(1000)),
    );
    let (error, ()) = tokio::join!(asked, async {
        fake.begin_turn(&session);
        sleep(Duration::from_secs(5)).await;
        fake.cli.event(session.id(), "assistant.turn_start", json!({"turnId": "0"}));
        sleep(Duration::from_secs(20)).await;
        let _asked = fake.cli.ask_permission(session.id(), json!({"kind": "url"})).request_id("p1").start();
        sleep(Duration::from_secs(60)).await;
    });
    let reported = stalls(&mut events).await;
    assert_eq!(reported.len(), 2, "{reported:?}");
    assert_eq!(reported[0].last_event.as_deref(), Some("assistant.turn_start"));
    assert!(reported[0].waiting_for.is_empty(), "{reported:?}");
    for silence in &reported {
        assert_eq!(silence.silent_for, Duration::from_secs(10), "{reported:?}");
    }
    assert_eq!(reported[1].last_event.as_deref(), Some("permission.requested"));
    assert_eq!(reported[1].waiting_for, ["permission for url (p1)"]);
    // The idle limit stands still while the handler waits for a person; the total one does not.
    let said = error.to_string();
    for part in ["within 1000s", "last event permission.requested 975", "waiting for permission for url (p1)"]
    {
        assert!(said.contains(part), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_stall_is_reported_while_a_tool_runs_nor_when_disabled() {
    let (fake, session) = by_hand().await;
    let mut events = session.events();
    let quick = Duration::from_secs(10);
    let (error, ()) =
        tokio::join!(failure(session.ask("?").report_silence(quick).timeout(quick * 9)), async {
            fake.begin_turn(&session);
            let _call = fake.cli.call_tool(session.id(), "slow", json!({"seconds": 100})).start();
        });
    assert!(error.is_timeout());
    let never = session.ask("?").report_silence(Duration::MAX).idle_timeout(Duration::from_secs(600));
    let (error, ()) = tokio::join!(failure(never), async { fake.begin_turn(&session) });
    assert!(error.is_timeout());
    assert!(stalls(&mut events).await.is_empty());
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
