//! Spans end also where turns do not end as usual.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use copilot::EventKind;
use copilot::resume::Resume;
use copilot::testing::{FakeCli, RpcError};
use copilot::trace::{Propagation, TraceContext, Tracing};
use copilot_tests::events::{next_event, next_restart};
use copilot_tests::fake::{Fake, settle};
use serde_json::json;
use tokio::time::sleep;
use tracing::Span;

use crate::capture::{install, tree};
use crate::tools;
use crate::turns::{finish, model_call};

/// A client whose CLI answers each message with the id `m`.
async fn fake() -> Fake {
    install();
    Fake::with_manual_turns(FakeCli::new()).await
}

/// The same, with a client that restores a lost connection.
async fn restarting() -> Fake {
    install();
    let fake = Fake::start_with(|client| client.auto_restart(true)).await;
    fake.cli.on("session.send", |_, _| json!({"messageId": "m"}));
    fake
}

#[tokio::test(start_paused = true)]
async fn a_dropped_turn_ends_when_the_agent_has_finished() {
    let fake = fake().await;
    let session = fake.session().id("dropped").start().await.unwrap();
    drop(session.stream("Go.").await.unwrap());
    fake.begin_turn(&session);
    settle().await;
    assert!(tree("dropped").starts_with("invoke_agent copilot OPEN\n"), "{}", tree("dropped"));
    finish(&fake, &session);
    settle().await;
    assert_eq!(
        tree("dropped"),
        "invoke_agent copilot\n  - copilot.message.id = m\n  - gen_ai.agent.name = copilot\n"
    );
}

