//! The real CLI asks, and handlers of the program answer.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use copilot::commands::CommandKind;
use copilot::elicitation::{ElicitationAction, ElicitationResponse};
use copilot::hooks::{
    AgentStop, Hooks, PostToolUse, PreToolUse, SessionEnd, SessionEndReason, SessionSource, SessionStart,
    UserPromptSubmitted,
};
use copilot::mcp::{Mcp, McpLoginReason, McpLoginResponse, McpServer};
use copilot::modes::{ExitPlanModeResponse, PlanAction};
use copilot::providers::Provider;
use copilot::system_message::{Section, SystemMessage};
use copilot::testing::Script;
use copilot::tokens::{GithubTokenResponse, TokenReason};
use copilot::unstable::{AskUserVariant, Unstable};
use copilot::user_input::UserInputResponse;
use copilot::{AgentMode, Decision, EventKind, State, ToolContext};
use copilot_tests::events::failed_handlers;
use copilot_tests::mcp::LoopbackMcp;
use copilot_tests::real::Real;
use serde_json::{Value, json};

/// Add two numbers.
#[copilot::tool(read_only)]
pub(crate) async fn add(
    /// The first.
    a: i64,
    /// The second.
    b: i64,
) -> i64 {
    a + b
}

/// Ask the user for a colour.
#[copilot::tool]
async fn ask(cx: &ToolContext) -> Result<String, String> {
    cx.ask_user("Which colour?", ["red", "blue"]).await.map_err(|error| error.to_string())
}

/// What handlers saw, in order.
type Seen = Arc<Mutex<Vec<String>>>;

