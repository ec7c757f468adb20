//! Members that are absent, `null` or of a wrong type: what real CLIs have sent is read as far as it can be, and every
//! question gets exactly one answer.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use copilot::canvas::{Canvas, CanvasView};
use copilot::elicitation::ElicitationResponse;
use copilot::history::EventQuery;
use copilot::hooks::{Hooks, PreToolUse};
use copilot::host::session_fs::MemoryFs;
use copilot::limits::{Limits, LimitsResponse};
use copilot::mcp::{Mcp, McpHeadersResponse, McpLoginResponse, SamplingResponse};
use copilot::models::ModelOptions;
use copilot::modes::{AutoModeSwitchResponse, ExitPlanModeResponse, PlanAction};
use copilot::tokens::GithubTokenResponse;
use copilot::user_input::UserInputResponse;
use copilot::{Decision, Event, EventKind, Session, SessionId};
use copilot_tests::fake::{Fake, settle};
use serde_json::{Value, json};

/// The events that real CLIs have sent.
fn recorded() -> Vec<Value> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut events = Vec::new();
    for entry in std::fs::read_dir(fixtures).expect("the fixtures are there") {
        let path = entry.expect("the directory can be read").path().join("events.jsonl");
        if let Ok(text) = std::fs::read_to_string(path) {
            events.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")));
        }
    }
    assert!(events.len() > 50);
    events
}

/// The paths of all members within a value.
fn members(value: &Value, path: &str, found: &mut Vec<String>) {
    let Value::Object(members_of) = value else {
        if let Value::Array(items) = value {
            items.iter().enumerate().for_each(|(at, item)| members(item, &format!("{path}/{at}"), found));
        }
        return;
    };
    for (name, value) in members_of {
        let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        members(value, &path, found);
        found.push(path);
    }
}

fn members_of(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    members(value, "", &mut found);
    found
}

fn with(value: &Value, path: &str, put: Value) -> Value {
    let mut value = value.clone();
    *value.pointer_mut(path).expect("it is there") = put;
    value
}

fn without(value: &Value, path: &str) -> Value {
    let mut value = value.clone();
    let (container, name) = path.rsplit_once('/').expect("a path");
    let name = name.replace("~1", "/").replace("~0", "~");
    value.pointer_mut(container).and_then(Value::as_object_mut).expect("an object").remove(&name);
    value
}

/// A value of each type that is not the type of this one.
fn wrong(value: &Value) -> Vec<Value> {
    let all = [json!(7), json!("no"), json!(true), json!([[]]), json!({"a": {}})];
    all.into_iter().filter(|other| std::mem::discriminant(other) != std::mem::discriminant(value)).collect()
}

/// What a program sees of an event.
fn seen(event: &Value) -> Result<String, String> {
    let event: Event = serde_json::from_str(&event.to_string()).map_err(|error| error.to_string())?;
    Ok(format!("{:?} {:?} {:?}", event.parent_id(), event.agent_id(), event.kind()))
}

#[test]
fn null_means_absent_in_every_member_of_the_recorded_events() {
    let mut looked_at = 0;
    for event in recorded() {
        for path in members_of(&event) {
            let (null, absent) = (seen(&with(&event, &path, Value::Null)), seen(&without(&event, &path)));
            let nulls =
                |text: &Result<String, String>| format!("{text:?}").to_lowercase().matches("null").count();
            // A value that the library hands on as JSON, such as a tool's argument, may be `null`.
            if nulls(&null) > nulls(&absent) {
                continue;
            }
            assert_eq!(null, absent, "{path} of {event}");
            assert!(path == "/type" || null.is_ok(), "{path} of {event}");
            looked_at += 1;
        }
    }
    assert!(looked_at > 1000, "{looked_at}");
}

#[test]
fn one_member_of_a_wrong_type_costs_no_more_than_it_must() {
    for event in recorded() {
        let is_text = |path: &str| event.pointer(path).is_some_and(Value::is_string);
        for path in members_of(&event).into_iter().filter(|path| path.starts_with("/data/")) {
            for wrong in wrong(event.pointer(&path).expect("it is there")) {
                let changed = with(&event, &path, wrong);
                let read: Event =
                    serde_json::from_str(&changed.to_string()).expect("the envelope is unchanged");
                assert_eq!(serde_json::from_str::<Value>(read.raw_data()).unwrap(), changed["data"]);
                if let EventKind::Invalid(why) = read.kind() {
                    assert!(is_text(&path) && why.starts_with('`'), "{path} of {changed}: {why}");
                }
            }
        }
    }
}