#[tokio::test(start_paused = true)]
async fn an_aborted_turn_is_marked() {
    let fake = fake().await;
    let session = fake.session().id("aborted").with_tools([tools::sleeps::TOOL]).start().await.unwrap();
    session.send("Go.").await.unwrap();
    fake.begin_turn(&session);
    tools::begin_call(&fake, &session, "sleeps", "c", &json!({}));
    let call = fake.cli.call_tool(session.id(), "sleeps", json!({})).call_id("c").start();
    settle().await;
    fake.cli.event(session.id(), "abort", json!({"reason": "user"}));
    call.settle();
    fake.cli.event(session.id(), "session.idle", json!({"aborted": true}));
    sleep(Duration::from_secs(2)).await;
    let tree = tree("aborted");
    assert!(tree.contains("copilot.aborted = true") && !tree.contains("OPEN"), "{tree}");
    assert!(tree.contains("error.type = cancelled"), "{tree}");
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_exceeds_its_limit_ends_with_the_limit() {
    let fake = fake().await;
    let session = fake.session().id("late").start().await.unwrap();
    let asked = session.ask("Go.").timeout(Duration::from_secs(5));
    fake.begin_turn(&session);
    asked.await.unwrap_err();
    let tree = tree("late");
    assert!(tree.contains("- error.type = timeout") && !tree.contains("OPEN"), "{tree}");
    assert!(tree.contains("- otel.status_code = ERROR"), "{tree}");
}

#[tokio::test(start_paused = true)]
async fn a_closed_session_ends_its_spans() {
    let fake = fake().await;
    let session = fake.session().id("closed").with_tools([tools::sleeps::TOOL]).start().await.unwrap();
    session.send("Go.").await.unwrap();
    fake.begin_turn(&session);
    fake.cli.event(session.id(), "model.call_start", json!({"turnId": "0", "model": "gpt-5"}));
    tools::begin_call(&fake, &session, "sleeps", "c", &json!({}));
    let _call = fake.cli.call_tool(session.id(), "sleeps", json!({})).call_id("c").start();
    settle().await;
    assert!(tree("closed").contains("execute_tool sleeps OPEN"), "{}", tree("closed"));
    session.close().await.unwrap();
    sleep(Duration::from_secs(2)).await;
    let tree = tree("closed");
    assert!(tree.contains("error.type = closed") && !tree.contains("OPEN"), "{tree}");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_the_cli_refuses_ends_its_turn_with_the_class_of_the_error() {
    install();
    let fake = Fake::start().await;
    fake.cli.on("session.send", |_, _| RpcError::new(-32603, "no"));
    let session = fake.session().id("refused").start().await.unwrap();
    session.send("Go.").await.unwrap_err();
    let tree = tree("refused");
    assert!(tree.contains("error.type = response") && !tree.contains("OPEN"), "{tree}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_before_the_message_is_accepted_ends_its_turn() {
    install();
    let fake = Fake::start().await;
    fake.cli.hold("session.send");
    let session = fake.session().id("abandoned").start().await.unwrap();
    tokio::select! {
        _ = session.send("Go.") => panic!("the request is held"),
        () = settle() => {}
    }
    let tree = tree("abandoned");
    assert!(tree.contains("error.type = dropped") && !tree.contains("OPEN"), "{tree}");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_fails_marks_its_turn() {
    let fake = fake().await;
    let session = fake.session().id("failed").start().await.unwrap();
    let turn = session.stream("Go.").await.unwrap();
    fake.begin_turn(&session);
    fake.cli.event(session.id(), "model.call_start", json!({"turnId": "0", "model": "gpt-5"}));
    fake.cli.event(session.id(), "model.call_failure", json!({"statusCode": 429, "source": "top_level"}));
    let error = json!({"errorType": "rate_limit", "message": "too many", "originatingMessageId": "m"});
    fake.cli.event(session.id(), "session.error", error);
    fake.cli.event(session.id(), "session.idle", json!({}));
    turn.reply().await.unwrap_err();
    let tree = tree("failed");
    assert!(
        tree.contains("  - error.type = rate_limit") && tree.contains("    - error.type = 429"),
        "{tree}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_ends_turns_and_its_end_and_the_restart_are_events() {
    let fake = restarting().await;
    let session = fake.session().id("lost").with_tools([tools::sleeps::TOOL]).start().await.unwrap();
    let mut events = session.events();
    session.send("Go.").await.unwrap();
    fake.begin_turn(&session);
    tools::begin_call(&fake, &session, "sleeps", "c", &json!({}));
    let _call = fake.cli.call_tool(session.id(), "sleeps", json!({})).call_id("c").start();
    settle().await;
    fake.cli.hang_up();
    next_event(&mut events, |kind| matches!(kind, EventKind::Disconnected(_))).await;
    // Before the restart, which may fail.
    let interrupted = tree("lost");
    assert!(interrupted.contains("  - error.type = disconnected"), "{interrupted}");
    next_restart(&mut events).await;
    sleep(Duration::from_secs(2)).await;
    let tree = tree("lost");
    assert!(tree.contains("* disconnected error.type=disconnected"), "{tree}");
    assert!(tree.contains("  - error.type = disconnected") && !tree.contains("OPEN"), "{tree}");
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_continues_after_a_restart_stays_open() {
    let fake = restarting().await;
    fake.cli.on("session.tools.listPendingRequests", |_, _| {
        json!({"items": [{"requestId": "r", "toolCallId": "c", "toolName": "queues", "arguments": {}}]})
    });
    fake.cli.on("session.permissions.pendingRequests", |_, _| json!({"items": []}));
    let session = fake.session().id("continued").with_tools([tools::queues::TOOL]);
    let session = session.resume_options(Resume::new().continue_pending_work(true)).start().await.unwrap();
    let mut events = session.events();
    session.send("Go.").await.unwrap();
    fake.begin_turn(&session);
    tools::begin_call(&fake, &session, "queues", "c", &json!({}));
    let _call = fake.cli.call_tool(session.id(), "queues", json!({})).call_id("c").request_id("r").start();
    settle().await;
    fake.cli.hang_up();
    next_restart(&mut events).await;
    let restarted = tree("continued");
    assert!(restarted.starts_with("invoke_agent copilot OPEN\n"), "{restarted}");
    assert!(restarted.contains("  * disconnected error.type=disconnected\n  * restarted\n"), "{restarted}");
    sleep(Duration::from_secs(5)).await;
    model_call(&fake, &session, None, "gpt-5", 1);
    finish(&fake, &session);
    settle().await;
    let tree = tree("continued");
    assert!(!tree.contains("OPEN") && !tree.contains("- error.type"), "{tree}");
}

/// Records the contexts, and gives spans a context with their names.
struct Recorded(Arc<Mutex<Vec<(String, TraceContext)>>>);

impl Propagation for Recorded {
    fn inject(&self, span: &Span) -> Option<TraceContext> {
        Some(TraceContext::new(span.metadata()?.name()).tracestate("a=1"))
    }

    fn extract(&self, span: &Span, parent: &TraceContext) {
        let name = span.metadata().map_or("", |metadata| metadata.name()).to_owned();
        self.0.lock().unwrap().push((name, parent.clone()));
    }
}

#[tokio::test(start_paused = true)]
async fn contexts_go_to_the_cli_with_messages_and_come_with_calls_and_hooks() {
    install();
    let extracted = Arc::default();
    let tracing = Tracing::new().propagation(Recorded(Arc::clone(&extracted))).cli_spans(true);
    let fake = Fake::start_with(|client| client.tracing(tracing)).await;
    fake.cli.on("session.send", |_, _| json!({"messageId": "m"}));
    let hooks =
        copilot::hooks::Hooks::new().on_post_tool_use(async |_, _| copilot::hooks::PostToolUse::pass());
    let session =
        fake.session().id("contexts").with_tools([tools::finds::TOOL]).hooks(hooks).start().await.unwrap();
    session.send("Go.").await.unwrap();
    session.send("Go.").trace_context(TraceContext::new("mine")).await.unwrap();
    let sent = fake.cli.requests("session.send");
    assert_eq!((&sent[0]["traceparent"], &sent[0]["tracestate"]), (&json!("invoke_agent"), &json!("a=1")));
    assert_eq!((&sent[1]["traceparent"], sent[1].get("tracestate")), (&json!("mine"), None));
    fake.begin_turn(&session);
    model_call(&fake, &session, None, "gpt-5", 1);
    tools::begin_call(&fake, &session, "finds", "c", &json!({"what": "it"}));
    let call = fake.cli.call_tool(session.id(), "finds", json!({"what": "it"})).call_id("c");
    call.with("traceparent", json!("of the call")).with("tracestate", json!("b=2")).await;
    let input = json!({"toolName": "finds", "toolArgs": {}, "toolCallId": "c", "traceparent": "of the hook",
        "toolResult": {"textResultForLlm": "", "resultType": "success"}});
    let hook = json!({"sessionId": "contexts", "hookType": "postToolUse", "input": input});
    fake.cli.request("hooks.invoke", hook).await.unwrap();
    tools::begin_call(&fake, &session, "bash", "c-bash", &json!({}));
    tools::end_call(&fake, &session, "c-bash", None);
    finish(&fake, &session);
    settle().await;
    let expected = [
        ("execute_tool".to_owned(), TraceContext::new("of the call").tracestate("b=2")),
        ("handler".to_owned(), TraceContext::new("of the hook")),
    ];
    assert_eq!(*extracted.lock().unwrap(), expected);
    // The CLI has the spans of its model requests and its tools.
    let tree = tree("contexts");
    assert!(
        !tree.contains("chat") && !tree.contains("bash") && tree.contains("execute_tool finds\n"),
        "{tree}"
    );
    // Without the option, they are those of the library.
    assert!(tree.contains("copilot.model_requests = 1"), "{tree}");
    session.close().await.unwrap();
}
