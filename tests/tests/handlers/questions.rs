//! Requests of the CLI and their safe answers, against the fake CLI.

use std::sync::Arc;
use std::time::Duration;

use copilot::elicitation::ElicitationResponse;
use copilot::hooks::{Hooks, PreToolUse};
use copilot::mcp::{Mcp, McpLoginResponse};
use copilot::models::ModelOptions;
use copilot::modes::{AutoModeSwitchResponse, ExitPlanModeResponse};
use copilot::permissions::Approval;
use copilot::system_message::SystemMessage;
use copilot::testing::FakeCli;
use copilot::tokens::GithubTokenResponse;
use copilot::unstable::Unstable;
use copilot::user_input::UserInputResponse;
use copilot::{Client, Decision, EventKind, Permissions, SessionId, State, ToolContext};
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
    // Permissions that may deny something have a hook of their own.
    let session = client.session().permissions(Permissions::approve_all()).start().await.unwrap();
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
        .hooks(Hooks::new().on_pre_tool_use(|_, _| async { Err::<PreToolUse, _>("no") }))
        .on_user_input(|_| async { panic!("no") as UserInputResponse })
        .on_exit_plan_mode(|_| async { Err::<ExitPlanModeResponse, _>("no") })
        .model_options(
            ModelOptions::new().on_auto_mode_switch(|_| async { panic!("no") as AutoModeSwitchResponse }),
        )
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
            // A plan that could not be reviewed is not carried out.
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
    let handlers = ["on_pre_tool_use", "on_exit_plan_mode", "ModelOptions::on_auto_mode_switch", "transform"];
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
async fn a_tool_that_is_guarded_stays_so_when_the_session_is_dropped() {
    let (cli, client) = start().await;
    let begun = Arc::new(Notify::new());
    let session = client.session().hooks(Hooks::new().on_pre_tool_use({
        let begun = Arc::clone(&begun);
        move |_, _| {
            begun.notify_one();
            std::future::pending::<PreToolUse>()
        }
    }));
    let session = session.start().await.unwrap();
    let id = session.id().clone();
    let ask = async |kind: &str| {
        let input = json!({"timestamp": 1, "cwd": "/w", "toolName": "t", "toolArgs": {}});
        cli.request("hooks.invoke", with(&id, json!({"hookType": kind, "input": input}))).await
    };
    // The CLI takes an error for no opinion.
    let denied = |answer: &Value| answer["output"]["permissionDecision"] == "deny";
    let (answer, ()) = tokio::join!(ask("preToolUse"), async {
        begun.notified().await;
        drop(session);
    });
    assert!(denied(&answer.unwrap()));
    assert!(denied(&ask("preToolUse").await.unwrap()), "the CLI has not released it yet");
    ask("postToolUse").await.unwrap_err();
}