#[test]
fn an_answer_and_an_end_are_read_whatever_their_other_members_are() {
    let event = |name: &str, data: Value| -> Event {
        let event = json!({"type": name, "id": "i", "timestamp": "t", "data": data});
        serde_json::from_str(&event.to_string()).unwrap()
    };
    for odd in [json!(null), json!(7), json!({}), json!([7]), json!([{"name": 7}])] {
        let message = event(
            "assistant.message",
            json!({"messageId": "m", "content": "Hi", "toolRequests": odd, "reasoningText": odd}),
        );
        let EventKind::AssistantMessage(message) = message.kind() else { panic!("{message:?}") };
        assert_eq!((&*message.content, message.tool_requests.len()), ("Hi", 0));
        let idle = event("session.idle", json!({"aborted": odd, "mode": odd}));
        assert!(matches!(idle.kind(), EventKind::SessionIdle(idle) if !idle.aborted), "{odd}");
        let error = event("session.error", json!({"message": "m", "errorType": "quota", "statusCode": odd}));
        assert!(matches!(error.kind(), EventKind::SessionError(error) if error.message == "m"), "{odd}");
        let user = event("user.message", json!({"content": "c", "messageId": null, "delivery": odd}));
        assert!(matches!(user.kind(), EventKind::UserMessage(user) if user.content == "c"), "{odd}");
        assert!(matches!(event("abort", json!({"reason": null, "x": odd})).kind(), EventKind::Abort(_)));
    }
    // The text itself has no absent form: an empty answer must not stand in for it.
    let message = event("assistant.message", json!({"content": 7}));
    let EventKind::Invalid(why) = message.kind() else { panic!("{message:?}") };
    assert_eq!(why, "`content`: invalid type: integer `7`, expected a string");
    assert_eq!(message.raw_data(), r#"{"content":7}"#);
}

#[tokio::test(start_paused = true)]
async fn a_turn_with_null_members_ends_with_its_answer() {
    let fake = Fake::start().await;
    fake.cli.on_turn(|turn| async move {
        let id = turn.session_id().clone();
        let message = json!({"messageId": "m", "content": "Hi.", "toolRequests": null, "reasoningText": null});
        turn.cli().whole_event(&id, json!({"type": "assistant.message", "agentId": null, "parentId": null, "ephemeral": null, "timestamp": null, "id": null, "data": message}));
        turn.cli().whole_event(&id, json!({"type": "session.idle", "agentId": null, "data": {"aborted": null, "backgroundTasks": null}}));
    });
    let session = fake.session().start().await.unwrap();
    assert_eq!(session.ask("?").await.unwrap().text(), "Hi.");
}

#[tokio::test(start_paused = true)]
async fn an_event_with_a_member_of_a_wrong_type_reaches_the_program() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    let mut events = session.events();
    let event = json!({"type": "assistant.message", "id": 7, "timestamp": {}, "parentId": [], "agentId": 5,
                       "ephemeral": "x", "data": {"content": 7}});
    fake.cli.whole_event(session.id(), event);
    let event = events.next().await.unwrap();
    assert_eq!((event.name(), event.id(), event.raw_data()), ("assistant.message", "", r#"{"content":7}"#));
    // An agent whose id is odd is not the session's own.
    assert_eq!((event.agent_id(), event.parent_id()), (Some("5"), None));
    assert!(matches!(event.kind(), EventKind::Invalid(why) if why.starts_with("`content`")));
    // Neither ends a sub-agent's event a turn, nor does `null` hide an event without data.
    fake.cli.whole_event(session.id(), json!({"type": "session.idle", "data": null}));
    assert!(matches!(events.next().await.unwrap().kind(), EventKind::Invalid(_) | EventKind::SessionIdle(_)));
}

#[tokio::test(start_paused = true)]
async fn an_envelope_of_wrong_types_fails_neither_its_event_nor_its_page() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    let time = "2026-11-22T11:07:56.346Z";
    let odd =
        [json!(7), json!("yesterday"), json!({"a": [1]}), json!(true), json!(null), json!(-1), json!(1e300)];
    let event = |timestamp: &Value| {
        json!({"type": "session.info", "timestamp": timestamp, "id": timestamp, "parentId": 7, "ephemeral": 7,
               "agentId": "a\u{1}\"", "data": {"message": "m"}})
    };
    let all: Vec<_> = odd.iter().chain([&json!(time)]).map(event).collect();
    let expected: Vec<_> =
        [Some("1970-01-01T00:00:00.007Z"), None, None, None, None, None, None, Some(time)].into();
    let check = |events: &[Event]| {
        let read = |event: &Event| event.timestamp().map(|time| time.to_string());
        assert_eq!(
            events.iter().map(read).collect::<Vec<_>>(),
            expected.iter().map(|time| time.map(String::from)).collect::<Vec<_>>()
        );
        for (event, sent) in events.iter().zip(&all) {
            assert!(matches!(event.kind(), EventKind::SessionInfo(info) if info.message == "m"), "{event:?}");
            assert_eq!((event.agent_id(), event.parent_id()), (Some("a\u{1}\""), None));
            // The time is kept as it was sent, so that a history that is written down loses nothing.
            let written = serde_json::to_value(event).unwrap();
            assert_eq!(written.get("timestamp").unwrap_or(&json!(null)), &sent["timestamp"]);
        }
    };
    let mut events = session.events();
    let mut live = Vec::new();
    for event in &all {
        fake.cli.whole_event(session.id(), event.clone());
        live.push(events.next().await.unwrap());
    }
    check(&live);
    let page = json!({"events": all, "cursor": "1"});
    fake.cli.on("session.eventLog.read", move |_, _| page.clone());
    check(&session.history().page(&EventQuery::new()).await.unwrap().events);
}

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
        // Without an id nobody can be answered, and the handler is not asked.
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
        "command",
        "on_elicitation",
        "on_limits_exhausted",
        "on_mcp_headers",
        "on_mcp_login",
        "on_permission",
        "on_sampling",
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
    for handler in ["on_auto_mode_switch", "on_exit_plan_mode", "on_permission", "on_user_input"] {
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

#[tokio::test(start_paused = true)]
async fn null_members_of_answers_are_absent() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    fake.cli.on(
        "session.commands.list",
        |_, _| json!({"commands": [{"name": "a", "aliases": null, "description": null, "kind": null}, null]}),
    );
    let commands = session.commands().list().await.unwrap();
    assert_eq!((commands.len(), &*commands[0].name, commands[0].aliases.len()), (1, "a", 0));
    fake.cli.on("session.commands.list", |_, _| json!({"commands": null}));
    assert!(session.commands().list().await.unwrap().is_empty());
    fake.cli.on("session.commands.list", |_, _| json!({"commands": [{"name": "a", "aliases": [7]}]}));
    let error = session.commands().list().await.unwrap_err();
    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(format!("{error} {source}").contains("`commands[0].aliases[0]`"), "{error} {source}");
}

/// Where JSON is decoded past `protocol::decode`, how often, and why that is not a payload of the wire.
const OTHER_DECODING: &[(&str, usize, &str)] = &[
    ("api/hooks.rs", 1, "a constant"),
    ("api/interaction/elicitation.rs", 1, "a type of the caller"),
    ("api/mcp/sampling.rs", 1, "a type of the caller"),
    ("api/requests.rs", 1, "a type of the caller"),
    ("events/mod.rs", 2, "a type of the caller, and the payload as text"),
    ("events/subscribers.rs", 6, "single members, each read by itself so that one cannot hide another"),
    ("protocol/decode.rs", 8, "the place itself"),
    ("protocol/hooks.rs", 1, "arguments that are a text"),
    ("providers/inference/body.rs", 1, "a type of the caller"),
    ("rpc/head.rs", 2, "the head of a message that is not read whole"),
    ("rpc/reader.rs", 6, "the envelope, all of whose members are options"),
    ("session/guard.rs", 1, "the output of the program's own hook"),
    ("session/host.rs", 1, "parameters of the program"),
    ("session/permission_request.rs", 1, "a type of the caller"),
    ("session/structured.rs", 3, "the text of an answer"),
];

#[test]
fn payloads_of_the_wire_are_decoded_in_one_place() {
    fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                sources(&path, found);
            } else if !path.ends_with("tests.rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").join("copilot/src");
    let mut found = Vec::new();
    for folder in ["api", "client", "events", "protocol", "providers", "rpc", "session"] {
        sources(&root.join(folder), &mut found);
    }
    found.sort();
    let mut counts = Vec::new();
    for path in found {
        let text = std::fs::read_to_string(&path).expect("a source is UTF-8");
        let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let calls = ["serde_json::from_", "serde_json::Deserializer::from_"];
        let count = calls.iter().map(|call| text.matches(call).count()).sum::<usize>();
        if count > 0 {
            let name = path.strip_prefix(&root).expect("it was found there").display().to_string();
            counts.push((name.replace('\\', "/"), count));
        }
    }
    let expected: Vec<_> =
        OTHER_DECODING.iter().map(|(name, count, _)| ((*name).to_owned(), *count)).collect();
    assert_eq!(counts, expected, "payloads of the wire are read with `protocol::decode`");
}
