//! The whole tree of spans of turns with all that may happen in them.

use std::time::Duration;

use copilot::hooks::{Hooks, PostToolUse};
use copilot::permissions::PermissionKind;
use copilot::testing::call;
use copilot::user_input::UserInputResponse;
use copilot::{Decision, Permissions, Session};
use copilot_tests::fake::{Fake, settle};
use copilot_tests::flood;
use serde_json::json;
use tokio::time::sleep;
use tracing::{Instrument, info_span};

use crate::capture::{assert_golden, fields, install, tree};
use crate::tools::{self, begin_call, end_call};

/// Plays a request of an agent to its model.
pub(crate) fn model_call(fake: &Fake, session: &Session, agent: Option<&str>, model: &str, tokens: u64) {
    let event = |name: &str, data: serde_json::Value| {
        let mut event = json!({"type": name, "data": data});
        if let Some(agent) = agent {
            event["agentId"] = agent.into();
        }
        fake.cli.whole_event(session.id(), event);
    };
    event("assistant.turn_start", json!({"turnId": "0"}));
    event("model.call_start", json!({"turnId": "0", "model": model}));
    let usage = json!({"model": format!("{model}-2026"), "inputTokens": tokens, "outputTokens": 2, "cacheReadTokens": 3,
        "cost": 1.0, "copilotUsage": {"totalNanoAiu": 500}, "apiCallId": "response-1", "finishReason": "stop",
        "timeToFirstTokenMs": 250.0, "providerType": "azure"});
    event("assistant.usage", usage);
    event("model.call_finished", json!({"turnId": "0", "outcome": "success", "dispatchDurationMs": 5.0}));
    event("assistant.turn_end", json!({"turnId": "0"}));
}

/// Ends the turn of message `m` with an answer.
pub(crate) fn finish(fake: &Fake, session: &Session) {
    fake.say(session, "The answer.");
    fake.cli.event(session.id(), "session.idle", json!({}));
}