fn note(seen: &State<Seen>, what: impl Into<String>) {
    seen.lock().unwrap().push(what.into());
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
    let real = Real::over_stdio(script).await;
    let seen = Seen::default();
    let session = real
        .session()
        .with_tools([add::TOOL])
        .state(Arc::clone(&seen))
        .hooks(Hooks::new().on_session_start(|start, cx| async move {
            assert_eq!(start.source, SessionSource::New);
            note(&cx.state().unwrap(), "start");
            SessionStart::pass()
        }))
        .hooks(Hooks::new().on_user_prompt_submitted(|said, _| async move {
            UserPromptSubmitted::replace(said.prompt.replace("two.", "two, please."))
        }))
        .hooks(Hooks::new().on_pre_tool_use(|step, cx| async move {
            assert!(cx.timestamp().unwrap() > 1e12 && cx.cwd().is_some());
            note(&cx.state().unwrap(), format!("pre {}", step.tool_args));
            match step.tool_args["a"].as_i64() {
                Some(0) => PreToolUse::deny("nothing to add"),
                _ => PreToolUse::modify(json!({"a": 10, "b": 20})).additional_context("beware"),
            }
        }))
        .hooks(Hooks::new().on_post_tool_use(|step, cx| async move {
            note(&cx.state().unwrap(), format!("post {}", step.tool_args));
            PostToolUse::replace(format!("{}, says the hook", step.tool_result.text_result_for_llm))
        }))
        .hooks(Hooks::new().on_agent_stop(|stop, cx| async move {
            note(&cx.state().unwrap(), format!("stop {}", stop.stop_hook_active));
            if stop.stop_hook_active { AgentStop::pass() } else { AgentStop::block("Say it again.") }
        }))
        .hooks(Hooks::new().on_session_end(|end, cx| async move {
            assert_eq!(end.reason, SessionEndReason::UserExit);
            note(&cx.state().unwrap(), "end");
            SessionEnd::pass()
        }))
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
async fn a_hook_that_fails_is_reported_and_denies_where_it_guards() {
    let script = |fits: fn(&str) -> bool| {
        Script::new().call("add", json!({"a": 1, "b": 2})).expect_tool_result("add", fits).say("Done.")
    };
    let real = Real::over_stdio([
        script(|text| text == "3"),
        script(|text| text.contains("guards this tool failed")),
    ])
    .await;
    let after = real
        .session()
        .with_tools([add::TOOL])
        .hooks(Hooks::new().on_post_tool_use(|_, _| async { panic!("the hook is broken") as PostToolUse }));
    let before = real
        .session()
        .with_tools([add::TOOL])
        .hooks(Hooks::new().on_pre_tool_use(|_, _| async { Err::<PreToolUse, _>("no idea") }));
    for (session, handler) in [(after, "on_post_tool_use"), (before, "on_pre_tool_use")] {
        let session = session.start().await.unwrap();
        let mut events = session.events();
        session.ask("Add one and two.").await.unwrap();
        session.close().await.unwrap();
        assert_eq!(failed_handlers(&mut events).await, [handler]);
    }
    real.finish().await;
}

#[tokio::test]
async fn a_hook_can_block_a_message() {
    let real = Real::over_stdio(Script::new()).await;
    let session = real.session().hooks(
        Hooks::new()
            .on_user_prompt_submitted(|_, _| async { UserPromptSubmitted::block("not in this house") }),
    );
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

#[tokio::test]
async fn the_agent_and_a_tool_ask_the_user() {
    let script = Script::new()
        .call("ask_user", json!({"question": "Which colour?", "choices": ["red", "blue"]}))
        .expect_tool_result("ask_user", |text| text.contains("blue"))
        .call("ask", json!({}))
        .expect_tool_result("ask", |text| text == "blue")
        .call("ask_user", json!({"question": "Fail!"}))
        .expect_tool_result("ask_user", |text| text.contains("unable to respond"))
        .call("ask_user", json!({"question": "Dismiss!"}))
        .expect_tool_result("ask_user", |text| text.contains("unable to respond"))
        .say("Blue, then.");
    let real = Real::over_stdio(script).await;
    let session = real.session().with_tools([ask::TOOL]).on_user_input(|asked| async move {
        match asked.question.as_str() {
            "Fail!" => Err("nobody is here"),
            "Dismiss!" => Ok(UserInputResponse::dismissed()),
            _ => Ok(asked.choices.last().cloned().unwrap_or_default().into()),
        }
    });
    let session = session.start().await.unwrap();
    let mut events = session.events();
    assert_eq!(session.ask("Paint it.").await.unwrap().text(), "Blue, then.");
    session.close().await.unwrap();
    assert_eq!(failed_handlers(&mut events).await, ["on_user_input"]);
    real.finish().await;
}

#[tokio::test]
async fn without_a_handler_the_agent_cannot_ask_and_a_tool_learns_it() {
    let script = Script::new()
        .expect("no tool to ask with", |request| request.tool("ask_user").is_none())
        .call("ask", json!({}))
        .expect_tool_result("ask", |text| text.contains("on_user_input"))
        .say("Fine.");
    let real = Real::over_stdio(script).await;
    let session = real.session().with_tools([ask::TOOL]).start().await.unwrap();
    session.ask("Paint it.").await.unwrap();
    assert!(!session.ui().is_available());
    let error = session.ui().confirm("Sure?").await.unwrap_err();
    assert!(error.is_unsupported() && error.to_string().contains("on_elicitation"), "{error}");
    real.finish().await;
}

#[tokio::test]
async fn the_program_shows_forms() {
    let schema = json!({"properties": {"colour": {"type": "string", "enum": ["red", "blue"]}}});
    let script = Script::new()
        .call("ask_user", json!({"message": "Pick one", "requestedSchema": schema}))
        .expect_tool_result("ask_user", |text| text.contains("blue"))
        .say("Blue, then.");
    let real = Real::over_stdio(script).await;
    let session = real
        .session()
        .unstable(Unstable::new().ask_user_variant(AskUserVariant::Form))
        .on_user_input(|_| async { UserInputResponse::dismissed() })
        .on_elicitation(|form| async move {
            match form.message() {
                "Pick one" => {
                    assert!(form.schema().unwrap().contains("colour") && form.tool_call_id().is_some());
                    ElicitationResponse::accept(json!({"colour": "blue"}))
                }
                "Sure?" => ElicitationResponse::accept(json!({"confirmed": true})),
                "Which?" => ElicitationResponse::accept(json!({"selection": "b"})),
                "Why?" => {
                    assert_eq!(
                        form.schema_as::<Value>().unwrap()["properties"]["value"],
                        json!({"type": "string", "title": "Reason", "maxLength": 80})
                    );
                    ElicitationResponse::accept(json!({"value": "because"}))
                }
                "Panic!" => panic!("the form is torn"),
                _ => Ok(ElicitationResponse::decline()),
            }
        });
    let session = session.start().await.unwrap();
    assert_eq!(session.ask("Paint it.").await.unwrap().text(), "Blue, then.");
    let ui = session.ui();
    assert!(ui.is_available());
    assert!(ui.confirm("Sure?").await.unwrap());
    assert!(!ui.confirm("Really sure?").await.unwrap());
    assert_eq!(ui.select("Which?", ["a", "b"]).await.unwrap().as_deref(), Some("b"));
    assert_eq!(ui.input("Why?").title("Reason").max_length(80).await.unwrap().as_deref(), Some("because"));
    let torn = ui.elicit("Panic!", json!({"type": "object", "properties": {}})).await.unwrap();
    assert_eq!(torn.action, ElicitationAction::Cancel);
    real.finish().await;
}

#[tokio::test]
async fn the_program_looks_at_a_plan() {
    let plan = || json!({"summary": "Do it.", "recommendedAction": "interactive"});
    let script = Script::new()
        .call("exit_plan_mode", plan())
        .expect_tool_result("exit_plan_mode", |text| text.contains("write it down first"))
        .call("exit_plan_mode", plan())
        .expect_tool_result("exit_plan_mode", |text| text.contains("approved"))
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let times = Arc::new(AtomicUsize::new(0));
    let session = real.session().on_exit_plan_mode(move |plan| {
        let first = times.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            assert_eq!(plan.summary, "Do it.");
            assert_eq!(plan.recommended_action, PlanAction::Interactive);
            match first {
                true => ExitPlanModeResponse::reject("write it down first"),
                false => ExitPlanModeResponse::approve(PlanAction::Interactive),
            }
        }
    });
    let session = session.start().await.unwrap();
    let reply = session.ask("Plan it.").mode(AgentMode::Plan).await.unwrap();
    assert_eq!(reply.text(), "Done.");
    real.finish().await;
}

#[tokio::test]
async fn commands_of_the_program_are_listed_and_used() {
    let real = Real::over_stdio(Script::new()).await;
    let seen = Seen::default();
    let session = real.session().command("deploy", "Deploys to a stage", {
        let seen = Arc::clone(&seen);
        move |used| {
            seen.lock().unwrap().push(format!("{} {} {}", used.name, used.args, used.text));
            async move {
                match used.args.as_str() {
                    "" => Err("say where"),
                    _ => Ok(()),
                }
            }
        }
    });
    let session = session.start().await.unwrap();
    let mut events = session.events();
    let commands = session.commands();
    let listed = commands.list().await.unwrap();
    let deploy = listed.iter().find(|command| command.name == "deploy").unwrap();
    assert_eq!((deploy.description.as_str(), &deploy.kind), ("Deploys to a stage", &CommandKind::Client));
    assert!(listed.iter().any(|command| command.kind == CommandKind::Builtin));
    assert_eq!(commands.invoke("deploy", "to mars").await.unwrap().kind, "completed");
    let refused = commands.invoke("deploy", "").await;
    assert!(refused.is_err_and(|error| error.to_string().contains("say where")));
    let unknown = commands.invoke("no-such-command", "").await.unwrap_err();
    assert!(unknown.to_string().contains("no-such-command"), "{unknown}");
    session.close().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["deploy to mars /deploy to mars", "deploy  /deploy"]);
    assert_eq!(failed_handlers(&mut events).await, ["command"]);
    real.finish().await;
}