#[tokio::test]
async fn hooks_of_old_clis_are_read() {
    let (cli, client) = start().await;
    let session = client.session().permissions(Permissions::approve_all()).hooks(
        Hooks::new().on_pre_tool_use(|step, cx| async move {
            assert!(!cx.session_id().as_str().is_empty());
            PreToolUse::modify(json!({"was": step.tool_args}))
        }),
    );
    let session = session.start().await.unwrap();
    let input = json!({"timestamp": 1.5, "cwd": "/w", "toolName": "t", "toolArgs": r#"{"a":1}"#});
    let params = json!({"hookType": "preToolUse", "input": input});
    let answer = cli.request("hooks.invoke", with(session.id(), params)).await.unwrap();
    assert_eq!(answer, json!({"output": {"modifiedArgs": {"was": {"a": 1}}}}));
}

#[tokio::test]
async fn request_events_are_answered_once_by_the_client_with_the_handler() {
    let (cli, client) = start().await;
    cli.on("session.eventLog.registerInterest", |_, _| json!({"handle": "interest-1"}));
    let without = client.session().start().await.unwrap();
    let session = client
        .session()
        .on_elicitation(|form| async move { ElicitationResponse::accept(json!({"said": form.message()})) })
        .mcp(Mcp::new().on_login(|login| async move { McpLoginResponse::token(login.server_name) }))
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
            let (shown, gone) = (Arc::clone(&shown), Gone(Arc::clone(&gone)));
            async move {
                let _gone = gone;
                shown.notify_one();
                std::future::pending::<ElicitationResponse>().await
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

/// Says when it is dropped.
struct Gone(Arc<Notify>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn a_request_that_the_cli_takes_back_is_cancelled_and_answered_once() {
    let (cli, client) = start().await;
    let (asked, gone) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let session = client.session().on_user_input({
        let (asked, gone) = (Arc::clone(&asked), Arc::clone(&gone));
        move |_| {
            let (asked, gone) = (Arc::clone(&asked), Gone(Arc::clone(&gone)));
            async move {
                let _gone = gone;
                asked.notify_one();
                std::future::pending::<UserInputResponse>().await
            }
        }
    });
    let session = session.start().await.unwrap();
    let ask = |id: Value| {
        let params = with(session.id(), json!({"question": "?"}));
        let request = json!({"jsonrpc": "2.0", "id": id, "method": "userInput.request", "params": params});
        cli.frame(request.to_string());
    };
    let answers = |id: &Value| -> Vec<Value> {
        let is_answer = |message: &Value| message.get("method").is_none() && message["id"] == *id;
        cli.received().into_iter().filter(is_answer).collect()
    };
    for id in [json!(1000), json!("a-text")] {
        ask(id.clone());
        asked.notified().await;
        cli.notify("$/cancelRequest", json!({"id": id}));
        gone.notified().await;
        // Too late, never asked, and no id at all.
        for taken_back in [json!({"id": id}), json!({"id": 4711}), json!({}), json!(null)] {
            cli.notify("$/cancelRequest", taken_back);
        }
        client.ping("").await.unwrap();
        let answers = answers(&id);
        assert_eq!((answers.len(), &answers[0]["error"]["code"]), (1, &json!(-32800)), "{answers:?}");
    }
    // No other request was affected, and an answered request is not cancelled.
    ask(json!(1000));
    asked.notified().await;
    session.close().await.unwrap();
    assert_eq!(answers(&json!(1000)).len(), 2);
}

/// Waits until it is cancelled.
#[copilot::tool]
async fn endless(cx: &ToolContext, ended: State<Arc<Notify>>) {
    cx.cancelled().await;
    ended.notify_one();
}

#[tokio::test]
async fn a_tool_call_of_protocol_2_that_is_taken_back_is_cancelled() {
    let cli = FakeCli::of_version("0.0.403");
    let client = cli.client_builder().start().await.unwrap();
    let ended = Arc::new(Notify::new());
    let session = client.session().with_tools([endless::TOOL]).state(Arc::clone(&ended));
    let session = session.start().await.unwrap();
    let params = with(session.id(), json!({"toolCallId": "c", "toolName": "endless", "arguments": {}}));
    let call = json!({"jsonrpc": "2.0", "id": 1000, "method": "tool.call", "params": params});
    cli.frame(call.to_string());
    // One that was not decided yet would not run at all.
    client.ping("").await.unwrap();
    cli.notify("$/cancelRequest", json!({"id": 1000}));
    ended.notified().await;
    client.ping("").await.unwrap();
    let answers: Vec<_> = cli.received().into_iter().filter(|message| message["id"] == 1000).collect();
    assert_eq!((answers.len(), &answers[0]["error"]["code"]), (1, &json!(-32800)), "{answers:?}");
}

#[tokio::test]
async fn a_github_token_is_wanted_by_registration_while_the_session_is_opened() {
    let (cli, client) = start().await;
    cli.hold("session.create");
    let open = |name: &'static str| {
        client
            .session()
            .on_github_token(
                move |_| async move { GithubTokenResponse::new(name, Duration::from_secs(8 * 3600)) },
            )
            .start()
    };
    let (one, two, ()) = tokio::join!(open("one"), open("two"), async {
        let wanted = async |registration: &Value| {
            let wanted = json!({"registrationId": registration, "host": "h", "reason": "initial"});
            cli.request("gitHubToken.getToken", wanted).await
        };
        for name in ["one", "two"] {
            let held = cli.held("session.create").await;
            let token = wanted(&held.params()["gitHubTokenProviderRegistrationId"]).await.unwrap();
            assert_eq!(token, json!({"kind": "token", "accessToken": name, "expiresIn": 8 * 3600}));
            held.answer_by_default();
        }
        for unknown in [json!("unknown"), json!(5)] {
            wanted(&unknown).await.unwrap_err();
        }
    });
    one.unwrap().close().await.unwrap();
    two.unwrap().close().await.unwrap();
}

#[tokio::test]
async fn a_client_may_leave_a_permission_to_another_one() {
    let (cli, client) = start().await;
    let session = client.session().on_permission(|request| async move {
        match request.url() {
            Some(_) => Decision::Later,
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

#[tokio::test]
async fn a_request_of_an_unknown_method_is_answered_by_its_handler() {
    let (cli, client) = start().await;
    let session = client
        .session()
        .unstable(Unstable::new().on_unknown_request(|request| async move {
            match request.method() {
                "preview.add" => {
                    let params: Value = request.data().map_err(|error| error.to_string())?;
                    let numbers = params["numbers"].as_array().cloned().unwrap_or_default();
                    Ok(json!(numbers.iter().filter_map(Value::as_i64).sum::<i64>()))
                }
                other => Err(format!("{other} is unknown")),
            }
        }))
        .start()
        .await
        .unwrap();
    let sum = cli.request("preview.add", with(session.id(), json!({"numbers": [40, 2]}))).await;
    assert_eq!(sum.unwrap(), 42);
    let failed = cli.request("preview.other", with(session.id(), json!({}))).await.unwrap_err();
    assert_eq!(failed.code, -32603, "{failed:?}");
    session.close().await.unwrap();
    let without = client.session().start().await.unwrap();
    let refused = cli.request("preview.add", with(without.id(), json!({}))).await.unwrap_err();
    assert_eq!(refused.code, -32601, "{refused:?}");
}
