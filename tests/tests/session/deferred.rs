//! Deferred calls: tickets, marks and settlements.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use copilot::deferred::{Deferred, Ticket};
use copilot::resume::Resume;
use copilot::testing::{FakeCli, RpcError};
use copilot::tools::ResultType;
use copilot::{
    Client, Decision, DynTool, ErrorKind, EventKind, Session, SessionBuilder, State, ToolContext, ToolError,
};
use copilot_tests::fake::{Fake, settle as settled};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const ANSWER: &str = "session.tools.handlePendingToolCall";
const READ: &str = "session.metadata.getClientMetadata";
const UPDATE: &str = "session.metadata.updateClientMetadata";

#[derive(Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
struct Receipt {
    number: u32,
}

/// The requests that the tools of a session have filed.
#[derive(Default)]
struct Desk {
    filed: Mutex<Vec<String>>,
    runs: AtomicU32,
}

/// Refund an order.
#[copilot::tool]
fn refund(
    /// The number of the order.
    order: u32,
    ticket: Ticket<Receipt>,
    desk: State<Desk>,
) -> Result<Deferred<Receipt>, ToolError> {
    desk.runs.fetch_add(1, Ordering::Relaxed);
    match order {
        0 => Ok(Deferred::ready(Receipt { number: 0 })),
        13 => Err(ToolError::tell("no such order")),
        _ => {
            desk.filed.lock().unwrap().push(serde_json::to_string(&ticket)?);
            Ok(ticket.defer())
        }
    }
}

impl Desk {
    fn last(&self) -> Ticket<Receipt> {
        serde_json::from_str(self.filed.lock().unwrap().last().unwrap()).unwrap()
    }
}

fn with_refund(session: SessionBuilder, desk: &Arc<Desk>) -> SessionBuilder {
    session.with_tools([refund::TOOL]).shared_state(Arc::clone(desk))
}

/// A CLI that records the result of a call as soon as it has accepted it.
fn recording() -> FakeCli {
    let cli = FakeCli::new();
    cli.on_turn(|turn| async move {
        turn.call_tool("refund", json!({"order": 42})).await;
        turn.say("Done.");
    });
    cli
}

