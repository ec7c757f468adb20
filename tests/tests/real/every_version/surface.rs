//! What a session can do beside tools, on the real CLI of every generation: each version does it, or says that it
//! cannot.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use std::sync::{Arc, Mutex};

use copilot::agents::CustomAgent;
use copilot::attachments::{GithubReferenceKind, GithubRepo, Position};
use copilot::elicitation::ElicitationResponse;
use copilot::hooks::{Hooks, PostToolUse, PreToolUse, UserPromptSubmitted};
use copilot::log::{LogKind, LogOptions};
use copilot::mcp::{Mcp, McpServer, StdioServer};
use copilot::memory::{InfiniteSessions, Storage};
use copilot::modes::{ExitPlanModeResponse, PlanAction};
use copilot::providers::{Provider, ProviderModel, Providers};
use copilot::skills::Skills;
use copilot::system_message::{Section, SystemMessage};
use copilot::testing::{RecordedRequest, Script};
use copilot::tool_filter::{LargeOutput, ToolFilter, ToolOptions};
use copilot::user_input::UserInputResponse;
use copilot::{AgentMode, Attachment, EventKind, Message, PermissionKind, Permissions, Session};
use copilot_tests::files::{RED_DOT_PNG, write_skills};
use copilot_tests::real::Real;
use copilot_tests::tested;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::basics::add;

use crate::session_config::long;

