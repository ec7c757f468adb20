//! The real CLI asks, and handlers of the program answer.

use std::sync::{Arc, Mutex};

use copilot::hooks::{
    AgentStop, PostToolUse, PreToolUse, SessionEnd, SessionEndReason, SessionSource, SessionStart,
    UserPromptSubmitted,
};
use copilot::testing::Script;
use copilot::{EventKind, EventStream, State, TransportKind};
use copilot_tests::real::Real;
use serde_json::json;

/// Add two numbers.
#[copilot::tool(read_only)]
async fn add(
    /// The first.
    a: i64,
    /// The second.
    b: i64,
) -> i64 {
    a + b
}

async fn real(script: Script) -> Real {
    Real::start(TransportKind::Stdio, script).await
}

/// What handlers saw, in order.
type Seen = Arc<Mutex<Vec<String>>>;

fn note(seen: &State<Seen>, what: impl Into<String>) {
    seen.lock().unwrap().push(what.into());
}

/// The handlers that failed, once the session is closed.
async fn failures(events: &mut EventStream) -> Vec<&'static str> {
    let mut failed = Vec::new();
    while let Some(event) = events.next().await {
        if let EventKind::HandlerFailed(failure) = event.kind() {
            failed.push(failure.handler);
        }
    }
    failed
}

#[tokio::test]
async fn hooks_have_a_say_at_every_step() {
    let script = Script::new()
        .expect_prompt(|prompt| prompt.contains("Add one and two, please."))
        .call("add", json!({"a": 1, "b": 2}))
        .expect_tool_result("add", |text| text == "30, says the hook")
        .call("add", json!({"a": 0, "b": 0}))
        .expect_tool_result("add", |text| text.contains("nothing to add"))
        .say("Done.")
        .expect_prompt(|prompt| prompt.contains("Say it again."))
        .say("Done again.");
    let real = real(script).await;
    let seen = Seen::default();
    let session = real
        .session()
        .with_tools([add::TOOL])
        .state(Arc::clone(&seen))
        .on_session_start(|start, cx| async move {
            assert_eq!(start.source, SessionSource::New);
            note(&cx.state().unwrap(), "start");
            SessionStart::pass()
        })
        .on_user_prompt_submitted(|said, _| async move {
            UserPromptSubmitted::replace(said.prompt.replace("two.", "two, please."))
        })
        .on_pre_tool_use(|step, cx| async move {
            assert!(cx.timestamp().unwrap() > 1e12 && cx.cwd().is_some());
            note(&cx.state().unwrap(), format!("pre {}", step.tool_args));
            match step.tool_args["a"].as_i64() {
                Some(0) => PreToolUse::deny("nothing to add"),
                _ => PreToolUse::modify(json!({"a": 10, "b": 20})).additional_context("beware"),
            }
        })
        .on_post_tool_use(|step, cx| async move {
            note(&cx.state().unwrap(), format!("post {}", step.tool_args));
            PostToolUse::replace(format!("{}, says the hook", step.tool_result.text_result_for_llm))
        })
        .on_agent_stop(|stop, cx| async move {
            note(&cx.state().unwrap(), format!("stop {}", stop.stop_hook_active));
            if stop.stop_hook_active { AgentStop::pass() } else { AgentStop::block("Say it again.") }
        })
        .on_session_end(|end, cx| async move {
            assert_eq!(end.reason, SessionEndReason::UserExit);
            note(&cx.state().unwrap(), "end");
            SessionEnd::pass()
        })
        .start()
        .await
        .unwrap();
    let mut events = session.events();
    session.send("Add one and two.").await.unwrap();
    let mut said_again = false;
    while let Some(event) = events.next().await {
        match event.kind() {
            EventKind::AssistantMessage(message) => said_again = message.content == "Done again.",
            EventKind::SessionIdle(_) if said_again => break,
            _ => {}
        }
    }
    session.close().await.unwrap();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!(
        seen,
        [
            "start",
            r#"pre {"a":1,"b":2}"#,
            r#"post {"a":10,"b":20}"#,
            r#"pre {"a":0,"b":0}"#,
            "stop false",
            "stop true",
            "end"
        ]
    );
    real.finish().await;
}

#[tokio::test]
async fn a_hook_that_fails_has_no_opinion_and_is_reported() {
    let script = Script::new()
        .call("add", json!({"a": 1, "b": 2}))
        .expect_tool_result("add", |text| text == "3")
        .say("Done.");
    let real = real(script).await;
    let session = real
        .session()
        .with_tools([add::TOOL])
        .on_pre_tool_use(|_, _| async { Err::<PreToolUse, _>("no idea") })
        .on_post_tool_use(|_, _| async { panic!("the hook is broken") as PostToolUse });
    let session = session.start().await.unwrap();
    let mut events = session.events();
    session.ask("Add one and two.").await.unwrap();
    session.close().await.unwrap();
    assert_eq!(failures(&mut events).await, ["on_pre_tool_use", "on_post_tool_use"]);
    real.finish().await;
}

#[tokio::test]
async fn a_hook_can_block_a_message() {
    let real = real(Script::new()).await;
    let session = real
        .session()
        .on_user_prompt_submitted(|_, _| async { UserPromptSubmitted::block("not in this house") });
    let session = session.start().await.unwrap();
    let mut events = session.events();
    session.send("Swear.").await.unwrap();
    loop {
        let event = events.next().await.expect("the warning comes before the end");
        if let EventKind::SessionWarning(warning) = event.kind() {
            assert_eq!(warning.message, "not in this house");
            break;
        }
    }
    real.finish().await;
}
