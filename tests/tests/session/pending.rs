//! Tool calls and permission requests that wait for an answer.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use std::time::Duration;

use copilot::permissions::{DecisionContext, DecisionOutcome, DecisionSource, PermissionKind};
use copilot::resume::Resume;
use copilot::testing::{FakeCli, RpcError};
use copilot::{Client, Decision, ErrorKind, EventKind, Permissions, Session, ToolResult};
use copilot_tests::events::next_event;
use copilot_tests::fake::{Fake, settle};
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
    cli.on("session.tools.listPendingRequests", |_, _| json!({"items": []}));
    cli.on(
        "session.permissions.pendingRequests",
        |_, _| json!({"items": [{"requestId": "p1", "request": {"kind": "url", "url": "https://h/x"}}]}),
    );
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().start().await.unwrap();
    let pending = session.pending().await.unwrap();
    let asked = &pending.permissions()[0];
    assert_eq!(
        (asked.request_id().as_str(), asked.request().kind(), asked.request().origin()),
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
    let pending = session.pending().await.unwrap();
    let [asked] = pending.permissions() else { panic!("{pending:?}") };
    let request = asked.request();
    assert_eq!((request.command(), request.requests_sandbox_bypass()), (Some("ls"), true));
    assert!(asked.approve().await.unwrap_err().to_string().contains("leaves the sandbox"));
    let by_a_person = DecisionContext::new()
        .outcome(DecisionOutcome::PromptedUser)
        .source(DecisionSource::HumanResponse)
        .surface("a form");
    asked.decide(Decision::Later).await.unwrap();
    // This decision does not name the sandbox, and the policy denies the command.
    for decision in [Decision::Approve, Decision::Default] {
        asked.decide(decision).await.unwrap();
    }
    asked.decide(Decision::ApproveSandboxBypass.with_context(by_a_person)).await.unwrap();
    asked.deny("no").await.unwrap();
    let sent: Vec<Value> = cli.requests(DECIDE).iter().map(|params| params["result"].clone()).collect();
    let kinds: Vec<&str> = sent.iter().filter_map(|result| result["kind"].as_str()).collect();
    assert_eq!(kinds, ["user-not-available", "user-not-available", "approve-once", "reject"]);
    assert_eq!(
        cli.requests(DECIDE)[2]["decisionContext"],
        json!({"outcome": "prompted_user", "source": "human_response", "surface": "a form"})
    );
    assert_eq!(cli.requests(DECIDE)[3].get("decisionContext"), None);

    assert!(pending.permission(&"p1".into()).is_some() && pending.permission(&"p2".into()).is_none());
    cli.on(DECIDE, |_, _| json!({"success": false}));
    let late = asked.decide(Decision::Approve).await.unwrap_err();
    assert!(late.to_string().contains("does not wait for a decision"), "{late}");
    cli.on("session.permissions.pendingRequests", |_, _| RpcError::unknown_method("it"));
    let gone = asked.deny("no").await.unwrap_err();
    assert!(gone.is_unsupported(), "{gone}");
    assert!(session.pending().await.unwrap_err().is_unsupported());
}

/// Delete everything.
#[copilot::tool(destructive)]
async fn delete_everything() {}

#[tokio::test(start_paused = true)]
async fn a_tool_whose_permission_was_decided_by_its_id_runs() {
    let cli = FakeCli::new();
    cli.on("session.tools.listPendingRequests", |_, _| json!({"items": []}));
    cli.on("session.permissions.pendingRequests", |_, _| {
        let request = |id: &str| {
            json!({"kind": "custom-tool", "toolName": "delete_everything", "toolCallId": id, "args": {}})
        };
        json!({"items": [{"requestId": "p1", "request": request("c1")}, {"requestId": "p2", "request": request("c2")}]})
    });
    cli.on(DECIDE, |_, _| json!({"success": true}));
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().with_tools([delete_everything::TOOL]).start().await.unwrap();
    let pending = session.pending().await.unwrap();
    pending.permission(&"p1".into()).unwrap().approve().await.unwrap();
    pending.permission(&"p2".into()).unwrap().deny("no").await.unwrap();
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
    let cli = listing_a_call(json!({"order": 1}));
    cli.on(method, |_, _| json!({"success": true}));
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().start().await.unwrap();
    let pending = session.pending().await.unwrap();
    let call = pending.tool_call(&"r1".into()).unwrap();
    assert_eq!(
        (call.tool(), call.call_id().as_str(), &call.arguments()["order"]),
        ("pay_back", "c1", &json!(1))
    );
    let error = call.settle(json!("yes")).await.unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains("not deferred"), "{error}");
    call.answer(&ToolResult::success("yes")).await.unwrap();
    call.deny("no").await.unwrap();
    let sent = cli.requests(method);
    assert_eq!(
        (&sent[0]["requestId"], &sent[0]["result"]["textResultForLlm"]),
        (&json!("r1"), &json!("yes"))
    );
    assert_eq!(
        (&sent[1]["result"]["resultType"], &sent[1]["result"]["textResultForLlm"]),
        (&json!("denied"), &json!("no"))
    );
    cli.on(method, |_, _| json!({"success": false}));
    let late = call.answer(&ToolResult::success("yes")).await.unwrap_err();
    assert!(late.kind() == ErrorKind::Session && late.to_string().contains("call r1"), "{late}");
}

