//! Hooks, questions, forms, commands and permissions that the program answers, on every generation of the real CLI.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use std::sync::{Arc, Mutex};

use copilot::AgentMode;
use copilot::elicitation::ElicitationResponse;
use copilot::hooks::{Hooks, PostToolUse, PreToolUse, UserPromptSubmitted};
use copilot::modes::{ExitPlanModeResponse, PlanAction};
use copilot::testing::Script;
use copilot::user_input::UserInputResponse;
use copilot_tests::real::Real;
use copilot_tests::tested;
use serde_json::json;

use super::basics::add;

#[tokio::test]
async fn hooks_see_and_change_a_tool_call() {
    let script = Script::new()
        .call("add", json!({"a": 1, "b": 2}))
        .expect_tool_result("add", |text| {
            text == if tested::since([1, 0, 57]) { "30, says the hook" } else { "30" }
        })
        .call("add", json!({"a": 0, "b": 0}))
        .expect_tool_result("add", |text| text.contains("nothing to add"))
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let started = real
        .session()
        .with_tools([add::TOOL])
        .hooks(Hooks::new().on_pre_tool_use({
            let seen = Arc::clone(&seen);
            move |step, _| {
                seen.lock().unwrap().push(step.tool_args.clone());
                async move {
                    match step.tool_args["a"].as_i64() {
                        Some(0) => PreToolUse::deny("nothing to add"),
                        _ => PreToolUse::modify(json!({"a": 10, "b": 20})),
                    }
                }
            }
        }))
        .hooks(Hooks::new().on_post_tool_use(|step, _| async move {
            PostToolUse::replace(format!("{}, says the hook", step.tool_result.text_result_for_llm))
        }))
        .start()
        .await;
    let Some(session) = tested::unless_refused([0, 0, 394], started) else { return real.leave().await };
    assert_eq!(session.ask("Add one and two.").await.unwrap().text(), "Done.");
    assert_eq!(*seen.lock().unwrap(), [json!({"a": 1, "b": 2}), json!({"a": 0, "b": 0})]);
    real.finish().await;
}

#[tokio::test]
async fn a_hook_changes_a_message() {
    let script = Script::new().expect_prompt(|prompt| prompt.contains("two, please")).say("Done.");
    let real = Real::over_stdio(script).await;
    let started = real
        .session()
        .hooks(Hooks::new().on_user_prompt_submitted(|said, _| async move {
            UserPromptSubmitted::replace(said.prompt.replace("two", "two, please"))
        }))
        .start()
        .await;
    let Some(session) = tested::unless_refused([0, 0, 394], started) else { return real.leave().await };
    assert_eq!(session.ask("Add one and two.").await.unwrap().text(), "Done.");
    real.finish().await;
}

#[tokio::test]
async fn the_agent_asks_the_user() {
    let script = Script::new()
        .call("ask_user", json!({"question": "Which colour?", "choices": ["red", "blue"]}))
        .expect_tool_result("ask_user", |text| text.contains("blue"))
        .say("Blue, then.");
    let real = Real::over_stdio(script).await;
    let session = real.session().on_user_input(|asked| async move {
        UserInputResponse::from(asked.choices.last().cloned().unwrap_or_default())
    });
    let started = session.start().await;
    let Some(session) = tested::unless_refused([0, 0, 394], started) else { return real.leave().await };
    assert_eq!(session.ask("Paint it.").await.unwrap().text(), "Blue, then.");
    real.finish().await;
}

#[tokio::test]
async fn a_dismissed_question_lets_the_agent_continue() {
    let script = Script::new()
        .call("ask_user", json!({"question": "Which colour?"}))
        .expect_tool_result("ask_user", |text| !text.contains("undefined"))
        .say("Any, then.");
    let real = Real::over_stdio(script).await;
    let session = real.session().on_user_input(|_| async { UserInputResponse::dismissed() });
    let Some(session) = tested::unless_refused([0, 0, 394], session.start().await) else {
        return real.leave().await;
    };
    assert_eq!(session.ask("Paint it.").await.unwrap().text(), "Any, then.");
    real.finish().await;
}

#[tokio::test]
async fn the_program_shows_forms() {
    let real = Real::over_stdio(Script::new()).await;
    let started = real
        .session()
        .on_elicitation(|_| async { ElicitationResponse::accept(json!({"confirmed": true})) })
        .start()
        .await;
    let Some(session) = tested::unless_refused([1, 0, 10], started) else { return real.leave().await };
    assert!(session.ui().is_available());
    assert!(session.ui().confirm("Sure?").await.unwrap());
    real.finish().await;
}

#[tokio::test]
async fn the_program_looks_at_a_plan() {
    let plan = || json!({"summary": "Do it.", "recommendedAction": "interactive"});
    let script = Script::new()
        .call("exit_plan_mode", plan())
        .expect_tool_result("exit_plan_mode", |text| text.contains("write it down first"))
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let session = real.session().on_exit_plan_mode(|plan| async move {
        assert_eq!(plan.recommended_action, PlanAction::Interactive);
        ExitPlanModeResponse::reject("write it down first")
    });
    let started = session.start().await;
    let Some(session) = tested::unless_refused([0, 0, 403], started) else { return real.leave().await };
    assert_eq!(session.ask("Plan it.").mode(AgentMode::Plan).await.unwrap().text(), "Done.");
    real.finish().await;
}

#[tokio::test]
async fn slash_commands_of_the_program_are_used() {
    let real = Real::over_stdio(Script::new()).await;
    let session = real.session().command("deploy", "Deploys to a stage", |used| async move {
        if used.args == "to mars" { Ok(()) } else { Err("say where") }
    });
    let started = session.start().await;
    let Some(session) = tested::unless_refused([1, 0, 32], started) else { return real.leave().await };
    let commands = session.commands();
    assert!(commands.list().await.unwrap().iter().any(|command| command.name == "deploy"));
    assert_eq!(commands.invoke("deploy", "to mars").await.unwrap().kind, "completed");
    real.finish().await;
}

#[tokio::test]
async fn an_approval_for_the_session_is_asked_for_once() {
    let bash = || json!({"command": "echo hello", "description": "x"});
    let script = Script::new()
        .call("bash", bash())
        .expect_tool_result("bash", |text| text.starts_with("hello"))
        .call("bash", bash())
        .expect_tool_result("bash", |text| text.starts_with("hello"))
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let asked = Arc::new(Mutex::new(0));
    let session = real.session().on_permission({
        let asked = Arc::clone(&asked);
        move |request| {
            *asked.lock().unwrap() += 1;
            async move { request.approve_for_session() }
        }
    });
    session.start().await.unwrap().ask("Greet twice.").await.unwrap();
    // CLIs before 1.0.57 take it as an approval for once and ask again; the library remembers it.
    assert_eq!(*asked.lock().unwrap(), 1);
    real.finish().await;
}
