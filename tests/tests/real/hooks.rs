//! Hooks that only the real CLI can bring to run: failures, sub-agents, and what it makes of a prompt.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::sync::{Arc, Mutex};

use copilot::agents::CustomAgent;
use copilot::hooks::{
    ErrorOccurred, Hooks, PostToolUseFailure, SubagentStart, SubagentStop, UserPromptTransformed,
};
use copilot::testing::Script;
use copilot::{EventKind, State, ToolError};
use copilot_tests::real::Real;
use serde_json::json;

/// What hooks saw, in order.
type Seen = Arc<Mutex<Vec<String>>>;

fn note(seen: &State<Seen>, what: impl Into<String>) {
    seen.lock().unwrap().push(what.into());
}

/// Fails, and says so.
#[copilot::tool]
async fn fail() -> Result<(), ToolError> {
    Err(ToolError::tell("the disk is full"))
}

#[tokio::test]
async fn a_hook_adds_to_a_failure() {
    let script = Script::new()
        .call("fail", json!({}))
        .expect("the hook's words", |request| request.raw().to_string().contains("try the other disk"))
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let seen = Seen::default();
    let session = real.session().with_tools([fail::TOOL]).state(Arc::clone(&seen)).hooks(
        Hooks::new().on_post_tool_use_failure(|failed, cx| async move {
            note(
                &cx.state().unwrap(),
                format!("{} {}", failed.tool_name, failed.error.contains("disk is full")),
            );
            PostToolUseFailure::pass().additional_context("try the other disk")
        }),
    );
    let session = session.start().await.unwrap();
    assert_eq!(session.ask("Write it.").await.unwrap().text(), "Done.");
    assert_eq!(*seen.lock().unwrap(), ["fail true"]);
    real.finish().await;
}

#[tokio::test]
async fn a_hook_hears_that_the_model_failed() {
    let real = Real::over_stdio(Script::new().fail(500, "the model is out of order")).await;
    let seen = Seen::default();
    let session = real.session().state(Arc::clone(&seen)).hooks(Hooks::new().on_error_occurred(
        |error, cx| async move {
            note(
                &cx.state().unwrap(),
                format!("{:?} {}", error.error_context, cx.raw().contains("out of order")),
            );
            ErrorOccurred::pass()
        },
    ));
    let session = session.start().await.unwrap();
    session.ask("Are you there?").await.unwrap_err();
    assert_eq!(*seen.lock().unwrap(), [r#"Some("model_call") true"#]);
    real.finish().await;
}

#[tokio::test]
async fn a_hook_changes_what_the_model_reads_of_a_prompt() {
    let script = Script::new().expect_prompt(|prompt| prompt.contains("Say it in French.")).say("Oui.");
    let real = Real::over_stdio(script).await;
    let session = real.session().hooks(Hooks::new().on_user_prompt_transformed(|prompt, _| async move {
        assert!(prompt.transformed_prompt.contains(&prompt.prompt) && prompt.prompt == "Say yes.");
        let more = format!("{} Say it in French.", prompt.transformed_prompt);
        UserPromptTransformed::replace(more)
    }));
    let session = session.start().await.unwrap();
    assert_eq!(session.ask("Say yes.").await.unwrap().text(), "Oui.");
    real.finish().await;
}

#[tokio::test]
async fn hooks_hear_of_a_sub_agent_and_change_its_answer() {
    let task = json!({"agent_type": "counter", "name": "count", "description": "Count", "prompt": "Count the sheep."});
    let main = Script::when("How many sheep?")
        .call("task", task)
        .expect_tool_result("task", |text| text.contains("a dozen, says the hook"))
        .say("A dozen.");
    let counter = Script::when("Count the sheep.")
        .expect("the hook's words", |request| request.raw().to_string().contains("Beware of wolves."))
        .say("Eleven.");
    let real = Real::over_stdio([main, counter]).await;
    let seen = Seen::default();
    let agent = CustomAgent::new("counter", "You count.").description("Counts sheep.");
    let session = real
        .session()
        .custom_agent(agent)
        .state(Arc::clone(&seen))
        .hooks(Hooks::new().on_subagent_start(|started, cx| async move {
            note(&cx.state().unwrap(), format!("start {}", started.agent_name));
            SubagentStart::pass().additional_context("Beware of wolves.")
        }))
        .hooks(Hooks::new().on_subagent_stop(|stopped, cx| async move {
            note(&cx.state().unwrap(), format!("stop {} {:?}", stopped.agent_name, stopped.response));
            SubagentStop::replace("a dozen, says the hook")
        }));
    let session = session.start().await.unwrap();
    let mut events = session.events();
    assert_eq!(session.ask("How many sheep?").await.unwrap().text(), "A dozen.");
    assert_eq!(*seen.lock().unwrap(), ["start counter", r#"stop counter Some("Eleven.")"#]);
    session.close().await.unwrap();
    let mut kinds = Vec::new();
    while let Some(event) = events.next().await {
        match event.kind() {
            EventKind::SubagentStarted(agent) => kinds.push(format!("started {}", agent.agent_name)),
            EventKind::SubagentCompleted(agent) => kinds.push(format!("completed {}", agent.agent_name)),
            _ => {}
        }
    }
    assert_eq!(kinds, ["started counter", "completed counter"]);
    real.finish().await;
}
