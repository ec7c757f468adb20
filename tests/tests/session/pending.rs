//! Tool calls and permission requests that wait for an answer.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use copilot::permissions::{DecisionContext, DecisionOutcome, DecisionSource, PermissionKind};
use copilot::resume::Resume;
use copilot::testing::{FakeCli, RpcError};
use copilot::{Client, Decision, ErrorKind, Permissions, Session, ToolResult};
use serde_json::{Value, json};

const DECIDE: &str = "session.permissions.handlePendingPermissionRequest";

/// A CLI that waits for a decision about a command; its list has only the dialog.
fn waiting_for_a_command() -> FakeCli {
    let cli = FakeCli::new();
    cli.on("session.tools.listPendingRequests", |_, _| json!({"items": []}));
    cli.on("session.permissions.pendingRequests", |_, _| {
        let dialog = json!({"kind": "commands", "fullCommandText": "ls", "commandIdentifiers": ["ls"],
                            "toolCallId": "c1"});
        json!({"items": [{"requestId": "p1", "request": dialog}]})
    });
    cli
}

/// The pages of a history, in which the request stands on the second one.
fn with_history(cli: &FakeCli, request: Value) {
    cli.on("session.eventLog.read", move |params, _| {
        assert_eq!(params["types"], json!(["permission.requested"]));
        let event = |id: &str, request: &Value| {
            json!({"type": "permission.requested", "id": id, "timestamp": "", "data":
                   {"requestId": id, "permissionRequest": request, "promptRequest": {}}})
        };
        match params["cursor"].as_str() {
            None => {
                let other = event("p0", &json!({"kind": "url", "url": "https://h/"}));
                json!({"events": [other], "cursor": "1", "hasMore": true})
            }
            Some(_) => json!({"events": [event("p1", &request)], "cursor": "2", "hasMore": false}),
        }
    });
}

fn command(bypass: bool) -> Value {
    json!({"kind": "shell", "toolCallId": "c1", "fullCommandText": "ls",
           "commands": [{"identifier": "ls", "readOnly": true}], "hasWriteFileRedirection": false,
           "requestSandboxBypass": bypass})
}

