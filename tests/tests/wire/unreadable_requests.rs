//! Requests of the CLI with members that are missing, `null` or of a wrong type: each gets exactly one answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use copilot::canvas::{Canvas, CanvasView};
use copilot::elicitation::ElicitationResponse;
use copilot::hooks::{Hooks, PreToolUse};
use copilot::host::session_fs::MemoryFs;
use copilot::limits::{Limits, LimitsResponse};
use copilot::mcp::{Mcp, McpHeadersResponse, McpLoginResponse, SamplingResponse};
use copilot::models::ModelOptions;
use copilot::modes::{AutoModeSwitchResponse, ExitPlanModeResponse, PlanAction};
use copilot::tokens::GithubTokenResponse;
use copilot::user_input::UserInputResponse;
use copilot::{Decision, EventKind, Session, SessionId};
use copilot_tests::fake::{Fake, settle};
use serde_json::{Value, json};

use crate::absent_members::{members_of, with, without, wrong};

/// Adds one.
#[copilot::tool(skip_permission)]
fn plus_one(
    /// The number.
    number: i64,
) -> i64 {
    number + 1
}

/// A session that answers every question with a yes.
async fn yes(fake: &Fake) -> Session {
    let canvas = Canvas::new("board", "Board", "A board.").on_open(|_| async { CanvasView::new() }).action(
        "draw",
        "Draws.",
        |_| async { json!({}) },
    );
    fake.cli.on("session.eventLog.registerInterest", |_, _| json!({"handle": "h"}));
    let session = fake
        .session()
        .with_tools([plus_one::TOOL])
        .on_permission(|_| async { Decision::Approve })
        .hooks(Hooks::new().on_pre_tool_use(|_, _| async { PreToolUse::allow() }))
        .on_user_input(|_| async { UserInputResponse::new("yes") })
        .on_elicitation(|_| async { ElicitationResponse::accept(json!({})) })
        .on_exit_plan_mode(|_| async { ExitPlanModeResponse::approve(PlanAction::Autopilot) })
        .model_options(ModelOptions::new().on_auto_mode_switch(|_| async { AutoModeSwitchResponse::Yes }))
        .mcp(Mcp::new().on_login(|_| async { McpLoginResponse::token("t") }))
        .mcp(Mcp::new().on_headers(|_| async { McpHeadersResponse::new("a", "b") }))
        .mcp(Mcp::new().on_sampling(|_| async { SamplingResponse::text("m", "yes") }))
        .limits(Limits::new().on_exhausted(|_| async { LimitsResponse::Add { additional_ai_credits: 10.0 } }))
        .on_github_token(|_| async { GithubTokenResponse::new("t", std::time::Duration::from_secs(9999)) })
        .command("deploy", "Deploys.", |_| async {})
        .canvas(canvas)
        .start();
    session.await.expect("the session opens")
}

/// Every event that asks, with the method of its answer.
fn events() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "external_tool.requested",
            "session.tools.handlePendingToolCall",
            json!({"toolCallId": "c", "toolName": "plus_one", "arguments": {"number": 1}, "workingDirectory": "/w",
                   "traceparent": "00-1", "tracestate": "a"}),
        ),
        (
            "permission.requested",
            "session.permissions.handlePendingPermissionRequest",
            json!({"permissionRequest": {"kind": "shell", "toolCallId": "c", "fullCommandText": "ls", "intention": "i",
                   "commands": [{"identifier": "ls", "readOnly": true}], "hasWriteFileRedirection": false},
                   "promptRequest": {"kind": "shell"}}),
        ),
        (
            "elicitation.requested",
            "session.ui.handlePendingElicitation",
            json!({"message": "m", "mode": "form", "requestedSchema": {"type": "object"}, "url": "u",
                   "elicitationSource": "s", "toolCallId": "c"}),
        ),
        (
            "command.execute",
            "session.commands.handlePendingCommand",
            json!({"commandName": "deploy", "command": "/deploy x", "args": "x"}),
        ),
        (
            "mcp.oauth_required",
            "session.mcp.oauth.handlePendingRequest",
            json!({"serverName": "s", "serverUrl": "u", "reason": "initial", "runtimeRefreshSupported": true,
                   "staticClientConfig": {"clientId": "c"}}),
        ),
        (
            "mcp.headers_refresh_required",
            "session.mcp.headers.handlePendingHeadersRefreshRequest",
            json!({"serverName": "s", "serverUrl": "u", "reason": "startup"}),
        ),
        (
            "sampling.requested",
            "session.ui.handlePendingSampling",
            json!({"serverName": "s", "mcpRequestId": 1, "request": {"maxTokens": 5, "systemPrompt": "p",
                   "messages": [{"role": "user", "content": {"type": "text", "text": "t"}}]}}),
        ),
        (
            "session_limits_exhausted.requested",
            "session.ui.handlePendingSessionLimitsExhausted",
            json!({"usedAiCredits": 5.0, "maxAiCredits": 4.0}),
        ),
    ]
}