async fn metadata(session: &Session) -> Value {
    session.call(READ, json!({})).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_deferred_call_is_settled_by_its_ticket_and_the_turn_continues() {
    let (fake, desk) = (Fake::on(recording()).await, Arc::<Desk>::default());
    let session = with_refund(fake.session(), &desk).start().await.unwrap();
    let mut events = session.events();
    let turn = session.stream("Refund it.").await.unwrap();
    let deferred =
        copilot_tests::events::next_event(&mut events, |kind| matches!(kind, EventKind::AnswerDeferred(_)))
            .await;
    let ticket = desk.last();
    let EventKind::AnswerDeferred(deferred) = deferred.kind() else { panic!("{deferred:?}") };
    assert_eq!((&deferred.request_id, deferred.tool_name.as_deref()), (ticket.id(), Some("refund")));
    assert_eq!((ticket.session_id(), ticket.tool()), (session.id(), "refund"));
    // Persisted and marked before the function ran, and marked again after it.
    let persists = |method: &str| matches!(method, "sessions.save" | UPDATE);
    let order: Vec<String> = fake
        .cli
        .received()
        .iter()
        .filter_map(|sent| sent["method"].as_str().map(str::to_owned))
        .filter(|method| persists(method))
        .collect();
    assert_eq!(order, ["sessions.save", UPDATE, UPDATE]);
    let key = format!("copilot-tools/deferred/{}", ticket.id());
    let mark: Value = serde_json::from_str(metadata(&session).await[&key].as_str().unwrap()).unwrap();
    assert_eq!((&mark["filed"], &mark["ticket"]), (&json!(true), &serde_json::to_value(&ticket).unwrap()));
    assert!(fake.cli.requests(ANSWER).is_empty());

    session.settle(&ticket, Receipt { number: 7 }).await.unwrap();
    assert_eq!(turn.reply().await.unwrap().text(), "Done.");
    let result = &fake.cli.requests(ANSWER)[0]["result"];
    assert_eq!(
        (&result["textResultForLlm"], &result["resultType"]),
        (&json!(r#"{"number":7}"#), &json!("success"))
    );
    assert_eq!(metadata(&session).await, json!({}));
    let again = session.settle(&ticket, Receipt { number: 8 }).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Session);
    assert!(again.to_string().contains("it has a result already"), "{again}");
    assert_eq!(desk.runs.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_defers_is_called_without_a_session() {
    let desk = Arc::<Desk>::default();
    let call = || copilot::testing::call(refund::TOOL, json!({"order": 42})).shared_state(Arc::clone(&desk));
    assert_eq!(call().await.result_type(), ResultType::Deferred);
    assert_eq!((desk.last().session_id().as_str(), desk.last().tool()), ("test-session", "refund"));
    assert!(call().agent_id("a").await.text().contains("a sub-agent"));
    assert_eq!(desk.runs.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_ready_result_and_an_error_answer_the_call_immediately() {
    let (fake, desk) = (Fake::start().await, Arc::<Desk>::default());
    let session = with_refund(fake.session(), &desk).start().await.unwrap();
    let ready = fake.cli.call_tool(session.id(), "refund", json!({"order": 0})).await;
    assert_eq!(ready["textResultForLlm"], r#"{"number":0}"#);
    let failed = fake.cli.call_tool(session.id(), "refund", json!({"order": 13})).await;
    assert_eq!(failed["textResultForLlm"], "no such order");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_stay_open_is_an_error_before_the_function_runs() {
    let (fake, desk) = (Fake::start().await, Arc::<Desk>::default());
    let session = with_refund(fake.session(), &desk).start().await.unwrap();
    let by_agent = fake.cli.call_tool(session.id(), "refund", json!({"order": 1})).agent("a").await;
    assert!(by_agent["textResultForLlm"].as_str().unwrap().contains("a sub-agent"), "{by_agent}");
    for (version, expected) in [("1.0.92", "too old"), ("1.0.32", "too old"), ("0.0.403", "cannot stay open")]
    {
        let fake = Fake::of_version(version).await;
        let session = with_refund(fake.session(), &desk).start().await.unwrap();
        let refused = fake.cli.call_tool(session.id(), "refund", json!({"order": 1})).await;
        let text = refused["textResultForLlm"].as_str().unwrap();
        assert!(text.contains(expected) && text.contains("Nothing was done"), "{version}: {refused}");
    }
    assert_eq!(desk.runs.load(Ordering::Relaxed), 0);
}

/// Opens a session in which a call is pending, with this mark, after an earlier program has ended.
async fn resumed(mark: Option<bool>, desk: &Arc<Desk>) -> (FakeCli, Client, Session, Value) {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.unwrap();
    let first: Arc<Desk> = Arc::default();
    let session = with_refund(client.session().id("s"), &first).start().await.unwrap();
    cli.call_tool(session.id(), "refund", json!({"order": 42})).request_id("r1").call_id("c1").start();
    settled().await;
    let ticket = serde_json::to_value(first.last()).unwrap();
    let metadata = mark.map(|filed| {
        let mark = json!({"filed": filed, "ticket": ticket}).to_string();
        json!({"copilot-tools/deferred/r1": mark, "another": "entry"})
    });
    session.close().await.unwrap();
    cli.on(READ, move |_, _| metadata.clone().unwrap_or(json!({})));
    cli.on("session.tools.listPendingRequests", |_, _| {
        json!({"items": [{"requestId": "r1", "toolCallId": "c1", "toolName": "refund", "arguments": {"order": 42}}]})
    });
    let session = with_refund(client.resume("s"), desk)
        .resume_options(Resume::new().continue_pending_work(true))
        .start()
        .await
        .unwrap();
    settled().await;
    (cli, client, session, ticket)
}

#[tokio::test(start_paused = true)]
async fn a_function_that_has_returned_does_not_run_again_and_one_that_has_not_does() {
    for (mark, runs) in [(Some(true), 0), (Some(false), 1), (None, 1)] {
        let desk = Arc::<Desk>::default();
        let (_cli, _client, session, ticket) = resumed(mark, &desk).await;
        assert_eq!(desk.runs.load(Ordering::Relaxed), runs, "{mark:?}");
        if runs == 1 {
            assert_eq!(serde_json::to_value(desk.last()).unwrap(), ticket, "the same ticket is filed again");
        }
        drop(session);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_cli_does_not_run_a_deferred_call_again() {
    let fake = Fake::start_with(|client| client.auto_restart(true)).await;
    let desk = Arc::<Desk>::default();
    let continues = Resume::new().continue_pending_work(true);
    let session = with_refund(fake.session(), &desk).resume_options(continues).start().await.unwrap();
    fake.cli.call_tool(session.id(), "refund", json!({"order": 42})).request_id("r1").call_id("c1").start();
    settled().await;
    fake.cli.on("session.tools.listPendingRequests", |_, _| {
        json!({"items": [{"requestId": "r1", "toolCallId": "c1", "toolName": "refund", "arguments": {"order": 42}}]})
    });
    let mut events = session.events();
    fake.cli.hang_up();
    let restarted =
        copilot_tests::events::next_event(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    let EventKind::Restarted(restarted) = restarted.kind() else { panic!() };
    assert_eq!(restarted.continued, ["deferred refund (r1)"]);
    assert_eq!(desk.runs.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_settlement_fails_when_the_connection_ends_before_the_record() {
    let fake = Fake::start_with(|client| client.auto_restart(true)).await;
    let desk = Arc::<Desk>::default();
    let session = with_refund(fake.session(), &desk).start().await.unwrap();
    fake.cli.call_tool(session.id(), "refund", json!({"order": 42})).start();
    settled().await;
    fake.cli.on(ANSWER, |_, asked| {
        asked.cli().hang_up();
        json!({"success": true})
    });
    let begun = tokio::time::Instant::now();
    let error = session.settle(&desk.last(), Receipt { number: 7 }).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(2), "{error}");
    assert!(error.is_retryable() && error.to_string().contains("settle the call again"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_settlement_that_the_cli_does_not_record_is_an_error() {
    let (fake, desk) = (Fake::start().await, Arc::<Desk>::default());
    let session = with_refund(fake.session(), &desk).start().await.unwrap();
    fake.cli.call_tool(session.id(), "refund", json!({"order": 42})).start();
    settled().await;
    let error = session.settle(&desk.last(), Receipt { number: 7 }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(metadata(&session).await.as_object().unwrap().len() == 1, "the mark stays");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_too_large_for_the_queue_of_events_is_found_in_the_history() {
    let (fake, desk) = (Fake::start().await, Arc::<Desk>::default());
    let session = with_refund(fake.session(), &desk).start().await.unwrap();
    fake.cli.call_tool(session.id(), "refund", json!({"order": 42})).request_id("r1").start();
    settled().await;
    fake.cli.on(ANSWER, |_, _| json!({"success": true}));
    let call = desk.last();
    let settle = session.settle(&call, Receipt { number: 7 });
    let record = async {
        settled().await;
        let result = json!({"content": "x".repeat(2 << 20)});
        let done = json!({"toolCallId": call.call_id(), "success": true, "result": result});
        fake.cli.event(session.id(), "tool.execution_complete", done);
        fake.cli.event(session.id(), "assistant.turn_start", json!({"turnId": "0"}));
    };
    let (settled, ()) = tokio::join!(settle, record);
    settled.unwrap();
}

#[tokio::test(start_paused = true)]
async fn wrong_settlements_are_refused_before_they_are_sent() {
    let (fake, desk) = (Fake::start().await, Arc::<Desk>::default());
    let session = with_refund(fake.session(), &desk).start().await.unwrap();
    fake.cli.call_tool(session.id(), "refund", json!({"order": 42})).start();
    settled().await;
    let other = fake.session().start().await.unwrap();
    let error = other.settle(&desk.last(), Receipt { number: 7 }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains(session.id().as_str()), "{error}");
    let untyped: Ticket<Value> = serde_json::from_str(&desk.filed.lock().unwrap()[0]).unwrap();
    let error = session.settle(&untyped, json!({"number": "seven"})).await.unwrap_err();
    assert!(error.to_string().contains("`number`"), "{error}");
    assert!(fake.cli.requests(ANSWER).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_tool_of_run_time_defers_and_one_with_another_ticket_fails() {
    let fake = Fake::start().await;
    let kept = Arc::new(Mutex::new(None::<Ticket<String>>));
    let shared = Arc::clone(&kept);
    let order = DynTool::new("order", "Order a part.").run(move |_, cx: ToolContext| {
        let kept = Arc::clone(&shared);
        async move {
            let ticket: Ticket<String> = cx.ticket().await?;
            let first = kept.lock().unwrap().get_or_insert(ticket).clone();
            Ok::<_, ToolError>(first.defer())
        }
    });
    let session = fake.session().with_tools([order]).start().await.unwrap();
    fake.cli.call_tool(session.id(), "order", json!({})).start();
    settled().await;
    assert!(kept.lock().unwrap().is_some() && fake.cli.requests(ANSWER).is_empty());
    let second = fake.cli.call_tool(session.id(), "order", json!({})).await;
    assert!(second["textResultForLlm"].as_str().unwrap().contains("another call"), "{second}");
}

#[tokio::test(start_paused = true)]
async fn marks_of_old_calls_make_room_for_new_ones() {
    let (fake, desk) = (Fake::start().await, Arc::<Desk>::default());
    let session = with_refund(fake.session(), &desk).start().await.unwrap();
    fake.cli.call_tool(session.id(), "refund", json!({"order": 1})).request_id("old").start();
    settled().await;
    fake.cli.on("session.tools.listPendingRequests", |_, _| json!({"items": []}));
    let full = AtomicU32::new(0);
    fake.cli.on(UPDATE, move |params, _| match full.fetch_add(1, Ordering::Relaxed) {
        0 => RpcError::new(-32603, "at most 128 entries").into(),
        1 => {
            assert_eq!(params["remove"], json!(["copilot-tools/deferred/old"]));
            copilot::testing::Answer::from(json!({}))
        }
        _ => json!({}).into(),
    });
    fake.cli.call_tool(session.id(), "refund", json!({"order": 2})).request_id("new").start();
    settled().await;
    assert_eq!(desk.last().id().as_str(), "new");
}

#[tokio::test(start_paused = true)]
async fn the_clock_of_a_turn_stands_still_for_a_deferred_call() {
    let (fake, desk) = (Fake::with_manual_turns(FakeCli::new()).await, Arc::<Desk>::default());
    let session = with_refund(fake.session(), &desk).start().await.unwrap();
    let asking = session.clone();
    let ask = tokio::spawn(async move { asking.ask("Refund it.").await });
    settled().await;
    fake.begin_turn(&session);
    fake.cli.call_tool(session.id(), "refund", json!({"order": 42})).request_id("r1").start();
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    assert!(!ask.is_finished());
    fake.cli.on(ANSWER, |_, _| json!({"success": true}));
    let call = desk.last();
    let settle = session.settle(&call, Receipt { number: 7 });
    let record = async {
        settled().await;
        let done = json!({"toolCallId": call.call_id(), "success": true});
        fake.cli.event(session.id(), "external_tool.completed", json!({"requestId": "r1"}));
        fake.cli.event(session.id(), "tool.execution_complete", done);
    };
    tokio::join!(async { settle.await.unwrap() }, record);
    // Nothing is deferred any more, so the clock runs again.
    let error = ask.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_client_settles_a_call_of_a_session_that_is_not_open() {
    let desk = Arc::<Desk>::default();
    let (cli, client, session, ticket) = resumed(Some(true), &desk).await;
    session.close().await.unwrap();
    let ticket: Ticket<Receipt> = serde_json::from_value(ticket).unwrap();
    let (from, id) = (cli.clone(), ticket.session_id().clone());
    cli.on(ANSWER, move |_, _| {
        from.event(&id, "tool.execution_complete", json!({"toolCallId": "c1", "success": true}));
        from.event(&id, "assistant.message", json!({"messageId": "x", "content": "It is done."}));
        from.event(&id, "session.idle", json!({}));
        json!({"success": true})
    });
    let denied: Result<Receipt, _> = Err(ToolError::refused("declined by Ada"));
    let reply = client.settle(&ticket, denied).await.unwrap();
    assert_eq!(reply.text(), "It is done.");
    let resumed = &cli.requests("session.resume")[1];
    assert_eq!((&resumed["continuePendingWork"], &resumed["tools"]), (&json!(true), &Value::Null));
    let sent = &cli.requests(ANSWER)[0];
    assert_eq!((&sent["requestId"], &sent["result"]["resultType"]), (&json!("r1"), &json!("denied")));
    assert_eq!(cli.requests("session.detach").len(), 3);
    assert_eq!(desk.runs.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn an_ask_may_return_with_the_tickets_of_deferred_calls() {
    let (fake, desk) = (Fake::on(recording()).await, Arc::<Desk>::default());
    let session = with_refund(fake.session(), &desk).start().await.unwrap();
    let reply = session.ask("Refund it.").return_deferred().await.unwrap();
    let [ticket] = reply.deferred() else { panic!("{reply:?}") };
    assert!(reply.is_waiting() && reply.text().is_empty());
    assert_eq!(ticket.typed::<Receipt>().unwrap(), desk.last());
    let turn = session.current_turn();
    session.settle(ticket, json!({"number": 7})).await.unwrap();
    let reply = turn.reply().await.unwrap();
    assert_eq!((reply.text(), reply.is_waiting(), reply.deferred().len()), ("Done.", false, 0));
}

#[tokio::test(start_paused = true)]
async fn a_message_behind_a_turn_that_is_deferred_returns_too() {
    let (fake, desk) = (Fake::with_manual_turns(FakeCli::new()).await, Arc::<Desk>::default());
    let session = with_refund(fake.session(), &desk).start().await.unwrap();
    fake.begin_turn(&session);
    fake.cli.call_tool(session.id(), "refund", json!({"order": 42})).request_id("r1").start();
    settled().await;
    let ask = async |session: &Session| {
        let asked = session.ask("And order 43?").return_deferred().into_future();
        tokio::time::timeout(Duration::from_secs(600), asked).await.expect("it returns").unwrap()
    };
    let reply = ask(&session).await;
    assert!(reply.is_waiting());
    assert_eq!(reply.deferred()[0].id().as_str(), "r1");

    // The same in a program that has resumed the session, which has seen no event of the turn.
    let (cli, _client, session, _) = resumed(Some(true), &desk).await;
    cli.on("session.send", |_, _| json!({"messageId": "m"}));
    let reply = ask(&session).await;
    assert!(reply.is_waiting());
    assert_eq!(reply.deferred()[0].id().as_str(), "r1");
}

#[tokio::test(start_paused = true)]
async fn an_ask_that_may_return_waits_for_calls_that_run() {
    let (fake, desk) = (Fake::with_manual_turns(FakeCli::new()).await, Arc::<Desk>::default());
    let session = with_refund(fake.session(), &desk).start().await.unwrap();
    let asking = session.clone();
    let ask = tokio::spawn(async move { asking.ask("Refund it.").return_deferred().await });
    settled().await;
    fake.begin_turn(&session);
    let call = |id: &str| json!({"toolCallId": id, "name": "refund", "arguments": {}, "type": "function"});
    let message = json!({"messageId": "a", "content": "I ask.", "toolRequests": [call("c1"), call("c2")], "originatingMessageId": "m"});
    fake.cli.event(session.id(), "assistant.message", message);
    fake.cli.call_tool(session.id(), "refund", json!({"order": 1})).call_id("c1").start();
    settled().await;
    assert!(!ask.is_finished(), "the other call has no result");
    let ended = tokio::time::Instant::now();
    fake.cli.event(session.id(), "tool.execution_complete", json!({"toolCallId": "c2", "success": true}));
    let reply = ask.await.unwrap().unwrap();
    assert_eq!((reply.text(), reply.deferred().len()), ("I ask.", 1));
    assert!(ended.elapsed() < Duration::from_secs(1), "the end of the call was seen by a timer");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_may_end_ends_at_a_permission_that_is_left_for_later() {
    let fake = Fake::with_manual_turns(FakeCli::new()).await;
    let session = fake.session().on_permission(async |_| Decision::Later).start().await.unwrap();
    let mut turn = session.stream("Look.").return_deferred().await.unwrap();
    fake.begin_turn(&session);
    // The CLI requests the permission of the second call only when the first has one.
    let call = |id: &str| json!({"toolCallId": id, "name": "bash", "arguments": {}, "type": "function"});
    let message = json!({"messageId": "a", "content": "", "toolRequests": [call("c1"), call("c2")], "originatingMessageId": "m"});
    fake.cli.event(session.id(), "assistant.message", message);
    let request = json!({"kind": "shell", "toolCallId": "c1", "fullCommandText": "ls", "commands": []});
    fake.cli.ask_permission(session.id(), request).start();
    while let Some(event) = turn.next().await {
        event.unwrap();
    }
    let reply = turn.reply().await.unwrap();
    assert!(reply.is_waiting() && reply.deferred().is_empty());
}
