//! What the CLI asks, and the safe answers, against the fake CLI.

use std::sync::Arc;

use copilot::hooks::PreToolUse;
use copilot::testing::FakeCli;
use copilot::{
    Approval, AutoModeAnswer, Client, Decision, Elicited, EventKind, McpLoginAnswer, PlanDecision, SessionId,
    SystemMessage, UserAnswer,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

async fn start() -> (FakeCli, Client) {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.expect("the fake CLI starts");
    (cli, client)
}

/// The same parameters, with the session's id.
fn with(session: &SessionId, mut params: Value) -> Value {
    params["sessionId"] = json!(session.as_str());
    params
}

/// Every request that a session answers, and the answer where the program has no handler.
fn unhandled() -> Vec<(&'static str, Value, Value)> {
    vec![
        (
            "hooks.invoke",
            json!({"hookType": "preToolUse", "input": {"toolName": "t"}}),
            json!({"output": {}}),
        ),
        ("hooks.invoke", json!({"hookType": "never-heard-of", "input": 7}), json!({"output": {}})),
        ("hooks.invoke", json!({"hookType": "postResult"}), json!({"output": {}})),
        ("exitPlanMode.request", json!({"summary": "s", "actions": []}), json!({"approved": true})),
        ("autoModeSwitch.request", json!({}), json!({"response": "no"})),
        (
            "systemMessage.transform",
            json!({"sections": {"tone": {"content": "x"}}}),
            json!({"sections": {"tone": {"content": "x"}}}),
        ),
    ]
}

#[tokio::test]
async fn without_a_handler_every_question_gets_its_safe_answer() {
    let (cli, client) = start().await;
    let session = client.session().start().await.unwrap();
    let created = &cli.requests("session.create")[0];
    for offer in ["hooks", "requestUserInput", "requestElicitation", "requestExitPlanMode", "commands"] {
        assert!(created.get(offer).is_none(), "{offer} is offered: {created}");
    }
    for (method, params, safe) in unhandled() {
        let answer = cli.request(method, with(session.id(), params)).await;
        assert_eq!(answer.unwrap(), safe, "{method}");
    }
    for (method, params) in [
        ("userInput.request", json!({"question": "?"})),
        ("providerToken.getToken", json!({"providerName": "default"})),
        ("gitHubToken.getToken", json!({"registrationId": "r", "host": "h", "reason": "initial"})),
    ] {
        cli.request(method, with(session.id(), params)).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_handler_that_fails_gives_the_safe_answer_and_is_reported() {
    let (cli, client) = start().await;
    let session = client
        .session()
        .on_pre_tool_use(|_, _| async { Err::<PreToolUse, _>("no") })
        .on_user_input(|_| async { panic!("no") as UserAnswer })
        .on_exit_plan_mode(|_| async { Err::<PlanDecision, _>("no") })
        .on_auto_mode_switch(|_| async { panic!("no") as AutoModeAnswer })
        .system_message(SystemMessage::customize().transform("tone", |_| async { Err::<String, _>("no") }))
        .start()
        .await
        .unwrap();
    let created = &cli.requests("session.create")[0];
    for offer in ["hooks", "requestUserInput", "requestExitPlanMode", "requestAutoModeSwitch"] {
        assert_eq!(created[offer], true, "{offer}");
    }
    let mut events = session.events();
    let mut failed = Vec::new();
    for (method, params, safe) in unhandled() {
        let fails = !matches!(params["hookType"].as_str(), Some("never-heard-of" | "postResult"));
        let answer = cli.request(method, with(session.id(), params)).await.unwrap();
        match method {
            // A plan that nobody could look at is not carried out.
            "exitPlanMode.request" => assert_eq!(answer["approved"], false),
            // Nor is a tool run whose guard has failed.
            "hooks.invoke" if fails => assert_eq!(answer["output"]["permissionDecision"], "deny"),
            _ => assert_eq!(answer, safe, "{method}"),
        }
        if fails {
            failed.push(loop {
                if let EventKind::HandlerFailed(failure) = events.next().await.unwrap().kind() {
                    break failure.handler;
                }
            });
        }
    }
    let handlers = ["on_pre_tool_use", "on_exit_plan_mode", "on_auto_mode_switch", "transform"];
    assert_eq!(failed, handlers);
    // To a question there is no safe answer, only none.
    cli.request("userInput.request", with(session.id(), json!({"question": "?"}))).await.unwrap_err();
    loop {
        if let EventKind::HandlerFailed(failure) = events.next().await.unwrap().kind() {
            assert_eq!(failure.handler, "on_user_input");
            break;
        }
    }
}

#[tokio::test]
async fn hooks_of_old_clis_are_read() {
    let (cli, client) = start().await;
    let session = client.session().on_pre_tool_use(|step, cx| async move {
        assert!(!cx.session_id().as_str().is_empty());
        PreToolUse::modify(json!({"was": step.tool_args}))
    });
    let session = session.start().await.unwrap();
    let input = json!({"timestamp": 1.5, "cwd": "/w", "toolName": "t", "toolArgs": r#"{"a":1}"#});
    let params = json!({"hookType": "preToolUse", "input": input});
    let answer = cli.request("hooks.invoke", with(session.id(), params)).await.unwrap();
    assert_eq!(answer, json!({"output": {"modifiedArgs": {"was": {"a": 1}}}}));
}

#[tokio::test]
async fn events_that_ask_are_answered_once_by_whoever_has_the_handler() {
    let (cli, client) = start().await;
    cli.on("session.eventLog.registerInterest", |_, _| json!({"handle": "interest-1"}));
    let without = client.session().start().await.unwrap();
    let session = client
        .session()
        .on_elicitation(|form| async move { Elicited::accept(json!({"said": form.message()})) })
        .on_mcp_login(|login| async move { McpLoginAnswer::token(login.server_name) })
        .command("deploy", "", |used| async move { if used.args == "x" { Ok(()) } else { Err("where?") } })
        .start()
        .await
        .unwrap();
    assert_eq!(cli.requests("session.eventLog.registerInterest").len(), 1);
    for id in [without.id(), session.id()] {
        cli.event(id, "elicitation.requested", json!({"requestId": "e", "message": "m"}));
        cli.event(
            id,
            "mcp.oauth_required",
            json!({"requestId": "o", "serverName": "s", "serverUrl": "u", "reason": "initial"}),
        );
        cli.event(id, "command.execute", json!({"requestId": "c", "commandName": "deploy", "args": "x"}));
        cli.event(id, "command.execute", json!({"requestId": "d", "commandName": "deploy", "args": ""}));
        cli.event(id, "command.execute", json!({"requestId": "f", "commandName": "other", "args": ""}));
    }
    let form = cli.requested("session.ui.handlePendingElicitation", 1).await;
    assert_eq!(form[0]["result"], json!({"action": "accept", "content": {"said": "m"}}));
    let login = cli.requested("session.mcp.oauth.handlePendingRequest", 1).await;
    assert_eq!(login[0]["result"], json!({"kind": "token", "accessToken": "s"}));
    let mut ends: Vec<_> = cli
        .requested("session.commands.handlePendingCommand", 2)
        .await
        .iter()
        .map(|end| (end["requestId"].clone(), end.get("error").cloned()))
        .collect();
    ends.sort_by_key(|(id, _)| id.to_string());
    assert_eq!(ends, [(json!("c"), None), (json!("d"), Some(json!("where?")))]);
    for method in ["session.ui.handlePendingElicitation", "session.mcp.oauth.handlePendingRequest"] {
        assert!(cli.requests(method).iter().all(|answer| answer["sessionId"] == session.id().as_str()));
    }
}

#[tokio::test]
async fn a_form_that_is_answered_elsewhere_is_taken_back() {
    let (cli, client) = start().await;
    let (shown, gone) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let session = client.session().on_elicitation({
        let (shown, gone) = (Arc::clone(&shown), Arc::clone(&gone));
        move |_| {
            struct Gone(Arc<Notify>);
            impl Drop for Gone {
                fn drop(&mut self) {
                    self.0.notify_one();
                }
            }
            let (shown, gone) = (Arc::clone(&shown), Gone(Arc::clone(&gone)));
            async move {
                let _gone = gone;
                shown.notify_one();
                std::future::pending::<Elicited>().await
            }
        }
    });
    let session = session.start().await.unwrap();
    cli.event(session.id(), "elicitation.requested", json!({"requestId": "e", "message": "m"}));
    shown.notified().await;
    cli.event(session.id(), "elicitation.completed", json!({"requestId": "e", "action": "decline"}));
    gone.notified().await;
    client.ping("").await.unwrap();
    assert!(cli.requests("session.ui.handlePendingElicitation").is_empty());
}

#[tokio::test]
async fn a_client_may_leave_a_permission_to_another_one() {
    let (cli, client) = start().await;
    let session = client.session().on_permission(|request| async move {
        match request.url() {
            Some(_) => Decision::NoResult,
            None => Decision::ApproveForSession(Approval::Read),
        }
    });
    let session = session.start().await.unwrap();
    let left = cli.ask_permission(session.id(), json!({"kind": "url", "url": "http://x"})).start();
    let read = cli.ask_permission(session.id(), json!({"kind": "read", "path": "/x"})).start();
    let answer = read.answer().await;
    assert!(answer.to_string().contains("approve-for-session"), "{answer}");
    client.ping("").await.unwrap();
    assert!(!left.is_answered());
}
