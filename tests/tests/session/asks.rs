//! Asking many times, at bad moments, and for what goes wrong: each answer reaches its own question, and whatever is
//! lost is said.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use copilot::testing::FakeCli;
use copilot::{Decision, ErrorKind, EventKind, Session};
use copilot_tests::fake::failure;
use copilot_tests::fake::{Fake, all, apart, settle};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

/// A CLI that answers each message with its text.
pub(crate) async fn echoing() -> (Fake, Session) {
    let cli = FakeCli::new();
    cli.on_turn(|turn| async move { turn.say(turn.prompt()) });
    let fake = Fake::on(cli).await;
    let session = fake.session().start().await.expect("it opens");
    (fake, session)
}

/// A turn whose events the test sends.
pub(crate) async fn by_hand_on(cli: FakeCli) -> (Fake, Session) {
    let fake = Fake::with_manual_turns(cli).await;
    let session = fake.session().start().await.expect("it opens");
    (fake, session)
}

pub(crate) async fn by_hand() -> (Fake, Session) {
    by_hand_on(FakeCli::new()).await
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Asks so many questions concurrently, each of which must get its own answer; gives how long each took.
async fn ask_concurrently(count: usize) -> Duration {
    let (fake, session) = echoing().await;
    let began = std::time::Instant::now();
    let asks = (0..count).map(|number| {
        let session = session.clone();
        async move { session.ask(number.to_string()).await.map(|reply| reply.text().to_owned()) }
    });
    let wrong: Vec<_> = all(asks)
        .await
        .into_iter()
        .enumerate()
        .filter(|(number, reply)| reply.as_ref().ok() != Some(&number.to_string()))
        .collect();
    assert!(wrong.is_empty(), "{} of {count} are wrong, such as {:?}", wrong.len(), wrong[0]);
    drop(fake);
    began.elapsed() / u32::try_from(count).expect("a small number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_concurrent_asks_get_their_own_answers_on_several_threads() {
    println!("{:?} each", ask_concurrently(10_000).await);
}

#[tokio::test]
async fn ten_thousand_concurrent_asks_get_their_own_answers_on_one_thread() {
    println!("{:?} each", ask_concurrently(10_000).await);
}

/// Turns must not receive the events of all others: the cost would be quadratic.
#[tokio::test(start_paused = true)]
async fn a_turn_that_waits_behind_others_does_not_receive_their_events() {
    let (fake, session) = echoing().await;
    // All of them are sent before the first one ends.
    fake.cli.on_turn(|turn| async move {
        sleep(SECOND).await;
        turn.say(turn.prompt());
    });
    let turns = (0..100).map(|number| {
        let session = session.clone();
        async move {
            let mut turn = session.stream(number.to_string()).await.unwrap();
            let mut events = 0;
            while let Some(event) = turn.next().await {
                event.unwrap();
                events += 1;
            }
            (events, turn.reply().await.unwrap().to_string())
        }
    });
    for (number, (events, text)) in all(turns).await.into_iter().enumerate() {
        assert_eq!(text, number.to_string());
        assert!(events <= 12, "turn {number} has received {events} events");
    }
}

/// The agent takes the next message out of the queue without being idle in between.
#[tokio::test(start_paused = true)]
async fn a_turn_ends_before_the_next_message_of_the_program() {
    let cli = FakeCli::new();
    cli.on_turn(|turn| async move {
        sleep(SECOND).await;
        if turn.prompt() == "fail" {
            let data =
                json!({"message": "No.", "errorType": "query", "originatingMessageId": turn.message_id()});
            turn.event("session.error", data);
            return;
        }
        turn.say(turn.prompt());
        sleep(SECOND).await;
    });
    let fake = Fake::on(cli).await;
    let session = fake.session().streaming(true).start().await.unwrap();
    let started = Instant::now();
    let show = async |prompt: &str| {
        let mut turn = session.stream(prompt).await.unwrap();
        let (mut names, mut text) = (Vec::new(), String::new());
        while let Some(event) = turn.next().await {
            let event = event.unwrap();
            if let EventKind::AssistantMessageDelta(delta) = event.kind() {
                text.push_str(&delta.delta_content);
            }
            names.push(event.name().to_owned());
        }
        let ended = started.elapsed().as_secs();
        let messages = names.iter().filter(|name| *name == "user.message").count();
        (
            text,
            messages,
            ended,
            turn.reply().await.map_or_else(|error| error.to_string(), |reply| reply.to_string()),
        )
    };
    let turns = tokio::join!(show("one"), show("fail"), show("three"));
    let turn = |text: &str, ended, reply: &str| (text.to_owned(), 1, ended, reply.to_owned());
    assert_eq!(turns.0, turn("one", 2, "one"));
    assert_eq!(turns.1, turn("", 3, "the agent failed: No."));
    assert_eq!(turns.2, turn("three", 5, "three"));
}

/// Asks while turns of other messages begin and end, so that some asks begin exactly between two events.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn asks_that_begin_while_other_turns_end_are_not_ended_by_them() {
    let (_fake, session) = echoing().await;
    let asks = (0..8).map(|asker| {
        let session = session.clone();
        async move {
            let mut wrong = Vec::new();
            for number in 0..250 {
                let text = format!("{asker} {number}");
                match session.ask(&text).await {
                    Ok(reply) if reply.text() == text => {}
                    other => wrong.push(format!("{text}: {other:?}")),
                }
            }
            wrong
        }
    });
    let wrong: Vec<_> = all(asks).await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} are wrong, such as {}", wrong.len(), wrong[0]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_over_the_budget_of_events_is_an_error_that_says_how_to_raise_it() {
    let fake = Fake::start().await;
    fake.cli.on_turn(|turn| async move { turn.say("x".repeat(200_000)) });
    let session = fake.session().event_budget(100_000).start().await.unwrap();
    let error = failure(session.ask("?")).await;
    let text = error.to_string();
    assert!(text.contains("100000 bytes") && text.contains("event_budget"), "{error:?}");
    let session = fake.session().event_budget(1_000_000).start().await.unwrap();
    assert_eq!(session.ask("?").await.unwrap().text().len(), 200_000);
}