fn system_has(text: &'static str) -> impl Fn(&RecordedRequest) -> bool + Send + Sync + 'static {
    move |request| request.system().is_some_and(|system| system.contains(text))
}

#[tokio::test]
async fn a_system_message_is_appended() {
    let real =
        Real::over_stdio(Script::new().expect("the addition", system_has("Speak Latin.")).say("Salve."))
            .await;
    let session = real.session().system_message(SystemMessage::append("Speak Latin.")).start().await.unwrap();
    assert_eq!(session.ask("Hello.").await.unwrap().text(), "Salve.");
    real.finish().await;
}

#[tokio::test]
async fn a_system_message_is_replaced() {
    let whole = |request: &RecordedRequest| {
        request.system().is_some_and(|text| text.contains("Speak Latin.") && !text.contains("Copilot CLI"))
    };
    let real = Real::over_stdio(Script::new().expect("only these instructions", whole).say("Salve.")).await;
    let session =
        real.session().system_message(SystemMessage::replace("Speak Latin.")).start().await.unwrap();
    assert_eq!(session.ask("Hello.").await.unwrap().text(), "Salve.");
    real.finish().await;
}

#[tokio::test]
async fn a_section_of_the_system_message_is_replaced() {
    let real =
        Real::over_stdio(Script::new().expect("the section", system_has("SPEAK SOFTLY")).say("Salve.")).await;
    let message = SystemMessage::customize().replace(Section::Tone, "SPEAK SOFTLY");
    let started = real.session().system_message(message).start().await;
    let Some(session) = tested::unless_refused([0, 0, 423], started) else { return real.leave().await };
    assert_eq!(session.ask("Hello.").await.unwrap().text(), "Salve.");
    real.finish().await;
}

#[tokio::test]
async fn a_section_of_the_system_message_is_transformed() {
    let real =
        Real::over_stdio(Script::new().expect("the section", system_has("TONE: ")).say("Salve.")).await;
    let message =
        SystemMessage::customize().transform(Section::Tone, |text| async move { format!("TONE: {text}") });
    let started = real.session().system_message(message).start().await;
    let Some(session) = tested::unless_refused([0, 0, 423], started) else { return real.leave().await };
    assert_eq!(session.ask("Hello.").await.unwrap().text(), "Salve.");
    real.finish().await;
}

#[tokio::test]
async fn tools_are_excluded_and_chosen_by_name() {
    let real = Real::over_stdio(
        Script::new()
            .expect("all but these", |request| {
                let names = request.tool_names();
                names.contains(&"add") && !names.contains(&"long") && !names.contains(&"bash")
            })
            .say("Fewer."),
    )
    .await;
    let session = real.session().with_tools([add::TOOL, long::TOOL]).excluded_tools(["bash", "long"]);
    assert_eq!(session.start().await.unwrap().ask("Which?").await.unwrap().text(), "Fewer.");
    real.finish().await;
}

#[tokio::test]
async fn only_chosen_tools_are_offered() {
    let real = Real::over_stdio(
        Script::new()
            .expect("these", |request| {
                let mut names = request.tool_names();
                names.sort_unstable();
                names == ["add", "view"]
            })
            .say("Two."),
    )
    .await;
    let session = real.session().with_tools([add::TOOL, long::TOOL]).available_tools(["add", "view"]);
    assert_eq!(session.start().await.unwrap().ask("Which?").await.unwrap().text(), "Two.");
    real.finish().await;
}

#[tokio::test]
async fn tools_are_chosen_by_source() {
    let real = Real::over_stdio(
        Script::new()
            .expect("these", |request| {
                let mut names = request.tool_names();
                names.sort_unstable();
                names == ["add", "long", "view"]
            })
            .say("Three."),
    )
    .await;
    let session = real
        .session()
        .with_tools([add::TOOL, long::TOOL])
        .available_tools([ToolFilter::all_custom(), ToolFilter::builtin("view")]);
    let Some(session) = tested::unless_refused([1, 0, 32], session.start().await) else {
        return real.leave().await;
    };
    assert_eq!(session.ask("Which?").await.unwrap().text(), "Three.");
    real.finish().await;
}

async fn greet_through(server: StdioServer, greeting: &'static str) -> (Real, copilot::Result<Session>) {
    let script = Script::new()
        .call("echo-say", json!({"text": "there"}))
        .expect_tool_result("echo-say", move |text| text.contains(greeting))
        .say("It greets.");
    let real = Real::over_stdio(script).await;
    let permissions = Permissions::deny_all().allow(PermissionKind::Mcp);
    let started = real.session().mcp_server("echo", server).permissions(permissions).start().await;
    (real, started)
}

#[tokio::test]
async fn an_mcp_server_over_pipes_gives_its_tools() {
    let server = McpServer::stdio(env!("CARGO_BIN_EXE_mcp-echo"));
    let (real, session) = greet_through(server, "there").await;
    assert_eq!(session.unwrap().ask("Greet.").await.unwrap().text(), "It greets.");
    real.finish().await;
}

#[tokio::test]
async fn an_mcp_server_over_pipes_has_variables() {
    let server = McpServer::stdio(env!("CARGO_BIN_EXE_mcp-echo")).env("GREETING", "hello ");
    let (real, started) = greet_through(server, "hello there").await;
    let Some(session) = tested::unless_refused([0, 0, 403], started) else { return real.leave().await };
    assert_eq!(session.ask("Greet.").await.unwrap().text(), "It greets.");
    real.finish().await;
}

#[tokio::test]
async fn the_agent_hands_work_to_a_custom_agent() {
    let script = Script::new()
        .expect("the agent is offered", |request| request.raw().to_string().contains("A poet of Rome."))
        .say("Salve.");
    let real = Real::over_stdio(script).await;
    let agent = CustomAgent::new("latin", "You only speak Latin.").description("A poet of Rome.");
    let session = real.session().custom_agent(agent).start().await.unwrap();
    assert_eq!(session.ask("Hello.").await.unwrap().text(), "Salve.");
    real.finish().await;
}

#[tokio::test]
async fn a_session_starts_as_a_custom_agent() {
    let real = Real::over_stdio(
        Script::new().expect("its instructions", system_has("You only speak Latin.")).say("Salve."),
    )
    .await;
    let agent = CustomAgent::new("latin", "You only speak Latin.");
    let started = real.session().custom_agent(agent).agent("latin").start().await;
    let Some(session) = tested::unless_refused([1, 0, 57], started) else { return real.leave().await };
    assert_eq!(session.ask("Hello.").await.unwrap().text(), "Salve.");
    real.finish().await;
}

#[tokio::test]
async fn skills_come_from_directories() {
    let script = Script::new()
        .expect("one of the skills", |request| {
            let request = request.raw().to_string();
            request.contains("How juggling goes.") && !request.contains("How whistling goes.")
        })
        .say("One.");
    let real = Real::over_stdio(script).await;
    let skills = real.state.path().join("skills");
    write_skills(&skills, &["juggling", "whistling"]);
    let session = real
        .session()
        .skills(Skills::new().directories([skills.to_str().unwrap()]))
        .skills(Skills::new().disabled(["whistling"]))
        .start()
        .await
        .unwrap();
    assert_eq!(session.ask("Which?").await.unwrap().text(), "One.");
    real.finish().await;
}

#[tokio::test]
async fn infinite_sessions_have_a_directory_unless_disabled() {
    let real = Real::over_stdio(Script::new()).await;
    let workspace = async |settings: InfiniteSessions| {
        let session = real.session().infinite_sessions(settings).start().await.unwrap();
        session.workspace_path().map(str::to_owned)
    };
    let thresholds =
        InfiniteSessions::new().background_compaction_threshold(0.5).buffer_exhaustion_threshold(0.9);
    assert!(workspace(InfiniteSessions::new()).await.is_some());
    assert!(workspace(thresholds).await.is_some());
    assert_eq!(workspace(InfiniteSessions::disabled()).await, None);
    real.finish().await;
}

#[tokio::test]
async fn large_output_goes_to_a_file() {
    let script = Script::new()
        .call("long", json!({}))
        .expect_tool_result("long", |text| text.len() < 30_000)
        .say("Short.");
    let real = Real::over_stdio(script).await;
    let session = real.session().with_tools([long::TOOL]).start().await.unwrap();
    assert_eq!(session.ask("Keep it short.").await.unwrap().text(), "Short.");
    real.finish().await;
}

#[tokio::test]
async fn large_output_can_be_left_whole() {
    let script = Script::new()
        .call("long", json!({}))
        .expect_tool_result("long", |text| text.len() > 60_000)
        .say("Whole.");
    let real = Real::over_stdio(script).await;
    let session = real
        .session()
        .with_tools([long::TOOL])
        .tool_options(ToolOptions::new().large_output(LargeOutput::disabled()));
    let Some(session) = tested::unless_refused([1, 0, 57], session.start().await) else {
        return real.leave().await;
    };
    assert_eq!(session.ask("All of it.").await.unwrap().text(), "Whole.");
    real.finish().await;
}

#[tokio::test]
async fn files_and_directories_are_attached() {
    let real = Real::over_stdio(Script::new().say("Seen.").say("Again.")).await;
    let file = real.state.path().join("notes.txt");
    std::fs::write(&file, "one\ntwo\nthree\n").unwrap();
    let message = Message::new("Look.")
        .attach(Attachment::file(file.to_str().unwrap()))
        .attach(Attachment::directory(real.state.path().to_str().unwrap()));
    let session = real.session().start().await.unwrap();
    assert_eq!(session.ask(message).await.unwrap().text(), "Seen.");
    let prompt = real.model.request(0).await.raw().to_string();
    assert!(prompt.contains("notes.txt"), "{prompt}");
    let id = session.id().clone();
    session.close().await.unwrap();
    let resumed = real.client.resume(id).scripted_model(&real.model).start().await.unwrap();
    assert_eq!(resumed.ask("Once more.").await.unwrap().text(), "Again.");
    real.finish().await;
}

#[tokio::test]
async fn images_are_attached() {
    let real = Real::over_stdio(Script::new().say("Red.")).await;
    let message = Message::new("Which colour?")
        .attach(Attachment::blob(RED_DOT_PNG, "image/png").display_name("dot.png"));
    let session = real.session().start().await.unwrap();
    let Some(reply) = tested::unless_refused([0, 0, 423], session.ask(message).await) else {
        return real.leave().await;
    };
    assert_eq!(reply.text(), "Red.");
    let prompt = real.model.request(0).await.raw().to_string();
    assert!(prompt.contains("dot.png") || prompt.contains("image/png"), "{prompt}");
    real.finish().await;
}

#[tokio::test]
async fn references_to_github_are_attached() {
    let real = Real::over_stdio(Script::new().say("Mend it.")).await;
    let issue = Attachment::github(
        GithubReferenceKind::Issue,
        &GithubRepo::new("octo", "cat"),
        42,
        "It breaks",
        "open",
    );
    let session = real.session().start().await.unwrap();
    let Some(reply) = tested::unless_refused([0, 0, 423], session.ask("Why?").attach(issue).await) else {
        return real.leave().await;
    };
    assert_eq!(reply.text(), "Mend it.");
    let prompt = real.model.request(0).await.raw().to_string();
    assert!(prompt.contains("It breaks"), "{prompt}");
    real.finish().await;
}

#[tokio::test]
async fn a_selection_is_attached() {
    let real = Real::over_stdio(Script::new().say("Two.")).await;
    let file = real.state.path().join("notes.txt");
    std::fs::write(&file, "one\ntwo\nthree\n").unwrap();
    let selection = Attachment::selection(
        file.to_str().unwrap(),
        "two",
        Position { line: 1, character: 0 },
        Position { line: 1, character: 3 },
    );
    let session = real.session().start().await.unwrap();
    let asked = session.ask("Which?").attach(selection).await;
    let Some(reply) = tested::unless_refused([0, 0, 423], asked) else { return real.leave().await };
    assert_eq!(reply.text(), "Two.");
    let prompt = real.model.request(0).await.raw().to_string();
    assert!(prompt.contains("notes.txt"), "{prompt}");
    real.finish().await;
}

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
async fn a_question_that_nobody_answers_leaves_the_agent_to_itself() {
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
    if tested::since([1, 0, 57]) {
        assert_eq!(*asked.lock().unwrap(), 1);
    } else {
        assert_eq!(*asked.lock().unwrap(), 2);
        tested::not_supported("it takes an approval for the session as one for once");
    }
    real.finish().await;
}

#[tokio::test]
async fn the_model_is_changed() {
    let script = Script::new().expect("the other model", |request| request.model() == "other").say("Other.");
    let real = Real::over_stdio(script).await;
    let session = real.session().start().await.unwrap();
    let outcome = session.set_model("other").await;
    if tested::unless_refused([0, 0, 403], outcome).is_none() {
        return real.leave().await;
    }
    assert_eq!(session.current_model().await.unwrap().model_id.as_deref(), Some("other"));
    assert_eq!(session.ask("Who are you?").await.unwrap().text(), "Other.");
    real.finish().await;
}

#[tokio::test]
async fn the_mode_is_changed() {
    let real = Real::over_stdio(Script::new()).await;
    let session = real.session().start().await.unwrap();
    let Some(mode) = tested::unless_refused([0, 0, 403], session.mode().await) else {
        return real.leave().await;
    };
    assert_eq!(mode, AgentMode::Interactive);
    session.set_mode(AgentMode::Plan).await.unwrap();
    assert_eq!(session.mode().await.unwrap(), AgentMode::Plan);
    real.finish().await;
}

#[tokio::test]
async fn the_plan_is_written_and_read() {
    let real = Real::over_stdio(Script::new()).await;
    let session = real.session().start().await.unwrap();
    let Some(plan) = tested::unless_refused([0, 0, 403], session.plan().read().await) else {
        return real.leave().await;
    };
    assert!(!plan.exists);
    session.plan().write("# First this\n").await.unwrap();
    assert_eq!(session.plan().read().await.unwrap().content.as_deref(), Some("# First this\n"));
    real.finish().await;
}

#[tokio::test]
async fn a_session_has_a_name() {
    let real = Real::over_stdio(Script::new()).await;
    let session = real.session().start().await.unwrap();
    let outcome = session.set_name("mine").await;
    if tested::unless_refused([1, 0, 10], outcome).is_none() {
        return real.leave().await;
    }
    assert_eq!(session.name().await.unwrap().as_deref(), Some("mine"));
    real.finish().await;
}

#[tokio::test]
async fn a_log_line_is_an_event() {
    let real = Real::over_stdio(Script::new()).await;
    let session = real.session().start().await.unwrap();
    let mut events = session.events();
    let outcome = session.log("the index is old", LogOptions::new().level(LogKind::Warning)).await;
    if tested::unless_refused([0, 0, 423], outcome).is_none() {
        return real.leave().await;
    }
    loop {
        if let EventKind::SessionWarning(notice) = events.next().await.unwrap().kind() {
            assert_eq!(notice.message, "the index is old");
            break;
        }
    }
    real.finish().await;
}

#[tokio::test]
async fn a_conversation_is_summarised() {
    let real = Real::over_stdio(Script::new().say("One.").say("Two.").say("A summary of it all.")).await;
    let session = real.session().start().await.unwrap();
    session.ask("First.").await.unwrap();
    session.ask("Second.").await.unwrap();
    let compacted = session.history().compact(None).await;
    if tested::version() == Some("0.0.423") {
        assert!(compacted.unwrap_err().to_string().contains("Authentication required"));
        tested::not_supported("it summarises with a login only");
        return real.leave().await;
    }
    let Some(compaction) = tested::unless_refused([0, 0, 403], compacted) else { return real.leave().await };
    assert!(compaction.success);
    real.finish().await;
}

#[tokio::test]
async fn the_usage_is_told() {
    let real = Real::over_stdio(Script::new().say("One.")).await;
    let session = real.session().start().await.unwrap();
    session.ask("First.").await.unwrap();
    let Some(usage) = tested::unless_refused([1, 0, 10], session.usage().await) else {
        return real.leave().await;
    };
    assert_eq!(usage.total_user_requests, 1);
    real.finish().await;
}

#[tokio::test]
async fn a_session_has_files_of_its_own() {
    let real = Real::over_stdio(Script::new()).await;
    let session = real.session().start().await.unwrap();
    let outcome = session.workspace().write("notes/a.txt", "hello").await;
    if tested::unless_refused([0, 0, 403], outcome).is_none() {
        return real.leave().await;
    }
    assert_eq!(session.workspace().files().await.unwrap(), ["notes/a.txt"]);
    assert_eq!(session.workspace().read("notes/a.txt").await.unwrap(), "hello");
    real.finish().await;
}

#[tokio::test]
async fn tools_come_and_go() {
    let has = |name: &'static str| move |request: &RecordedRequest| request.tool_names().contains(&name);
    let script = Script::new().expect("one", has("add")).say("One.").expect("both", has("long")).say("Both.");
    let real = Real::over_stdio(script).await;
    let session = real.session().with_tools([add::TOOL]).start().await.unwrap();
    assert_eq!(session.ask("1").await.unwrap().text(), "One.");
    if tested::unless_refused([1, 0, 57], session.tools().add([long::TOOL]).await).is_none() {
        return real.leave().await;
    }
    assert_eq!(session.ask("2").await.unwrap().text(), "Both.");
    real.finish().await;
}

/// How a review went.
#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Verdict {
    /// Whether it can be merged.
    approved: bool,
}

