//! The clock of a turn: its limits, the reports of a silence, and the events that it is woken for.

use std::future::poll_fn;
use std::time::Duration;

use copilot::Decision;
use copilot_tests::fake::failure;
use copilot_tests::fake::{Fake, apart, settle};
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::turns::{by_hand, by_hand_on_an_old_cli};

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
    let (reply, ()) = tokio::join!(apart(ask), async {
        fake.cli.requested("session.send", 1).await;
        sleep(Duration::from_secs(1000)).await;
        fake.begin_turn(&session);
        fake.cli.event(session.id(), "session.idle", json!({}));
    });
    reply.unwrap();
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
async fn the_report_of_another_turn_hides_no_event_of_a_turn_that_sleeps() {
    for is_ephemeral in [false, true] {
        let (fake, session) = by_hand().await;
        let (began, second) = (Instant::now(), Duration::from_secs(1));
        let other = session.current_turn().reply();
        let ask = session.ask("?").report_silence(Duration::MAX).idle_timeout(100 * second);
        let asked = async {
            let error = failure(ask).await;
            (error.to_string(), began.elapsed())
        };
        let work = async {
            fake.begin_turn(&session);
            for _ in 0..12 {
                sleep(10 * second).await;
                let event = json!({"type": "assistant.intent", "ephemeral": is_ephemeral});
                fake.cli.whole_event(session.id(), event);
            }
            let mut events = session.events();
            sleep(70 * second).await;
            assert_eq!(stalls(&mut events).await.len(), 1, "the other turn reports a silence of a minute");
            std::future::pending::<()>().await;
        };
        let (said, lasted) = tokio::select! {
            failed = asked => failed,
            reply = apart(other) => panic!("{reply:?}"),
            () = work => unreachable!(),
        };
        assert_eq!(lasted.as_secs(), 220, "{said}");
        assert!(said.contains("last event assistant.intent 100.0s ago"), "{said}");
    }
}