#[tokio::test(start_paused = true)]
async fn the_tree_of_a_turn_with_every_kind_of_call() {
    install();
    let fake = Fake::with_manual_turns(copilot::testing::FakeCli::new()).await;
    let session = fake.session().id("calls").with_tools(tools::all()).permissions(Permissions::approve_all());
    let session = session
        .on_permission(async |request| {
            sleep(Duration::from_secs(3)).await;
            match request.kind() {
                PermissionKind::CustomTool if request.tool_name() == Some("wipes") => Decision::reject("no"),
                _ => Decision::Approve,
            }
        })
        .start()
        .await
        .unwrap();
    let turn = session.stream("Go.").await.unwrap();
    fake.begin_turn(&session);
    model_call(&fake, &session, None, "gpt-5", 10);
    tools::call(&fake, &session, "finds", "c-finds", json!({"what": "it"})).await;
    tools::call(&fake, &session, "finds", "c-invalid", json!({"wat": "it"})).await;
    for tool in ["counts", "fails", "breaks", "panics", "panics_in_thread", "sleeps", "flickers", "refuses"] {
        tools::call(&fake, &session, tool, &format!("c-{tool}"), json!({})).await;
    }
    // The second call waits for the permit of the first one.
    let queued = ["c-first", "c-second"].map(|id| {
        begin_call(&fake, &session, "queues", id, &json!({}));
        fake.cli.call_tool(session.id(), "queues", json!({})).call_id(id).start()
    });
    for call in queued {
        call.answer().await;
    }
    end_call(&fake, &session, "c-first", None);
    end_call(&fake, &session, "c-second", None);
    // The CLI requests the permission, and does not call the tool after a rejection.
    begin_call(&fake, &session, "wipes", "c-wipes", &json!({}));
    let request = json!({"kind": "custom-tool", "toolCallId": "c-wipes", "toolName": "wipes", "args": {}});
    fake.cli.ask_permission(session.id(), request).await;
    end_call(&fake, &session, "c-wipes", Some("denied"));
    // A tool of the CLI.
    begin_call(&fake, &session, "bash", "c-bash", &json!({"command": "ls"}));
    let request = json!({"kind": "shell", "toolCallId": "c-bash", "fullCommandText": "ls", "commands": [], "possiblePaths": [],
        "possibleUrls": [], "intention": "list", "hasWriteFileRedirection": false, "canOfferSessionApproval": false});
    fake.cli.ask_permission(session.id(), request).await;
    end_call(&fake, &session, "c-bash", None);
    begin_call(&fake, &session, "bash", "c-bash-fails", &json!({"command": "rm"}));
    end_call(&fake, &session, "c-bash-fails", Some("failure"));
    finish(&fake, &session);
    turn.reply().await.unwrap();
    assert_golden("calls.txt", &tree("calls"));
    session.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_tree_of_a_turn_with_a_sub_agent_and_handlers() {
    install();
    let fake = Fake::with_manual_turns(copilot::testing::FakeCli::new()).await;
    let session = fake
        .session()
        .id("agents")
        .model("gpt-5")
        .with_tools(tools::all())
        .on_user_input(async |_| UserInputResponse::new("blue"))
        .hooks(Hooks::new().on_post_tool_use(async |_, _| Err::<PostToolUse, _>("the hook is broken")))
        .start()
        .await
        .unwrap();
    let asked = async { session.stream("Go.").await.unwrap() };
    let turn = asked.instrument(info_span!("program", test = "agents-program")).await;
    fake.begin_turn(&session);
    model_call(&fake, &session, None, "gpt-5", 10);
    begin_call(&fake, &session, "task", "c-task", &json!({"prompt": "secret"}));
    let sub_agent = |name: &str, data: serde_json::Value| {
        fake.cli.whole_event(session.id(), json!({"type": name, "agentId": "a1", "data": data}));
    };
    sub_agent(
        "subagent.started",
        json!({"toolCallId": "c-task", "agentName": "explore", "model": "gpt-5-mini"}),
    );
    model_call(&fake, &session, Some("a1"), "gpt-5-mini", 7);
    sub_agent(
        "tool.execution_start",
        json!({"toolCallId": "c-sub", "toolName": "finds", "arguments": {"what": "x"}}),
    );
    fake.cli.call_tool(session.id(), "finds", json!({"what": "x"})).call_id("c-sub").agent("a1").await;
    sub_agent("tool.execution_complete", json!({"toolCallId": "c-sub", "success": true}));
    sub_agent("subagent.completed", json!({"toolCallId": "c-task", "agentName": "explore"}));
    end_call(&fake, &session, "c-task", None);
    let question = json!({"sessionId": "agents", "question": "Which colour?", "choices": []});
    fake.cli.request("userInput.request", question).await.unwrap();
    begin_call(&fake, &session, "bash", "c-bash", &json!({}));
    let input = json!({"toolName": "bash", "toolArgs": {}, "toolCallId": "c-bash", "timestamp": 1, "cwd": "/",
        "toolResult": {"textResultForLlm": "", "resultType": "success"}});
    let hook = json!({"sessionId": "agents", "hookType": "postToolUse", "input": input});
    fake.cli.request("hooks.invoke", hook).await.unwrap();
    end_call(&fake, &session, "c-bash", None);
    model_call(&fake, &session, None, "gpt-5", 20);
    finish(&fake, &session);
    turn.reply().await.unwrap();
    assert_golden("agents.txt", &tree("agents-program"));
    session.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_span_has_the_operation_the_kind_and_the_conversation() {
    install();
    let fake = Fake::with_manual_turns(copilot::testing::FakeCli::new()).await;
    let session = fake.session().id("constants").with_tools([tools::finds::TOOL]).start().await.unwrap();
    let turn = session.stream("Go.").await.unwrap();
    fake.begin_turn(&session);
    model_call(&fake, &session, None, "gpt-5", 10);
    tools::call(&fake, &session, "finds", "c", json!({"what": "it"})).await;
    finish(&fake, &session);
    turn.reply().await.unwrap();
    let of = |name: &str| -> Vec<String> {
        fields("constants").into_iter().filter(|(field, _)| field == name).map(|(_, value)| value).collect()
    };
    assert_eq!(of("gen_ai.operation.name"), ["invoke_agent", "chat", "execute_tool"]);
    assert_eq!(of("otel.name"), ["invoke_agent copilot", "chat gpt-5", "execute_tool finds"]);
    assert_eq!(of("otel.kind"), ["client", "client", "internal"]);
    assert_eq!(of("gen_ai.conversation.id"), ["constants"; 3]);
}

#[tokio::test(start_paused = true)]
async fn work_that_no_message_has_started_is_a_separate_turn() {
    install();
    let fake = Fake::start().await;
    let session = fake.session().id("unasked").with_tools([tools::finds::TOOL]).start().await.unwrap();
    fake.cli.event(session.id(), "user.message", json!({"content": "?", "messageId": "of another program"}));
    tools::call(&fake, &session, "finds", "c", json!({"what": "it"})).await;
    // CLIs that do not report the start of a request report its duration.
    fake.cli.event(
        session.id(),
        "assistant.usage",
        json!({"model": "gpt-5", "inputTokens": 4, "duration": 1500}),
    );
    fake.cli.event(session.id(), "session.idle", json!({}));
    settle().await;
    assert_golden("unasked.txt", &tree("unasked"));
    session.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn messages_in_the_queue_have_separate_turns() {
    install();
    let fake = Fake::start().await;
    fake.cli.on("session.send", |_, asked| json!({"messageId": format!("m{}", asked.count())}));
    let session = fake.session().id("queue").start().await.unwrap();
    for prompt in ["one", "two"] {
        session.send(prompt).await.unwrap();
    }
    for message in ["m1", "m2"] {
        fake.cli.event(session.id(), "user.message", json!({"content": "?", "messageId": message}));
        model_call(&fake, &session, None, "gpt-5", if message == "m1" { 1 } else { 2 });
        let answer = json!({"content": "yes", "originatingMessageId": message});
        fake.cli.event(session.id(), "assistant.message", answer);
    }
    fake.cli.event(session.id(), "session.idle", json!({}));
    settle().await;
    assert_golden("queue.txt", &tree("queue"));
    session.close().await.unwrap();
}

#[tokio::test]
async fn a_call_outside_of_a_session_is_a_child_of_the_current_span() {
    install();
    let program = info_span!("program", test = "outside");
    let called = async { call(tools::finds::TOOL, json!({"what": "it"})).await };
    assert!(called.instrument(program).await.is_success());
    assert_golden("outside.txt", &tree("outside"));
}

/// The flood of the other tests, with a subscriber: every span is closed.
#[tokio::test]
async fn no_span_of_many_calls_is_left_open() {
    install();
    let client = flood::start().start().await.unwrap();
    let session = client.session().id("flood").with_tools([echo::TOOL]).start().await.unwrap();
    session.ask("announced:200:16").await.unwrap();
    session.close().await.unwrap();
    let tree = tree("flood");
    assert_eq!(tree.matches("execute_tool echo\n").count(), 200, "{tree}");
    assert!(!tree.contains("OPEN"), "{tree}");
}

/// Gives its input back.
#[copilot::tool]
async fn echo(
    /// Text to give back.
    input: String,
) -> String {
    input
}