#[tokio::test(start_paused = true)]
async fn pieces_over_the_budget_of_events_do_not_fail_a_turn_that_has_its_answer() {
    let (fake, _) = by_hand().await;
    let session = fake.session().event_budget(20_000).start().await.unwrap();
    let mut turn = session.stream("?").await.unwrap();
    fake.begin_turn(&session);
    assert_eq!(turn.next().await.unwrap().unwrap().name(), "user.message");
    for _ in 0..1_000 {
        fake.cli.event(session.id(), "assistant.message_delta", json!({"deltaContent": "piece"}));
    }
    fake.say(&session, "whole");
    fake.cli.event(session.id(), "session.idle", json!({}));
    settle().await;
    assert_eq!(turn.reply().await.unwrap().text(), "whole");
}

#[tokio::test(start_paused = true)]
async fn limits_count_from_the_call_while_the_cli_does_not_take_the_message() {
    for version in ["1.0.57", "1.0.102"] {
        let cli = FakeCli::of_version(version);
        cli.hold("session.send");
        let fake = Fake::on(cli).await;
        let session = fake.session().start().await.unwrap();
        let mut events = session.events();
        let asked = Instant::now();
        let ask = session.ask("?").idle_timeout(5 * SECOND).report_silence(2 * SECOND);
        let error = timeout(60 * SECOND, failure(ask)).await.expect("the limit holds while sending");
        assert!(error.is_timeout(), "{error:?}");
        assert_eq!(asked.elapsed().as_secs(), 5, "{version}");
        assert!(error.to_string().contains("did not take the message"), "{error}");
        let silent =
            std::iter::from_fn(|| events.try_next()).any(|event| event.name() == "copilot.turn_stalled");
        assert!(silent, "{version}: the silence is reported");
    }
}

#[tokio::test(start_paused = true)]
async fn limits_count_from_the_call_while_another_message_is_being_sent() {
    let cli = FakeCli::new();
    cli.hold("session.send");
    let fake = Fake::on(cli).await;
    let session = fake.session().start().await.unwrap();
    let asked = Instant::now();
    let (first, second) = tokio::join!(
        timeout(60 * SECOND, session.send("a").into_future()),
        failure(session.ask("b").idle_timeout(5 * SECOND))
    );
    assert!(first.is_err() && second.is_timeout(), "{second:?}");
    assert_eq!(asked.elapsed().as_secs(), 60);
    assert!(second.to_string().contains("for 5s"), "{second}");
}

