//! Events that are lost, repeated or late between the CLI and the program: each turn ends with its answer, and each tool
//! runs once.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use copilot::elicitation::ElicitationResponse;
use copilot::events::{EventsRecovered, RecoveryCause};
use copilot::testing::{Delivery, FakeCli};
use copilot::{Decision, EventKind, EventStream, Session, State};
use copilot_tests::events::{next_event, within};
use copilot_tests::fake::{Fake, apart, settle};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const CALLED: &str = "session.tools.handlePendingToolCall";
const DECIDED: &str = "session.permissions.handlePendingPermissionRequest";
const SECOND: Duration = Duration::from_secs(1);

/// How often the tool has run.
#[derive(Clone, Debug, Default)]
struct Runs(Arc<AtomicUsize>);

impl Runs {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Count a call.
#[copilot::tool(destructive)]
async fn count(runs: State<Runs>) -> usize {
    runs.0.fetch_add(1, Ordering::Relaxed) + 1
}

/// A CLI whose turns have a text, a permission request, a tool call and an answer.
fn counting(version: &str) -> FakeCli {
    let cli = FakeCli::of_version(version);
    cli.on_turn(|turn| async move {
        turn.say("One moment.");
        let counted = turn.call_tool("count", json!({})).await;
        turn.say(format!("Runs: {}", counted["textResultForLlm"].as_str().unwrap()));
    });
    cli
}

/// A session with the tool, whose permissions a handler decides.
async fn session_of(cli: &FakeCli, runs: &Runs) -> Session {
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().with_tools([count::TOOL]).state(runs.clone());
    session.on_permission(async |_| Decision::Approve).start().await.unwrap()
}

/// Delivers the `nth` event since this call in another way; returns the types of the events so far.
fn deliver(cli: &FakeCli, nth: usize, delivery: Delivery) -> Arc<std::sync::Mutex<Vec<String>>> {
    let events = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    cli.on_event(move |event| {
        let mut seen = seen.lock().unwrap();
        seen.push(event["type"].as_str().unwrap_or_default().to_owned());
        if seen.len() - 1 == nth { delivery } else { Delivery::Once }
    });
    events
}

/// The types of the events of a turn.
async fn recorded(version: &str) -> Vec<String> {
    let (cli, runs) = (counting(version), Runs::default());
    let session = session_of(&cli, &runs).await;
    let events = deliver(&cli, usize::MAX, Delivery::Once);
    session.ask("Count.").await.unwrap();
    events.lock().unwrap().clone()
}

/// The methods that the program has called since the session was opened.
fn methods(cli: &FakeCli) -> Vec<String> {
    let received = cli.received();
    let all: Vec<_> = received.iter().filter_map(|message| message["method"].as_str()).collect();
    let opened = all.iter().position(|method| *method == "session.create").unwrap();
    all[opened + 1..].iter().map(|method| (*method).to_owned()).collect()
}

fn recoveries(events: &mut EventStream) -> Vec<EventsRecovered> {
    let events = std::iter::from_fn(|| events.try_next());
    let recovered = events.filter_map(|event| match event.kind() {
        EventKind::EventsRecovered(recovered) => Some((**recovered).clone()),
        _ => None,
    });
    recovered.collect()
}

/// Two turns, of which one event of the first is delivered in another way. Each turn has its answer, and the tool runs
/// once in each. Returns what was reported.
async fn two_turns(version: &str, nth: usize, delivery: Delivery) -> Vec<EventsRecovered> {
    let (cli, runs) = (counting(version), Runs::default());
    let session = session_of(&cli, &runs).await;
    let mut events = session.events();
    let sent = deliver(&cli, nth, delivery);
    for turn in 1..=2 {
        let reply = within(session.ask("Count.")).await.unwrap();
        let name = sent.lock().unwrap().get(nth).cloned();
        assert_eq!(reply.text(), format!("Runs: {turn}"), "{delivery:?} {name:?}");
        assert!(!reply.is_aborted());
        assert_eq!((runs.count(), cli.requests(CALLED).len()), (turn, turn), "{delivery:?} {name:?}");
        let decided: Vec<Value> =
            cli.requests(DECIDED).into_iter().map(|params| params["requestId"].clone()).collect();
        assert_eq!(decided.len(), turn, "{delivery:?} {name:?} {decided:?}");
    }
    recoveries(&mut events)
}

#[tokio::test(start_paused = true)]
async fn any_one_event_of_a_turn_may_be_lost() {
    // The second has no list of the pending calls: its log shows them.
    for version in ["1.0.102", "1.0.92"] {
        let turn = recorded(version).await;
        assert_eq!(turn.last().map(String::as_str), Some("session.idle"));
        assert_eq!(turn.len(), 13, "{turn:?}");
        for (nth, name) in turn.iter().enumerate() {
            let recovered = two_turns(version, nth, Delivery::Lost).await;
            let expected = match name.as_str() {
                "external_tool.requested" | "permission.requested" => Some(RecoveryCause::CallNotRequested),
                "session.idle" => Some(RecoveryCause::TurnNotEnded),
                "assistant.message" if nth == 10 => Some(RecoveryCause::AnswerMissing),
                _ => None,
            };
            let reported: Vec<_> = recovered.iter().map(|recovered| recovered.cause).collect();
            assert_eq!(reported, expected.into_iter().collect::<Vec<_>>(), "{nth} {name}");
            if expected.is_some() {
                assert_eq!(recovered[0].events.len(), 1, "{recovered:?}");
                assert_eq!(recovered[0].events[0].name, *name);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads_a_lost_question_is_asked_again() {
    let turn = recorded("1.0.102").await;
    for question in ["external_tool.requested", "permission.requested"] {
        let nth = turn.iter().position(|name| name == question).unwrap();
        let began = std::time::Instant::now();
        let recovered = two_turns("1.0.102", nth, Delivery::Lost).await;
        assert_eq!(recovered.len(), 1);
        assert!(began.elapsed() < 20 * SECOND, "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn any_one_event_of_a_turn_may_come_twice() {
    for (nth, name) in recorded("1.0.102").await.iter().enumerate() {
        let recovered = two_turns("1.0.102", nth, Delivery::Twice).await;
        assert!(recovered.is_empty(), "{name} {recovered:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn any_one_event_of_a_turn_may_come_after_the_next_one() {
    for nth in 0..recorded("1.0.102").await.len() {
        two_turns("1.0.102", nth, Delivery::Late).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_comes_again_does_not_end_the_next_turn() {
    let fake = Fake::with_manual_turns(FakeCli::new()).await;
    let session = fake.session().start().await.unwrap();
    let idle = || fake.cli.whole_event(session.id(), json!({"type": "session.idle", "id": "i1", "data": {}}));
    let (first, ()) = tokio::join!(apart(session.ask("?")), async {
        fake.cli.requested("session.send", 1).await;
        fake.begin_turn(&session);
        fake.say(&session, "first");
        idle();
    });
    assert_eq!(first.unwrap().text(), "first");
    let (second, ()) = tokio::join!(apart(session.ask("?")), async {
        fake.cli.requested("session.send", 2).await;
        settle().await;
        idle();
        settle().await;
        fake.begin_turn(&session);
        fake.say(&session, "second");
        fake.cli.event(session.id(), "session.idle", json!({}));
    });
    assert_eq!(second.unwrap().text(), "second");
}

/// The requests of two turns without a fault.
async fn requests_without_faults() {
    let (cli, runs) = (counting("1.0.102"), Runs::default());
    let session = session_of(&cli, &runs).await;
    for _ in 0..2 {
        session.ask("Count.").await.unwrap();
    }
    let each = ["session.send", DECIDED, CALLED];
    assert_eq!(methods(&cli), [each, each].concat());
}

#[tokio::test(start_paused = true)]
async fn a_turn_without_faults_makes_no_additional_request() {
    requests_without_faults().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads_a_turn_without_faults_makes_no_additional_request() {
    requests_without_faults().await;
}

/// Wait for ten minutes.
#[copilot::tool]
async fn wait() {
    sleep(600 * SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn tools_and_decisions_that_take_long_cause_no_request() {
    let (cli, runs) = (counting("1.0.102"), Runs::default());
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().with_tools([count::TOOL]).state(runs.clone());
    let session = session
        .on_permission(async |_| {
            sleep(50 * SECOND).await;
            Decision::Approve
        })
        .start()
        .await
        .unwrap();
    session.ask("Count.").await.unwrap();
    assert_eq!(methods(&cli), ["session.send", DECIDED, CALLED]);

    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().with_tools([wait::TOOL]).start().await.unwrap();
    let call = json!({"toolCallId": "c1", "toolName": "wait", "arguments": {}});
    cli.event(session.id(), "tool.execution_start", call);
    let called = cli.call_tool(session.id(), "wait", json!({})).call_id("c1").start();
    sleep(601 * SECOND).await;
    assert!(called.is_answered());
    assert_eq!(methods(&cli), [CALLED]);
}

#[tokio::test(start_paused = true)]
async fn each_announcement_of_a_call_is_watched() {
    let request = json!({"toolCallId": "c1", "name": "wait", "arguments": {}, "type": "function"});
    let start = json!({"toolCallId": "c1", "toolName": "wait", "arguments": {}});
    let permission = json!({"requestId": "p1", "toolCallId": "c1", "result": {"kind": "approved"}});
    for (name, data) in [
        ("assistant.message", json!({"content": "", "toolRequests": [request]})),
        ("tool.execution_start", start),
        ("permission.completed", permission),
    ] {
        let cli = FakeCli::new();
        let client = cli.client_builder().start().await.unwrap();
        let session = client.session().with_tools([wait::TOOL]).start().await.unwrap();
        let mut events = session.events();
        if name == "permission.completed" {
            let request = json!({"kind": "custom-tool", "toolName": "wait", "toolCallId": "c1", "args": {}});
            let _asked = cli.ask_permission(session.id(), request).request_id("p1").start();
            settle().await;
        }
        cli.on_event(|event| match event["type"].as_str() {
            Some("external_tool.requested") => Delivery::Lost,
            _ => Delivery::Once,
        });
        let began = Instant::now();
        cli.event(session.id(), name, data);
        let _called = cli.call_tool(session.id(), "wait", json!({})).call_id("c1").request_id("r1").start();
        let recovered = next_event(&mut events, |kind| matches!(kind, EventKind::EventsRecovered(_))).await;
        let EventKind::EventsRecovered(recovered) = recovered.kind() else { unreachable!() };
        let waited = began.elapsed();
        assert!(waited >= 2 * SECOND && waited < 3 * SECOND, "{name} {waited:?}");
        assert_eq!(recovered.cause, RecoveryCause::CallNotRequested);
        let [call] = recovered.events.as_slice() else { panic!("{recovered:?}") };
        assert_eq!(
            (call.request_id.as_ref().unwrap().as_str(), call.tool_call_id.as_ref().unwrap().as_str()),
            ("r1", "c1")
        );
        assert_eq!(call.tool_name.as_deref(), Some("wait"));
        // It runs for ten minutes, and is not asked for again.
        sleep(300 * SECOND).await;
        assert_eq!(cli.requests("session.tools.listPendingRequests").len(), 1, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_cli_does_not_wait_for_is_asked_for_less_and_less_often() {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().with_tools([wait::TOOL]).start().await.unwrap();
    let call = json!({"toolCallId": "c1", "toolName": "wait", "arguments": {}});
    cli.event(session.id(), "tool.execution_start", call);
    let began = Instant::now();
    let asked = || cli.requests("session.tools.listPendingRequests").len();
    for (second, count) in [(3, 1), (7, 2), (15, 3), (31, 4), (63, 5), (600, 5)] {
        sleep((began + second * SECOND) - Instant::now()).await;
        assert_eq!(asked(), count, "{second}");
    }
    let call = json!({"toolCallId": "c2", "toolName": "wait", "arguments": {}});
    cli.event(session.id(), "tool.execution_start", call);
    sleep(3 * SECOND).await;
    cli.event(session.id(), "session.idle", json!({}));
    sleep(600 * SECOND).await;
    assert_eq!(asked(), 6, "an idle agent calls nothing");
}

/// Emits the beginning of a turn that then stalls.
async fn begun(fake: &Fake, session: &Session) {
    fake.cli.requested("session.send", 1).await;
    fake.begin_turn(session);
}

/// A turn that stalls because these events were lost: a permission request, a form, or both.
async fn stalled_by(lost: &'static [&'static str]) {
    let fake = Fake::with_manual_turns(FakeCli::new()).await;
    let session = fake
        .session()
        .on_permission(async |_| Decision::Approve)
        .on_elicitation(async |_| ElicitationResponse::decline())
        .start()
        .await
        .unwrap();
    let mut events = session.events();
    fake.cli.on_event(|event| match event["type"].as_str() {
        Some(name) if lost.contains(&name) => Delivery::Lost,
        _ => Delivery::Once,
    });
    let began = Instant::now();
    let (reply, ()) = tokio::join!(apart(session.ask("?").report_silence(10 * SECOND)), async {
        begun(&fake, &session).await;
        let shell = json!({"kind": "shell", "fullCommandText": "ls", "commands": []});
        let asked = fake.cli.ask_permission(session.id(), shell).request_id("p1").start();
        let form = json!({"requestId": "e1", "message": "Name?", "mode": "form", "requestedSchema": {}});
        fake.cli.event(session.id(), "elicitation.requested", form);
        assert_eq!(asked.answer().await["kind"], "approve-once");
        let answered = fake.cli.requested("session.ui.handlePendingElicitation", 1).await;
        assert_eq!(
            (&answered[0]["requestId"], &answered[0]["result"]["action"]),
            (&json!("e1"), &json!("decline"))
        );
        fake.say(&session, "done");
        fake.cli.event(session.id(), "session.idle", json!({}));
    });
    assert_eq!(reply.unwrap().text(), "done");
    assert!(began.elapsed() >= 10 * SECOND && began.elapsed() < 12 * SECOND, "{:?}", began.elapsed());
    let recovered = recoveries(&mut events);
    let [recovered] = recovered.as_slice() else { panic!("{recovered:?}") };
    assert_eq!(recovered.cause, RecoveryCause::TurnStalled);
    let names: Vec<&str> = recovered.events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, lost);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_turn_asks_for_lost_questions_of_every_kind() {
    stalled_by(&["permission.requested", "elicitation.requested"]).await;
    stalled_by(&["permission.requested"]).await;
    // Only the log of the CLI has it.
    stalled_by(&["elicitation.requested"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_stall_names_what_the_cli_lists() {
    let fake = Fake::with_manual_turns(FakeCli::new()).await;
    let session = fake.session().on_permission(async |_| std::future::pending::<Decision>().await);
    let session = session.start().await.unwrap();
    let mut events = session.events();
    let turn = session.stream("?").report_silence(10 * SECOND).await.unwrap();
    fake.begin_turn(&session);
    let shell = json!({"kind": "shell", "fullCommandText": "ls", "commands": []});
    let _asked = fake.cli.ask_permission(session.id(), shell).request_id("p1").start();
    let _called = fake.cli.call_tool(session.id(), "elsewhere", json!({})).request_id("r1").start();
    let reply = tokio::spawn(turn.reply());
    let stalled = next_event(&mut events, |kind| matches!(kind, EventKind::TurnStalled(_))).await;
    let EventKind::TurnStalled(stalled) = stalled.kind() else { unreachable!() };
    // The work of this program first, then the rest of the CLI's list.
    assert_eq!(stalled.waiting_for, ["permission for shell (p1)", "elsewhere (r1)"]);
    // Questions of other programs, and those that a handler is answering, are not asked again.
    sleep(100 * SECOND).await;
    assert!(recoveries(&mut events).is_empty());
    assert!(fake.cli.requests(DECIDED).is_empty());
    reply.abort();
}

#[tokio::test(start_paused = true)]
async fn a_skipped_message_of_an_unknown_type_may_have_been_a_question() {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.unwrap();
    let runs = Runs::default();
    let session = client.session().with_tools([count::TOOL]).state(runs.clone());
    let session = session.on_permission(async |_| Decision::Approve).start().await.unwrap();
    let mut events = session.events();
    cli.on_event(|_| Delivery::Lost);
    let called = cli.call_tool(session.id(), "count", json!({})).start();
    let broken = format!(
        r#"{{"jsonrpc":"2.0","method":"session.event","params":{{"sessionId":"{}","event":"#,
        session.id()
    );
    cli.frame(broken);
    assert_eq!(called.answer().await["textResultForLlm"], "1");
    let recovered = next_event(&mut events, |kind| matches!(kind, EventKind::EventsRecovered(_))).await;
    let EventKind::EventsRecovered(recovered) = recovered.kind() else { unreachable!() };
    assert_eq!(recovered.cause, RecoveryCause::MessageSkipped);
    assert_eq!(runs.count(), 1);
}