#[tokio::test]
async fn a_system_message_is_changed_section_by_section() {
    let script = Script::new()
        .expect("the changes", |request| {
            let system = request.system().unwrap();
            ["THE FIRST WORDS", "BE BRIEF", "TONE: # Tone", "THE LAST WORDS"]
                .iter()
                .all(|text| system.contains(text))
        })
        .say("Yes.");
    let real = Real::over_stdio(script).await;
    let message = SystemMessage::customize()
        .replace(Section::Preamble, "THE FIRST WORDS")
        .append(Section::Guidelines, "BE BRIEF")
        .remove(Section::Safety)
        .transform(Section::Tone, |text| async move { format!("TONE: {text}") })
        .transform(Section::CodeChangeRules, |_| async { Err::<String, _>("no idea") })
        .content("THE LAST WORDS");
    let session = real.session().system_message(message).start().await.unwrap();
    let mut events = session.events();
    session.ask("Are you there?").await.unwrap();
    session.close().await.unwrap();
    assert_eq!(failed_handlers(&mut events).await, ["transform"]);
    real.finish().await;
}

#[tokio::test]
async fn the_program_gives_the_providers_token() {
    let script = Script::new()
        .expect("the first token", |request| request.header("authorization") == Some("Bearer token-1"))
        .call("add", json!({"a": 1, "b": 2}))
        .expect("another token", |request| request.header("authorization") == Some("Bearer token-2"))
        .say("Three.");
    let real = Real::over_stdio(script).await;
    let given = AtomicUsize::new(0);
    let provider = Provider::openai(real.model.base_url()).bearer_token_from(move |wanted| {
        assert_eq!(wanted.provider, "default");
        let number = given.fetch_add(1, Ordering::SeqCst) + 1;
        async move { Ok::<_, String>(format!("token-{number}")) }
    });
    let session = real.client.session().model(real.model.model_name()).provider(provider);
    let session = session.with_tools([add::TOOL]).start().await.unwrap();
    assert_eq!(session.ask("One and two?").await.unwrap().text(), "Three.");
    real.finish().await;
}