#[tokio::test]
async fn an_answer_has_the_type_that_was_asked_for() {
    let script = Script::new().say(r#"{"approved": false}"#);
    let real = Real::over_stdio(script).await;
    let session = real.session().start().await.unwrap();
    let verdict: Verdict = session.ask_as("Review.").await.unwrap();
    assert_eq!(verdict, Verdict { approved: false });
    let request = real.model.request(0).await;
    if tested::since([1, 0, 92]) {
        assert_eq!(request.raw()["response_format"]["type"], "json_schema");
    } else {
        assert!(request.raw().to_string().contains("fits this JSON schema"), "{request:?}");
    }
    real.finish().await;
}

#[tokio::test]
async fn sessions_are_listed_and_deleted() {
    let real = Real::over_stdio(Script::new().say("Hello.")).await;
    let session = real.session().start().await.unwrap();
    session.ask("Hello?").await.unwrap();
    let id = session.id().clone();
    session.close().await.unwrap();
    let listed = real.client.list_sessions(None).await.unwrap();
    assert_eq!(listed.iter().map(|info| &info.session_id).collect::<Vec<_>>(), [&id]);
    assert_eq!(real.client.last_session_id().await.unwrap(), Some(id.clone()));
    real.client.delete_session(&id).await.unwrap();
    assert_eq!(real.client.list_sessions(None).await.unwrap(), []);
    real.finish().await;
}

#[tokio::test]
async fn one_session_is_looked_up() {
    let real = Real::over_stdio(Script::new().say("Hello.")).await;
    let session = real.session().start().await.unwrap();
    session.ask("Hello?").await.unwrap();
    session.close().await.unwrap();
    let found = real.client.session_info(session.id()).await.unwrap().unwrap();
    assert_eq!(&found.session_id, session.id());
    assert_eq!(real.client.session_info(&"unknown".into()).await.unwrap(), None);
    real.finish().await;
}

#[tokio::test]
async fn a_client_knows_itself_and_its_user() {
    let real = Real::over_stdio(Script::new()).await;
    let status = real.client.status().await.unwrap();
    assert!((2..=3).contains(&status.protocol_version));
    assert!(!real.client.auth_status().await.unwrap().is_authenticated);
    assert!(real.client.models().await.unwrap_err().to_string().contains("Not authenticated"));
    real.finish().await;
}

#[tokio::test]
async fn several_providers_have_models_of_their_own() {
    let script = Script::new().expect("its name there", |request| request.model() == "big-2025").say("Big.");
    let real = Real::over_stdio(script).await;
    let started = real
        .client
        .session()
        .providers(
            Providers::new()
                .provider("here", real.model.provider())
                .model(ProviderModel::new("here", "big").wire_model("big-2025")),
        )
        .model("here/big")
        .start()
        .await;
    let Some(session) = tested::unless_refused([1, 0, 57], started) else { return real.leave().await };
    assert_eq!(session.ask("Who are you?").await.unwrap().text(), "Big.");
    real.finish().await;
}

#[tokio::test]
async fn the_program_gives_the_providers_token() {
    let script = Script::new()
        .expect("the token", |request| request.header("authorization") == Some("Bearer token-1"))
        .say("Hello.");
    let real = Real::over_stdio(script).await;
    let provider = Provider::openai(real.model.base_url())
        .bearer_token_from(|_| async { Ok::<_, String>("token-1".to_owned()) });
    let session = real.client.session().model(real.model.model_name()).provider(provider);
    let Some(session) = tested::unless_refused([1, 0, 57], session.start().await) else {
        return real.leave().await;
    };
    assert_eq!(session.ask("Hello?").await.unwrap().text(), "Hello.");
    real.finish().await;
}

#[tokio::test]
async fn a_provider_has_a_token_and_headers() {
    let script = Script::new()
        .expect("the token", |request| request.header("authorization") == Some("Bearer hush"))
        .say("Hello.");
    let real = Real::over_stdio(script).await;
    let provider = Provider::openai(real.model.base_url()).bearer_token("hush");
    let session = real.client.session().model(real.model.model_name()).provider(provider);
    assert_eq!(session.start().await.unwrap().ask("Hello?").await.unwrap().text(), "Hello.");
    real.finish().await;
}

#[tokio::test]
async fn headers_of_a_message_reach_the_model() {
    let script =
        Script::new().expect("the header", |request| request.header("x-ours") == Some("7")).say("Seen.");
    let real = Real::over_stdio(script).await;
    let session = real.session().start().await.unwrap();
    let message = Message::new("Look.").request_header("x-ours", "7");
    let Some(reply) = tested::unless_refused([1, 0, 10], session.ask(message).await) else {
        return real.leave().await;
    };
    assert_eq!(reply.text(), "Seen.");
    real.finish().await;
}

#[tokio::test]
async fn an_empty_session_gets_nothing_by_itself() {
    let script = Script::new()
        .expect("one tool", |request| request.tool_names() == ["add"])
        .expect("nothing of this machine", |request| {
            !request.system().unwrap_or_default().contains("never say never")
        })
        .say("Quiet.");
    let real = Real::over_stdio(script).await;
    std::fs::write(real.state.path().join("AGENTS.md"), "Rule one: never say never.\n").unwrap();
    let builder =
        real.session().isolated().with_tools([add::TOOL]).mcp(Mcp::new().token_storage(Storage::InMemory));
    let builder = builder.available_tools([ToolFilter::custom("add")]);
    let Some(session) = tested::unless_refused([1, 0, 32], builder.start().await) else {
        return real.leave().await;
    };
    assert_eq!(session.ask("Anything?").await.unwrap().text(), "Quiet.");
    real.finish().await;
}