/// Every request of the CLI about a session.
fn requests() -> Vec<(&'static str, Value)> {
    let canvas = json!({"canvasId": "board", "instanceId": "i", "extensionId": "e", "actionName": "draw", "input": {}});
    vec![
        (
            "hooks.invoke",
            json!({"hookType": "preToolUse", "input": {"toolName": "bash", "toolArgs": {"a": 1}, "timestamp": 1,
                   "cwd": "/w", "sessionId": "s", "toolCallId": "c"}}),
        ),
        ("userInput.request", json!({"question": "?", "choices": ["a"], "allowFreeform": true})),
        (
            "exitPlanMode.request",
            json!({"summary": "s", "planContent": "p", "actions": ["autopilot"], "recommendedAction": "autopilot"}),
        ),
        ("autoModeSwitch.request", json!({"errorCode": "quota", "retryAfterSeconds": 5})),
        ("systemMessage.transform", json!({"sections": {"tone": {"content": "x"}}})),
        ("providerToken.getToken", json!({"providerName": "default"})),
        ("gitHubToken.getToken", json!({"registrationId": "r", "host": "h", "reason": "initial"})),
        ("skillProvider.list", json!({})),
        ("skillProvider.read", json!({"name": "n"})),
        ("canvas.open", canvas.clone()),
        ("canvas.close", canvas.clone()),
        ("canvas.action.invoke", canvas),
        (
            "tool.call",
            json!({"toolCallId": "c", "toolName": "plus_one", "arguments": {"number": 1}, "workingDirectory": "/w"}),
        ),
        (
            "permission.request",
            json!({"permissionRequest": {"kind": "read", "toolCallId": "c", "path": "/x", "intention": "i"}}),
        ),
        ("sessionFs.readFile", json!({"path": "/x"})),
        ("sessionFs.mkdir", json!({"path": "/y", "recursive": true, "mode": 448})),
        ("sessionFs.sqliteQuery", json!({"query": "SELECT 1", "queryType": "query", "params": {"a": 1}})),
        ("never.heardOf", json!({"a": 1})),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_request_with_any_member_wrong_gets_exactly_one_answer() {
    let fake = Fake::start_with(|client| client.session_fs(MemoryFs::new())).await;
    let session = yes(&fake).await;
    let mut sent = BTreeMap::new();
    for (method, mut params) in requests() {
        params["sessionId"] = json!(session.id());
        let all = members_of(&params);
        let mut tried = vec![json!(null), json!(7), json!([]), json!("x")];
        for path in &all {
            tried.push(without(&params, path));
            tried.push(with(&params, path, Value::Null));
            let wrong = wrong(params.pointer(path).expect("it is there"));
            tried.extend(wrong.into_iter().map(|wrong| with(&params, path, wrong)));
        }
        tried.push(params);
        for (at, mut params) in tried.into_iter().enumerate() {
            let id = json!(format!("{method} {at}"));
            // A call runs once under its id.
            if let Some(call) = params.pointer_mut("/toolCallId").filter(|call| call.is_string()) {
                *call = json!(format!("call {at}"));
            }
            let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
            fake.cli.frame(request.to_string());
            sent.insert(id.to_string(), params);
            settle().await;
        }
    }
    assert!(sent.len() > 300, "{}", sent.len());
    for (id, params) in sent {
        let answers = fake.answers_to(&serde_json::from_str(&id).unwrap());
        assert_eq!(answers.len(), 1, "{id} {params}: {answers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_event_that_asks_with_any_member_wrong_gets_exactly_one_answer() {
    let fake = Fake::start().await;
    let session = yes(&fake).await;
    for (at, (name, method, data)) in events().into_iter().enumerate() {
        let mut sent = Vec::new();
        let mut ask = |mut data: Value| {
            let id = format!("{name} {}", sent.len());
            data["requestId"] = json!(id);
            if let Some(call) = data.pointer_mut("/toolCallId").filter(|call| call.is_string()) {
                *call = json!(format!("call {id}"));
            }
            fake.cli.event(session.id(), name, data.clone());
            sent.push((id, data));
        };
        ask(data.clone());
        for path in members_of(&data) {
            // Without a name it is another client's.
            if !matches!(&*path, "/toolName" | "/commandName") {
                ask(without(&data, &path));
                ask(with(&data, &path, Value::Null));
            }
            for wrong in wrong(data.pointer(&path).expect("it is there")) {
                ask(with(&data, &path, wrong));
            }
        }
        settle().await;
        let answers = fake.cli.requests(method);
        for (id, data) in sent {
            let of: Vec<_> = answers.iter().filter(|answer| answer["requestId"] == *id).collect();
            assert_eq!(of.len(), 1, "{name} {data}: {of:?}");
        }
        // An id is sent back as it was sent, and the first of all the answers is the handler's.
        for id in [json!(at), json!({"a": at})] {
            let mut data = data.clone();
            data["requestId"] = id.clone();
            fake.cli.event(session.id(), name, data);
            settle().await;
            let answers = fake.cli.requests(method);
            assert_eq!(answers.iter().filter(|answer| answer["requestId"] == id).count(), 1, "{name} {id}");
        }
        // A request without an id cannot be answered, and the handler does not run.
        let before = fake.cli.requests(method).len();
        for id in [json!(null), json!("")] {
            let mut data = data.clone();
            data["requestId"] = id;
            fake.cli.event(session.id(), name, data);
        }
        fake.cli.event(session.id(), name, data);
        settle().await;
        assert_eq!(fake.cli.requests(method).len(), before, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_asks_and_cannot_be_read_gets_the_safe_answer_of_its_kind() {
    let fake = Fake::start().await;
    let session = yes(&fake).await;
    let mut failures = session.events();
    let bad = |name: &str, path: &str, put: Value| {
        let (_, method, data) = events().into_iter().find(|(of, ..)| *of == name).expect("it is listed");
        let mut data = with(&data, path, put);
        data["requestId"] = json!(format!("bad {method} {path}"));
        fake.cli.event(session.id(), name, data);
        method
    };
    let expected = [
        (bad("elicitation.requested", "/message", json!(7)), json!({"result": {"action": "cancel"}})),
        (bad("mcp.oauth_required", "/serverName", json!(7)), json!({"result": {"kind": "cancelled"}})),
        (
            bad("mcp.headers_refresh_required", "/serverName", json!(7)),
            json!({"result": {"kind": "error", "message": "the program could not give the headers"}}),
        ),
        (bad("sampling.requested", "/serverName", json!(7)), json!({})),
        (
            bad("session_limits_exhausted.requested", "/usedAiCredits", json!("x")),
            json!({"response": {"action": "cancel"}}),
        ),
        (
            bad("command.execute", "/args", json!(7)),
            json!({"error": "the command cannot be read: `args`: invalid type: integer `7`, expected a string"}),
        ),
        (
            bad("permission.requested", "/permissionRequest/commands/0/readOnly", json!("yes")),
            json!({"result": {"kind": "user-not-available"}}),
        ),
    ];
    settle().await;
    for (method, mut expected) in expected {
        expected["sessionId"] = json!(session.id());
        let mut answers = fake.cli.requests(method);
        let id = answers[0].as_object_mut().and_then(|answer| answer.remove("requestId"));
        assert!(id.is_some_and(|id| id.as_str().is_some_and(|id| id.starts_with("bad"))));
        assert_eq!(answers, [expected], "{method}");
    }
    for (member, put) in
        [("toolCallId", json!(7)), ("workingDirectory", json!(7)), ("traceparent", json!([]))]
    {
        let before = fake.cli.requests("session.tools.handlePendingToolCall").len();
        bad("external_tool.requested", &format!("/{member}"), put);
        settle().await;
        let answer = &fake.cli.requests("session.tools.handlePendingToolCall")[before];
        let text = answer["result"]["textResultForLlm"].as_str().unwrap();
        assert!(text.contains("`plus_one`") && text.contains(&format!("`{member}`")), "{text}");
        assert_eq!(answer["result"]["resultType"], "failure");
    }
    // The program learns of each that a handler of its would have answered.
    let mut failed = Vec::new();
    while failed.len() < 7 {
        if let EventKind::HandlerFailed(failure) = failures.next().await.unwrap().kind() {
            assert!(failure.error.to_string().contains("cannot be read: `"), "{}", failure.error);
            failed.push(failure.handler);
        }
    }
    failed.sort_unstable();
    let handlers = [
        "Limits::on_exhausted",
        "Mcp::on_headers",
        "Mcp::on_login",
        "Mcp::on_sampling",
        "command",
        "on_elicitation",
        "on_permission",
    ];
    assert_eq!(failed, handlers);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_read_gets_the_safe_answer_of_its_kind() {
    let fake = Fake::start().await;
    let session = yes(&fake).await;
    let mut failures = session.events();
    let ask = async |method: &str, params: Value| {
        let mut params = params;
        if params.get("sessionId").is_none() {
            params["sessionId"] = json!(session.id());
        }
        fake.cli.request(method, params).await
    };
    let denied = |answer: &Value| answer["output"]["permissionDecision"] == "deny";
    let hook = json!({"toolName": "bash", "toolArgs": {}});
    // The yes of the handlers shows that it is the wrong member that makes the difference.
    assert!(!denied(&ask("hooks.invoke", json!({"hookType": "preToolUse", "input": hook})).await.unwrap()));
    for wrong in [
        json!({"hookType": "preToolUse", "input": {"toolName": 7}}),
        json!({"hookType": "preToolUse", "input": {"toolName": "bash", "cwd": 7}}),
        json!({"hookType": "preToolUse", "input": 7}),
        json!({"hookType": 7, "input": hook}),
        json!({"hookType": null, "input": hook}),
        json!({"input": hook}),
        json!({"hookType": "preToolUse", "input": hook, "sessionId": 7}),
        json!({"hookType": 7, "input": hook, "sessionId": null}),
    ] {
        assert!(denied(&ask("hooks.invoke", wrong.clone()).await.unwrap()), "{wrong}");
    }
    for wrong in [json!({"summary": 7}), json!({"actions": [7]}), json!({"summary": "s", "sessionId": 7})] {
        assert_eq!(ask("exitPlanMode.request", wrong.clone()).await.unwrap()["approved"], false, "{wrong}");
    }
    for wrong in [json!({"errorCode": 7}), json!({"retryAfterSeconds": "x"})] {
        assert_eq!(
            ask("autoModeSwitch.request", wrong.clone()).await.unwrap(),
            json!({"response": "no"}),
            "{wrong}"
        );
    }
    for wrong in [
        json!({"permissionRequest": {"kind": "read", "path": 7}}),
        json!({"permissionRequest": []}),
        json!({"permissionRequest": {"kind": "read", "path": "/x"}, "sessionId": 7}),
    ] {
        let answer = ask("permission.request", wrong.clone()).await.unwrap();
        assert_eq!(
            answer["result"]["kind"], "denied-no-approval-rule-and-could-not-request-from-user",
            "{wrong}"
        );
    }
    let call =
        json!({"toolCallId": "c", "toolName": "plus_one", "arguments": {"number": 1}, "workingDirectory": 7});
    let answer = ask("tool.call", call).await.unwrap();
    let text = answer["result"]["textResultForLlm"].as_str().unwrap();
    assert!(text.contains("`plus_one`") && text.contains("`workingDirectory`"), "{text}");
    // To these there is no safe answer, only an error that names the member.
    for (method, params, member) in [
        ("userInput.request", json!({"question": "?", "choices": [7]}), "`choices[0]`"),
        ("systemMessage.transform", json!({"sections": {"tone": {"content": 7}}}), "`sections.tone.content`"),
        ("providerToken.getToken", json!({"providerName": 7}), "`providerName`"),
        ("gitHubToken.getToken", json!({"registrationId": 7}), "`registrationId`"),
        ("skillProvider.read", json!({"name": 7}), "`name`"),
        ("canvas.open", json!({"canvasId": 7}), "`canvasId`"),
        ("userInput.request", json!({"question": "?", "sessionId": 7}), "`sessionId`"),
    ] {
        let error = ask(method, params).await.unwrap_err();
        assert!(error.message.contains(member) && error.message.contains(method), "{}", error.message);
    }
    settle().await;
    let failed: std::collections::BTreeSet<_> = std::iter::from_fn(|| failures.try_next())
        .filter_map(|event| match event.kind() {
            EventKind::HandlerFailed(failure) => Some(failure.handler),
            _ => None,
        })
        .collect();
    for handler in
        ["ModelOptions::on_auto_mode_switch", "on_exit_plan_mode", "on_permission", "on_user_input"]
    {
        assert!(failed.contains(handler), "{handler}: {failed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_of_another_client_is_left_to_that_one_even_where_it_cannot_be_read() {
    let fake = Fake::start().await;
    let session = fake.session().command("mine", "Does.", |_| async {}).start().await.unwrap();
    let ask = |name: &str, data: Value| drop(fake.cli.event(session.id(), name, data));
    let before = fake.cli.received().len();
    ask("external_tool.requested", json!({"requestId": "a", "toolName": "other", "toolCallId": 7}));
    ask("elicitation.requested", json!({"requestId": "b", "message": 7}));
    ask("command.execute", json!({"requestId": "c", "commandName": "deploy", "args": 7}));
    ask("mcp.oauth_required", json!({"requestId": "d", "serverName": 7}));
    // A hook has decided already.
    let decided = json!({"requestId": 7, "permissionRequest": {}, "resolvedByHook": true});
    ask("permission.requested", decided);
    ask("mcp.headers_refresh_required", json!({"requestId": "e", "serverName": 7}));
    settle().await;
    assert_eq!(fake.cli.received().len(), before);
}

#[tokio::test(start_paused = true)]
async fn null_members_of_questions_are_absent() {
    let fake = Fake::start().await;
    let asked: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let session = fake
        .session()
        .with_tools([plus_one::TOOL])
        .on_user_input({
            let asked = Arc::clone(&asked);
            move |question| {
                asked.lock().unwrap().push(format!("{:?}", question.choices));
                async { "yes" }
            }
        })
        .start()
        .await
        .unwrap();
    let id: &SessionId = session.id();
    let params = json!({"sessionId": id, "question": "?", "choices": null, "allowFreeform": null});
    assert_eq!(fake.cli.request("userInput.request", params).await.unwrap()["answer"], "yes");
    assert_eq!(*asked.lock().unwrap(), ["[]"]);
    let call = json!({"requestId": "r", "toolCallId": "c", "toolName": "plus_one", "arguments": {"number": 1},
                      "workingDirectory": null, "traceparent": null});
    fake.cli.event(id, "external_tool.requested", call);
    let answer = &fake.cli.requested("session.tools.handlePendingToolCall", 1).await[0];
    assert_eq!(answer["result"]["textResultForLlm"], "2");
}