#[tokio::test]
async fn the_program_gives_the_sessions_github_token() {
    let real = Real::over_stdio(Script::new()).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let open = |hours: u64| {
        let asked = Arc::clone(&asked);
        real.client.session().on_github_token(move |wanted| {
            asked.lock().unwrap().push((wanted.host, wanted.reason));
            async move { GithubTokenResponse::new("gho_nothing", Duration::from_secs(hours * 3600)) }
        })
    };
    // No GitHub is here to take the token, so what the session could do with it is not seen.
    let opened = open(8).start().await;
    assert_eq!(
        *asked.lock().unwrap(),
        [("https://github.com".to_owned(), TokenReason::Initial)],
        "{opened:?}"
    );
    let error = open(1).start().await.unwrap_err();
    assert!(error.to_string().contains("3600"), "{error}");
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
        .call("bash", json!({"command": "echo other", "description": "x"}))
        .expect_tool_result("bash", |text| text.starts_with("other"))
        .call("bash", json!({"command": "echo other", "description": "x"}))
        .expect_tool_result("bash", |text| text.starts_with("other"))
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let session = real.session().on_permission({
        let (asked, location) = (Arc::clone(&asked), real.state.path().display().to_string());
        move |request| {
            asked.lock().unwrap().push(request.command().unwrap_or_default().to_owned());
            let location = location.clone();
            async move {
                match request.command() {
                    Some("echo hello") => request.approve_for_session(),
                    _ => Decision::ApproveForLocation { approval: request.approval().unwrap(), location },
                }
            }
        }
    });
    let session = session.start().await.unwrap();
    assert_eq!(session.ask("Say hello.").await.unwrap().text(), "Done.");
    assert_eq!(*asked.lock().unwrap(), ["echo hello", "echo other"]);
    real.finish().await;
}

#[tokio::test]
async fn the_program_gives_the_login_of_an_mcp_server() {
    let script = Script::new().say("Hello.");
    let real = Real::over_stdio(script).await;
    let server = LoopbackMcp::locked("authorization", "Bearer open-sesame").await;
    let (url, asked) = (server.url.clone(), Seen::default());
    let vault = McpServer::http(url.as_str());
    let session = real.session().mcp_server("vault", vault).mcp(Mcp::new().on_login({
        let asked = Arc::clone(&asked);
        move |login| {
            assert_eq!((&login.reason, login.server_url.as_str()), (&McpLoginReason::Initial, url.as_str()));
            asked.lock().unwrap().push(login.server_name);
            async { McpLoginResponse::token("open-sesame") }
        }
    }));
    let session = session.start().await.unwrap();
    let mut events = session.events();
    session.ask("Say hello.").await.unwrap();
    // It may have been connected before anybody listened; each change after that is an event.
    while !session.mcp().servers().await.unwrap().iter().any(|server| server.status.as_str() == "connected") {
        while !matches!(
            events.next().await.expect("the server is connected before the end").kind(),
            EventKind::McpServerStatusChanged(_)
        ) {}
    }
    assert_eq!(*asked.lock().unwrap(), ["vault"]);
    real.finish().await;
}