#[tokio::test(start_paused = true)]
async fn the_total_limit_counts_from_the_call_and_not_from_when_the_cli_has_the_message() {
    let cli = FakeCli::new();
    cli.hold("session.send");
    let fake = Fake::on(cli).await;
    let session = fake.session().start().await.unwrap();
    let asked = Instant::now();
    let (error, ()) = tokio::join!(failure(session.ask("?").timeout(30 * SECOND)), async {
        sleep(20 * SECOND).await;
        fake.cli.held("session.send").await.answer(json!({"messageId": "m"}));
    });
    assert!(error.is_timeout());
    assert_eq!(asked.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn an_ask_that_waits_for_others_is_not_idle_while_they_work() {
    for version in ["1.0.57", "1.0.102"] {
        let cli = FakeCli::of_version(version);
        cli.on_turn(|turn| async move {
            if turn.prompt() == "long" {
                for _ in 0..20 {
                    sleep(4 * SECOND).await;
                    turn.event("assistant.intent", json!({"intent": "working"}));
                }
            }
            turn.say(turn.prompt());
        });
        let fake = Fake::on(cli).await;
        let session = fake.session().start().await.unwrap();
        let ask = |text: &str| session.ask(text).idle_timeout(5 * SECOND).into_future();
        let (long, short) = tokio::join!(ask("long"), ask("short"));
        assert_eq!((long.unwrap().text(), short.unwrap().text()), ("long", "short"), "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_from_before_the_call_does_not_shorten_the_idle_limit() {
    let (fake, session) = by_hand().await;
    // While the first waits to begin, the last event of the session is known to all that wait.
    let first = failure(session.ask("a").idle_timeout(600 * SECOND));
    let (_, ()) = tokio::join!(first, async {
        sleep(10 * SECOND).await;
        fake.cli.event(session.id(), "session.info", json!({"message": "still there"}));
        sleep(40 * SECOND).await;
        let asked = Instant::now();
        assert!(failure(session.ask("b").idle_timeout(60 * SECOND)).await.is_timeout());
        assert_eq!(asked.elapsed().as_secs(), 60);
    });
}

#[tokio::test(start_paused = true)]
async fn turns_that_wait_together_report_a_stall_once() {
    let fake = Fake::start().await;
    fake.cli.on_turn(|_| std::future::pending());
    let session = fake.session().start().await.unwrap();
    let mut events = session.events();
    let asks = (0..20).map(|_| {
        let session = session.clone();
        async move { session.ask("?").report_silence(10 * SECOND).timeout(15 * SECOND).await }
    });
    all(asks).await;
    let stalls =
        std::iter::from_fn(|| events.try_next()).filter(|event| event.name() == "copilot.turn_stalled");
    assert_eq!(stalls.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_idle_with_tasks_in_the_background_does_not_end_the_turn() {
    let (fake, session) = by_hand_on(FakeCli::of_version("1.0.12")).await;
    let event = |name: &str, data: Value| fake.cli.event(session.id(), name, data);
    let (reply, ()) = tokio::join!(apart(session.ask("?")), async {
        fake.cli.requested("session.send", 1).await;
        event("user.message", json!({"content": "?"}));
        event("assistant.message", json!({"content": "working in the background"}));
        let agents = json!([{"agentId": "a", "agentType": "task"}]);
        event("session.idle", json!({"backgroundTasks": {"agents": agents, "shells": []}}));
        sleep(10 * SECOND).await;
        event("assistant.message", json!({"content": "done"}));
        event("session.idle", json!({"backgroundTasks": {"agents": [], "shells": []}}));
    });
    assert_eq!(reply.unwrap().text(), "done");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_repeats_after_the_answer_ends_the_turn_with_both() {
    let (fake, session) = by_hand().await;
    let began = Instant::now();
    let (error, ()) = tokio::join!(failure(session.ask("?")), async {
        fake.cli.requested("session.send", 1).await;
        fake.begin_turn(&session);
        fake.say(&session, "the answer");
        for _ in 0..3 {
            sleep(SECOND).await;
            let message = "ENOSPC: no space left on device, write";
            fake.cli.event(
                session.id(),
                "session.error",
                json!({"errorType": "persistence", "message": message}),
            );
        }
    });
    assert_eq!(error.kind(), ErrorKind::Session);
    assert!(error.to_string().contains("ENOSPC"), "{error}");
    assert_eq!(error.partial_reply().map(copilot::Reply::text), Some("the answer"));
    assert!(began.elapsed() < 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_lost_idle_gives_the_answer_with_the_error() {
    let (fake, session) = by_hand().await;
    let (error, ()) = tokio::join!(failure(session.ask("?").idle_timeout(10 * SECOND)), async {
        fake.cli.requested("session.send", 1).await;
        fake.begin_turn(&session);
        fake.say(&session, "the answer");
    });
    assert!(error.is_timeout());
    let reply = error.partial_reply().expect("the answer has arrived");
    assert_eq!((reply.text(), reply.events().len()), ("the answer", 2));
    let (error, ()) = tokio::join!(failure(session.ask("?").idle_timeout(10 * SECOND)), async {
        fake.begin_turn(&session);
    });
    assert!(error.partial_reply().is_none(), "nothing was answered");
}

#[tokio::test(start_paused = true)]
async fn a_stall_names_the_servers_that_connect_and_the_calls_of_other_programs() {
    let (fake, session) = by_hand().await;
    fake.cli.on("session.mcp.list", |_, _| {
        json!({"servers": [{"name": "slow-server", "status": "pending"}, {"name": "fine", "status": "connected"}]})
    });
    fake.cli.on("session.tools.listPendingRequests", |_, _| {
        json!({"items": [{"requestId": "r9", "toolCallId": "c9", "toolName": "elsewhere", "arguments": {}}]})
    });
    let mut events = session.events();
    let (error, ()) = tokio::join!(failure(session.ask("?").idle_timeout(100 * SECOND)), async {
        fake.cli.requested("session.send", 1).await;
        fake.begin_turn(&session);
    });
    assert!(error.is_timeout());
    let silence = loop {
        let event = events.next().await.expect("a silence is reported");
        if let EventKind::TurnStalled(silence) = event.kind() {
            break silence.clone();
        }
    };
    assert_eq!(
        (silence.connecting, silence.waiting_for),
        (vec!["slow-server".into()], vec!["elsewhere (r9)".into()])
    );
    assert_eq!(fake.cli.requests("session.mcp.list").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_reported_although_the_cli_names_no_pending_work() {
    let (fake, session) = by_hand().await;
    fake.cli.hold("session.mcp.list");
    fake.cli.hold("session.tools.listPendingRequests");
    let mut events = session.events();
    let (error, ()) = tokio::join!(failure(session.ask("?").idle_timeout(100 * SECOND)), async {
        fake.cli.requested("session.send", 1).await;
        fake.begin_turn(&session);
    });
    assert!(error.is_timeout());
    assert!(std::iter::from_fn(|| events.try_next()).any(|event| event.name() == "copilot.turn_stalled"));
}

/// The session for the tool below.
static SESSION: Mutex<Option<Session>> = Mutex::new(None);

/// Asks the agent that called it.
#[copilot::tool]
async fn ask_back() -> String {
    let session = SESSION.lock().expect("no panic").clone().expect("the test has set it");
    let error = session.ask("and?").await.expect_err("it would wait for itself");
    let sent = session.send("a note").await;
    format!("{:?}: {error}; {}", error.kind(), sent.is_ok())
}

#[tokio::test(start_paused = true)]
async fn an_ask_inside_a_tool_of_the_same_session_is_an_error() {
    let fake = Fake::start().await;
    fake.cli.on_turn(|turn| async move {
        if turn.prompt() == "?" {
            let result = turn.call_tool("ask_back", json!({})).await;
            turn.say(result["textResultForLlm"].as_str().unwrap_or_default());
        }
    });
    let session = fake.session().with_tools([ask_back::TOOL]).start().await.unwrap();
    *SESSION.lock().unwrap() = Some(session.clone());
    let reply = session.ask("?").await.unwrap();
    assert!(
        reply.text().starts_with("InvalidInput: `ask`") && reply.text().contains("`Session::send`"),
        "{reply}"
    );
    assert!(reply.text().ends_with("; true"), "{reply}");
    SESSION.lock().unwrap().take();
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_ask_another_session_and_not_its_own() {
    let fake = Fake::start().await;
    fake.cli.on_turn(|turn| async move {
        if turn.prompt() == "?" {
            let decision = turn.cli().ask_permission(turn.session_id(), json!({"kind": "shell"})).await;
            return turn.say(decision["kind"].as_str().unwrap_or_default());
        }
        turn.say("advice");
    });
    let other = fake.session().start().await.unwrap();
    let own: Arc<Mutex<Option<Session>>> = Arc::default();
    let itself = Arc::clone(&own);
    let session = fake
        .session()
        .on_permission(move |_| {
            let (other, itself) = (other.clone(), itself.lock().unwrap().clone().unwrap());
            async move {
                let advice = other.ask("may it?").await.expect("another session answers");
                let refused = itself.ask("may it?").await.is_err();
                if refused && advice.text() == "advice" { Decision::Approve } else { Decision::reject("no") }
            }
        })
        .start()
        .await
        .unwrap();
    *own.lock().unwrap() = Some(session.clone());
    let reply = timeout(60 * SECOND, session.ask("?").into_future()).await.expect("nothing waits for itself");
    assert!(reply.unwrap().text().starts_with("approve"));
    own.lock().unwrap().take();
}

#[tokio::test(start_paused = true)]
async fn an_end_and_an_answer_count_by_name_when_their_payloads_cannot_be_read() {
    let (fake, session) = by_hand().await;
    let (reply, ()) = tokio::join!(apart(session.ask("?")), async {
        fake.cli.requested("session.send", 1).await;
        fake.begin_turn(&session);
        fake.say(&session, "fine");
        fake.cli.event(session.id(), "session.idle", json!({"aborted": 7, "mode": []}));
    });
    assert_eq!(reply.unwrap().text(), "fine");
    let (error, ()) = tokio::join!(failure(session.ask("?")), async {
        fake.cli.requested("session.send", 2).await;
        fake.begin_turn(&session);
        let answer = json!({"content": ["no", "text"], "originatingMessageId": "m"});
        fake.cli.event(session.id(), "assistant.message", answer);
        fake.cli.event(session.id(), "session.idle", json!({}));
    });
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("cannot be read"), "{error}");
    let reply = error.partial_reply().expect("the events are there");
    assert!(reply.events().iter().any(|event| event.raw_data().contains(r#"["no","text"]"#)));
}

/// Runs until it is cancelled.
#[copilot::tool]
pub(crate) async fn endless(context: copilot::ToolContext) -> String {
    context.cancelled().await;
    "cancelled".to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_abort_cancels_the_tools_of_the_session_and_one_of_a_sub_agent_does_not() {
    // Up to 0.0.423 the event is the only sign.
    let fake = Fake::of_version("0.0.423").await;
    let session = fake.session().with_tools([endless::TOOL]).start().await.unwrap();
    fake.cli.on("session.send", |_, _| json!({"messageId": "m"}));
    let _call = fake.cli.call_tool(session.id(), "endless", json!({})).request_id("r").start();
    settle().await;
    fake.cli.whole_event(session.id(), json!({"type": "abort", "agentId": "sub", "data": {"reason": "x"}}));
    settle().await;
    // A cancelled call has no answer; the error of a time limit names the tools that run.
    let error = failure(session.ask("?").timeout(5 * SECOND)).await;
    assert!(error.to_string().contains("waiting for endless (r)"), "only the sub-agent is aborted: {error}");
    fake.cli.event(session.id(), "abort", json!({"reason": "user_initiated"}));
    settle().await;
    let error = failure(session.ask("?").timeout(5 * SECOND)).await;
    assert!(error.is_timeout() && !error.to_string().contains("waiting for"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_abort_leaves_the_work_of_sub_agents_until_the_cli_settles_it() {
    let fake = Fake::start().await;
    let session = fake.session().with_tools([endless::TOOL]).on_permission(async |request| {
        if request.tool_name().is_none() {
            sleep(60 * SECOND).await;
        }
        Decision::Approve
    });
    let session = session.start().await.unwrap();
    fake.cli.on("session.send", |_, _| json!({"messageId": "m"}));
    let call = |id: &str| fake.cli.call_tool(session.id(), "endless", json!({})).request_id(id);
    let _calls = [call("own").start(), call("of the helper").agent("helper").start()];
    let asked =
        json!({"requestId": "asked", "permissionRequest": {"kind": "url"}, "promptRequest": {"kind": "url"}});
    let asked = json!({"type": "permission.requested", "agentId": "helper", "data": asked});
    fake.cli.whole_event(session.id(), asked);
    settle().await;
    fake.cli.event(session.id(), "abort", json!({"reason": "user_initiated"}));
    settle().await;
    let error = failure(session.ask("?").timeout(5 * SECOND)).await.to_string();
    assert!(error.contains("endless (of the helper)") && !error.contains("(own)"), "{error}");
    sleep(60 * SECOND).await;
    assert_eq!(fake.cli.requests("session.permissions.handlePendingPermissionRequest").len(), 1);
    fake.cli.event(session.id(), "external_tool.completed", json!({"requestId": "of the helper"}));
    settle().await;
    let error = failure(session.ask("?").timeout(5 * SECOND)).await;
    assert!(error.is_timeout() && !error.to_string().contains("waiting for"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_event_of_an_empty_agent_id_is_of_the_sessions_own_agent() {
    let (fake, session) = by_hand().await;
    let (reply, ()) = tokio::join!(apart(session.ask("?")), async {
        fake.cli.requested("session.send", 1).await;
        let own = |name: &str, data: Value| {
            fake.cli.whole_event(session.id(), json!({"type": name, "agentId": "", "data": data}));
        };
        own("user.message", json!({"messageId": "m", "content": "?"}));
        own("assistant.message", json!({"content": "root", "originatingMessageId": "m"}));
        own("session.idle", json!({}));
    });
    assert_eq!(reply.unwrap().text(), "root");
    // The session is known to be idle: a message that a hook blocks ends.
    fake.cli.event(session.id(), "user.message", json!({"messageId": "m", "content": "?"}));
    fake.cli.whole_event(session.id(), json!({"type": "session.idle", "agentId": "", "data": {}}));
    settle().await;
    let ask = timeout(10 * SECOND, session.ask("?").into_future());
    let (reply, ()) = tokio::join!(ask, async {
        fake.cli.requested("session.send", 2).await;
        fake.cli.event(session.id(), "session.idle", json!({}));
    });
    reply.expect("it ends").unwrap();
}

#[tokio::test(start_paused = true)]
async fn aborts_before_the_cli_has_the_message_do_not_count_and_those_of_sub_agents_never_do() {
    for (agent, aborted) in [(None, false), (Some("sub"), true)] {
        let (fake, session) = by_hand().await;
        fake.cli.event(session.id(), "user.message", json!({"content": "?", "messageId": "another"}));
        settle().await;
        fake.cli.hold("session.send");
        let (reply, ()) = tokio::join!(apart(session.ask("?")), async {
            let send = fake.cli.held("session.send").await;
            let mut earlier = json!({"type": "abort", "data": {"reason": "user_initiated"}});
            if let Some(agent) = agent {
                earlier["agentId"] = agent.into();
            }
            fake.cli.whole_event(session.id(), earlier);
            send.answer(json!({"messageId": "m"}));
            if aborted {
                fake.cli.event(session.id(), "abort", json!({"reason": "user_initiated"}));
            } else {
                // The end of the turn that was aborted.
                fake.cli.event(session.id(), "session.idle", json!({"aborted": true}));
                fake.begin_turn(&session);
                fake.say(&session, "fine");
            }
            fake.cli.event(session.id(), "session.idle", json!({"aborted": aborted}));
        });
        assert_eq!(reply.unwrap().is_aborted(), aborted, "{agent:?}");
    }
}