/// A CLI that waits for the result of a call, and for no permission.
fn listing_a_call(arguments: Value) -> FakeCli {
    let cli = FakeCli::new();
    cli.on("session.permissions.pendingRequests", |_, _| json!({"items": []}));
    cli.on("session.tools.listPendingRequests", move |_, _| {
        json!({"items": [{"requestId": "r1", "toolCallId": "c1", "toolName": "pay_back", "arguments": arguments}]})
    });
    cli
}

/// Refund an order.
#[copilot::tool(destructive)]
fn pay_back(
    /// The number of the order.
    order: u32,
) -> String {
    format!("refunded {order}")
}

/// A CLI that waits for the permission of a call of `pay_back`.
fn asking_for_a_refund() -> FakeCli {
    let cli = FakeCli::new();
    cli.on("session.tools.listPendingRequests", |_, _| json!({"items": []}));
    cli.on("session.permissions.pendingRequests", |_, _| {
        let request =
            json!({"kind": "custom-tool", "toolName": "pay_back", "toolCallId": "c1", "args": {"order": 1}});
        json!({"items": [{"requestId": "p1", "request": request}]})
    });
    cli.on(DECIDE, |_, _| json!({"success": true}));
    cli
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_approved_with_edited_arguments_runs_with_them_once() {
    let cli = asking_for_a_refund();
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().with_tools([pay_back::TOOL]).start().await.unwrap();
    let pending = session.pending().await.unwrap();
    let asked = &pending.permissions()[0];
    let wrong = asked.approve_with(json!({"order": "all"})).await.unwrap_err();
    assert!(
        wrong.to_string().contains("do not fit `pay_back`") && wrong.to_string().contains("order"),
        "{wrong}"
    );
    assert!(cli.requests(DECIDE).is_empty());
    asked.approve_with(json!({"order": 7})).await.unwrap();
    assert_eq!(cli.requests(DECIDE)[0]["result"]["kind"], "approve-once");
    let call = |id: &str| cli.call_tool(session.id(), "pay_back", json!({"order": 1})).call_id(id);
    assert_eq!(call("c1").await["textResultForLlm"], "refunded 7");
    // Another call has its own arguments, and no permission.
    assert_eq!(call("c2").await["resultType"], "denied");

    let without = client.session().start().await.unwrap();
    let pending = without.pending().await.unwrap();
    let refused = pending.permissions()[0].approve_with(json!({"order": 7})).await.unwrap_err();
    assert!(refused.to_string().contains("not one of this session"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn an_approval_and_its_arguments_apply_in_the_program_that_runs_the_call() {
    for (edited, expected) in [(None, "refunded 1"), (Some(json!({"order": 7})), "refunded 7")] {
        let cli = asking_for_a_refund();
        let client = cli.client_builder().start().await.unwrap();
        let inbox = client.session().id("s").with_tools([pay_back::TOOL]).start().await.unwrap();
        let pending = inbox.pending().await.unwrap();
        match edited {
            None => pending.permissions()[0].approve().await.unwrap(),
            Some(arguments) => pending.permissions()[0].approve_with(arguments).await.unwrap(),
        }
        inbox.close().await.unwrap();
        cli.on("session.permissions.pendingRequests", |_, _| json!({"items": []}));
        cli.on("session.tools.listPendingRequests", |_, _| {
            json!({"items": [{"requestId": "r1", "toolCallId": "c1", "toolName": "pay_back", "arguments": {"order": 1}}]})
        });
        let method = "session.tools.handlePendingToolCall";
        cli.on(method, |_, _| json!({"success": true}));
        let _session = client
            .resume("s")
            .with_tools([pay_back::TOOL])
            .on_permission(async |_| Decision::Later)
            .resume_options(Resume::new().continue_pending_work(true))
            .start()
            .await
            .unwrap();
        let answer = &cli.requested(method, 1).await[0];
        assert_eq!(answer["result"]["textResultForLlm"], expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_is_left_for_later_is_persisted_and_reported_and_stops_the_clock() {
    let fake = Fake::with_manual_turns(FakeCli::new()).await;
    let session = fake.session().on_permission(async |_| Decision::Later).start().await.unwrap();
    let mut events = session.events();
    let asking = session.clone();
    let ask = tokio::spawn(async move { asking.ask("Look.").await });
    settle().await;
    fake.begin_turn(&session);
    let request = command(false);
    let asked = fake.cli.ask_permission(session.id(), request).request_id("p1").start();
    let deferred = next_event(&mut events, |kind| matches!(kind, EventKind::AnswerDeferred(_))).await;
    let EventKind::AnswerDeferred(deferred) = deferred.kind() else { unreachable!() };
    assert!(deferred.is_permission && deferred.request_id == "p1", "{deferred:?}");
    assert_eq!(fake.cli.requests("sessions.save").len(), 1);
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    assert!(!ask.is_finished());
    // Another client decides, and the clock runs again.
    asked.settle();
    let error = ask.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}