async fn resumed(client: &Client, permissions: Permissions) -> Session {
    let continues = Resume::new().continue_pending_work(true);
    client.resume("s").permissions(permissions).resume_options(continues).start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_left_open_is_decided_in_full() {
    let commands = || Permissions::default().allow(PermissionKind::Shell);
    for (permissions, request, expected) in [
        (commands(), Some(command(false)), "approve-once"),
        (commands(), Some(command(true)), "user-not-available"),
        (commands().allow_sandbox_bypass(), Some(command(true)), "approve-once"),
        (Permissions::read_only(), Some(command(false)), "approve-once"),
        (Permissions::default(), Some(command(false)), "user-not-available"),
        // Without the request nothing says that the command stays in the sandbox, or that it only reads.
        (commands(), None, "user-not-available"),
        (Permissions::approve_all(), None, "user-not-available"),
        (commands().allow_sandbox_bypass(), None, "approve-once"),
        (Permissions::read_only().allow_sandbox_bypass(), None, "user-not-available"),
    ] {
        let cli = waiting_for_a_command();
        match request.clone() {
            Some(request) => with_history(&cli, request),
            None => cli.on("session.eventLog.read", |_, _| RpcError::unknown_method("session.eventLog.read")),
        }
        let client = cli.client_builder().start().await.unwrap();
        client.session().id("s").start().await.unwrap().close().await.unwrap();
        let _session = resumed(&client, permissions.clone()).await;
        let decided = cli.requested(DECIDE, 1).await;
        assert_eq!(
            (&decided[0]["requestId"], &decided[0]["result"]["kind"]),
            (&json!("p1"), &json!(expected)),
            "{permissions:?} {request:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_their_dialogs_show_in_full_are_not_looked_for() {
    let cli = FakeCli::new();
    cli.on(
        "session.permissions.pendingRequests",
        |_, _| json!({"items": [{"requestId": "p1", "request": {"kind": "url", "url": "https://h/x"}}]}),
    );
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().start().await.unwrap();
    let pending = session.pending_permissions().await.unwrap();
    assert_eq!(
        (pending[0].request_id.as_str(), pending[0].request.kind(), pending[0].request.origin()),
        ("p1", &PermissionKind::Url, Some("https://h"))
    );
    assert!(cli.requests("session.eventLog.read").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pending_request_is_listed_and_decided_by_its_id() {
    let cli = waiting_for_a_command();
    with_history(&cli, command(true));
    cli.on(DECIDE, |_, _| json!({"success": true}));
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().start().await.unwrap();
    let pending = session.pending_permissions().await.unwrap();
    let [asked] = pending.as_slice() else { panic!("{pending:?}") };
    assert_eq!((asked.request.command(), asked.request.requests_sandbox_bypass()), (Some("ls"), true));
    let by_a_person = DecisionContext::new()
        .outcome(DecisionOutcome::PromptedUser)
        .source(DecisionSource::HumanResponse)
        .surface("a form");
    let id = &asked.request_id;
    session.decide_permission(id, Decision::NoResult).await.unwrap();
    // This decision does not name the sandbox, and the policy denies the command.
    for decision in [Decision::Approve, Decision::Default] {
        session.decide_permission(id, decision).await.unwrap();
    }
    session.decide_permission(id, Decision::ApproveSandboxBypass.with_context(by_a_person)).await.unwrap();
    session.decide_permission(id, Decision::reject("no")).await.unwrap();
    let sent: Vec<Value> = cli.requests(DECIDE).iter().map(|params| params["result"].clone()).collect();
    let kinds: Vec<&str> = sent.iter().filter_map(|result| result["kind"].as_str()).collect();
    assert_eq!(kinds, ["user-not-available", "user-not-available", "approve-once", "reject"]);
    assert_eq!(
        cli.requests(DECIDE)[2]["decisionContext"],
        json!({"outcome": "prompted_user", "source": "human_response", "surface": "a form"})
    );
    assert_eq!(cli.requests(DECIDE)[3].get("decisionContext"), None);

    let unknown = session.decide_permission(&"p2".into(), Decision::Approve).await.unwrap_err();
    assert!(unknown.kind() == ErrorKind::Session && unknown.to_string().contains("p2"), "{unknown}");
    cli.on(DECIDE, |_, _| json!({"success": false}));
    let late = session.decide_permission(id, Decision::Approve).await.unwrap_err();
    assert!(late.to_string().contains("does not wait for a decision"), "{late}");
    cli.on("session.permissions.pendingRequests", |_, _| RpcError::unknown_method("it"));
    assert!(session.pending_permissions().await.unwrap_err().is_unsupported());
}

/// Delete everything.
#[copilot::tool(destructive)]
async fn delete_everything() {}

#[tokio::test(start_paused = true)]
async fn a_tool_whose_permission_was_decided_by_its_id_runs() {
    let cli = FakeCli::new();
    cli.on("session.permissions.pendingRequests", |_, _| {
        let request = |id: &str| {
            json!({"kind": "custom-tool", "toolName": "delete_everything", "toolCallId": id, "args": {}})
        };
        json!({"items": [{"requestId": "p1", "request": request("c1")}, {"requestId": "p2", "request": request("c2")}]})
    });
    cli.on(DECIDE, |_, _| json!({"success": true}));
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().with_tools([delete_everything::TOOL]).start().await.unwrap();
    session.decide_permission(&"p1".into(), Decision::Approve).await.unwrap();
    session.decide_permission(&"p2".into(), Decision::reject("no")).await.unwrap();
    for (id, result) in [("c1", "success"), ("c2", "denied"), ("c3", "denied")] {
        let called = cli.call_tool(session.id(), "delete_everything", json!({})).call_id(id).await;
        assert_eq!(called["resultType"], result, "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_context_of_a_handlers_decision_reaches_the_cli() {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().on_permission(|request| async move {
        match request.command() {
            Some("fails") => Err("no"),
            _ => {
                Ok(Decision::Approve.with_context(DecisionContext::new().source(DecisionSource::HostPolicy)))
            }
        }
    });
    let session = session.start().await.unwrap();
    for (command, kind, source) in
        [("works", "approve-once", json!("host_policy")), ("fails", "user-not-available", Value::Null)]
    {
        let request = json!({"kind": "shell", "fullCommandText": command, "commands": []});
        let asked = cli.ask_permission(session.id(), request).request_id(command).start();
        assert_eq!(asked.answer().await["kind"], kind, "{command}");
        let sent = cli.requests(DECIDE).pop().unwrap();
        assert_eq!(sent["decisionContext"]["source"], source, "{command}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_call_is_answered_by_the_id_of_its_request() {
    let method = "session.tools.handlePendingToolCall";
    let cli = FakeCli::new();
    cli.on(method, |_, _| json!({"success": true}));
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().start().await.unwrap();
    session.answer_tool_call(&"r1".into(), &ToolResult::success("yes")).await.unwrap();
    let sent = cli.requests(method).pop().unwrap();
    assert_eq!((&sent["requestId"], &sent["result"]["textResultForLlm"]), (&json!("r1"), &json!("yes")));
    cli.on(method, |_, _| json!({"success": false}));
    let late = session.answer_tool_call(&"r1".into(), &ToolResult::success("yes")).await.unwrap_err();
    assert!(late.kind() == ErrorKind::Session && late.to_string().contains("call r1"), "{late}");
}
