//! The permissions of a session hold for each tool call, whether the CLI requests a permission or not: on the played CLI.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use copilot::agents::{AgentHook, AgentHookEvent, CustomAgent};
use copilot::discovery::Discovery;
use copilot::hooks::{HookPermission, Hooks, PreToolUse};
use copilot::mcp::McpServer;
use copilot::permissions::PermissionKind;
use copilot::permissions::PermissionSubject;
use copilot::testing::Answer;
use copilot::{Decision, DynTool, ErrorKind, EventKind, Permissions, Session};
use copilot_tests::fake::{Fake, settle};
use serde_json::{Value, json};
use tokio::time::sleep;

/// Harmless.
#[copilot::tool]
pub(crate) async fn harmless() -> &'static str {
    "done"
}

/// Not harmless.
#[copilot::tool(destructive)]
pub(crate) async fn harmful() -> &'static str {
    "destroyed"
}

/// Has the name that a tool of a server may have.
#[copilot::tool(name = "x-boom")]
pub(crate) async fn boom() {}

/// The answer of the library's hook before a call.
pub(crate) async fn before(fake: &Fake, session: &Session, tool: &str, arguments: Value) -> Value {
    let input = json!({"sessionId": session.id(), "toolName": tool, "toolArgs": arguments});
    let params = json!({"sessionId": session.id(), "hookType": "preToolUse", "input": input});
    fake.cli.request("hooks.invoke", params).await.expect("a hook is always answered")["output"].take()
}

/// The request that the CLI makes where the hook has answered `ask`.
fn caused(output: &Value, tool: &str, arguments: &Value) -> Value {
    json!({"kind": "hook", "toolCallId": format!("call-{tool}"), "toolName": tool, "toolArgs": arguments,
           "hookMessage": output["permissionDecisionReason"]})
}

/// Whether a call is permitted that the CLI itself would not ask about.
pub(crate) async fn permitted(fake: &Fake, session: &Session, tool: &str, arguments: Value) -> bool {
    let output = before(fake, session, tool, arguments.clone()).await;
    match output["permissionDecision"].as_str() {
        None | Some("allow") => true,
        Some("ask") => {
            let asked = caused(&output, tool, &arguments);
            fake.cli.ask_permission(session.id(), asked).await["kind"] == "approve-once"
        }
        Some(other) => panic!("{tool}: {other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_the_cli_does_not_ask_about_need_a_permission() {
    let fake = Fake::start().await;
    let server = || McpServer::stdio("mcp");
    let agent = CustomAgent::new("mine", "You count.");
    let own_agent = json!({"agent_type": "mine", "prompt": "p"});
    for (permissions, mcp, sql, task, mine) in [
        (Permissions::default(), false, false, false, true),
        (Permissions::read_only(), false, false, false, true),
        (Permissions::deny_all(), false, false, false, false),
        (Permissions::default().allow(PermissionKind::Mcp), true, false, false, true),
        (Permissions::default().allow(PermissionKind::BuiltinTool), false, true, true, true),
    ] {
        let shown = format!("{permissions:?}");
        let session = fake.session().mcp_server("x", server()).custom_agent(agent.clone());
        let session = session.permissions(permissions).start().await.unwrap();
        assert_eq!(fake.cli.requests("session.create").last().unwrap()["hooks"], true);
        assert_eq!(permitted(&fake, &session, "x-read", json!({})).await, mcp, "{shown}");
        assert_eq!(permitted(&fake, &session, "sql", json!({"query": "q"})).await, sql, "{shown}");
        assert_eq!(
            permitted(&fake, &session, "task", json!({"agent_type": "explore"})).await,
            task,
            "{shown}"
        );
        assert_eq!(permitted(&fake, &session, "task", own_agent.clone()).await, mine, "{shown}");
        // A question to the program's own handler needs no permission.
        assert!(permitted(&fake, &session, "ask_user", json!({})).await, "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn there_is_no_hook_where_everything_is_permitted() {
    let fake = Fake::start().await;
    let session = fake.session().permissions(Permissions::approve_all()).start().await.unwrap();
    assert_eq!(fake.cli.requests("session.create")[0].get("hooks"), None);
    assert!(fake.cli.requests("hooks.discover").is_empty());
    assert!(fake.cli.requests("session.permissions.resetSessionApprovals").is_empty());
    assert_eq!(before(&fake, &session, "sql", json!({})).await, json!({}));
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_asked_once_for_each_call_with_the_kind_of_the_tool() {
    let fake = Fake::start().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let session = fake.session().mcp_server("x", McpServer::stdio("mcp")).on_permission({
        let seen = Arc::clone(&seen);
        move |request| {
            let tool = request.tool_name().unwrap().to_owned();
            seen.lock().unwrap().push((
                request.kind().clone(),
                request.server_name().map(str::to_owned),
                tool,
            ));
            request.subject().unwrap();
            async move {
                match request.kind() {
                    PermissionKind::Mcp => request.approve_for_session(),
                    _ => Decision::reject("not here"),
                }
            }
        }
    });
    let session = session.start().await.unwrap();
    // Approved for the session: the second call is not asked about.
    assert!(permitted(&fake, &session, "x-read", json!({"a": 1})).await);
    assert!(permitted(&fake, &session, "x-read", json!({"a": 2})).await);
    assert!(!permitted(&fake, &session, "sql", json!({})).await);
    // The CLI asks about these itself, with all that it knows.
    assert_eq!(before(&fake, &session, "bash", json!({"command": "ls"})).await, json!({}));
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    let mcp = (PermissionKind::Mcp, Some("x".to_owned()), "x-read".to_owned());
    assert_eq!(seen, [mcp, (PermissionKind::BuiltinTool, None, "sql".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn the_hook_of_the_program_denies_but_does_not_grant() {
    let fake = Fake::start().await;
    let session = fake.session().with_tools([harmless::TOOL]).hooks(Hooks::new().on_pre_tool_use(
        |step, _| async move {
            match step.tool_name.as_str() {
                "glob" => PreToolUse::deny("no"),
                _ => PreToolUse::pass()
                    .permission_decision(HookPermission::Allow)
                    .modified_args(json!({"n": 1})),
            }
        },
    ));
    let session = session.start().await.unwrap();
    let decision = async |tool: &str| before(&fake, &session, tool, json!({})).await;
    assert_eq!(decision("glob").await["permissionDecision"], "deny");
    assert_eq!(decision("harmless").await["permissionDecision"], "allow");
    // The CLI asks, and the permissions deny.
    assert_eq!(decision("bash").await, json!({"modifiedArgs": {"n": 1}}));
    let sql = decision("sql").await;
    assert_eq!((&sql["permissionDecision"], &sql["modifiedArgs"]), (&json!("ask"), &json!({"n": 1})));
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_for_another_hook_grants_only_what_the_permissions_grant() {
    let fake = Fake::start().await;
    let permissions = Permissions::default().allow(PermissionKind::Hook);
    let session = fake.session().with_tools([harmless::TOOL]).permissions(permissions).start().await.unwrap();
    let theirs =
        |tool: &str| json!({"kind": "hook", "toolName": tool, "toolArgs": {}, "hookMessage": "sure?"});
    let ask = async |tool: &str| fake.cli.ask_permission(session.id(), theirs(tool)).await["kind"].clone();
    assert_eq!(ask("bash").await, "user-not-available");
    assert_eq!(ask("harmless").await, "approve-once");
    // Without a rule for hooks, the permission of the tool does not replace the confirmation.
    let session = fake.session().with_tools([harmless::TOOL]).start().await.unwrap();
    let answer = fake.cli.ask_permission(session.id(), theirs("harmless")).await;
    assert_eq!(answer["kind"], "user-not-available");
}

#[tokio::test(start_paused = true)]
async fn where_other_hooks_may_grant_calls_each_call_is_asked_about() {
    let fake = Fake::start().await;
    fake.cli.on("hooks.discover", |_, _| {
        json!({"hooks": [{"id": "h", "hookType": "preToolUse",
        "origin": "user", "enabled": true}], "warnings": [], "errors": []})
    });
    let session = fake.session().start().await.unwrap();
    let output = before(&fake, &session, "bash", json!({"command": "ls"})).await;
    assert_eq!(output["permissionDecision"], "ask");
    assert!(!permitted(&fake, &session, "bash", json!({"command": "ls"})).await);
    let plain = Fake::start().await;
    let empty = tempfile::tempdir().unwrap();
    let directory = empty.path().to_str().unwrap();
    let agent = CustomAgent::new("a", "p").hook(AgentHookEvent::PreToolUse, AgentHook::bash("exit 0"));
    for session in [
        plain.session().discovery(Discovery::new().file_hooks(true)),
        plain.session().discovery(Discovery::new().hook_directories([directory])),
        plain.session().discovery(Discovery::new().plugin_directories([directory])),
        plain.session().custom_agent(agent),
    ] {
        let session = session.start().await.unwrap();
        assert_eq!(before(&plain, &session, "bash", json!({})).await["permissionDecision"], "ask");
    }
    let session = plain.session().custom_agent(CustomAgent::new("a", "p")).start().await.unwrap();
    assert_eq!(before(&plain, &session, "bash", json!({})).await, json!({}));
}

#[tokio::test(start_paused = true)]
async fn each_tool_of_the_cli_is_decided_as_the_kind_that_it_has() {
    let fake = Fake::start().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    // Hooks of files may answer for the CLI, so each call is asked about here.
    let session = fake.session().discovery(Discovery::new().file_hooks(true)).on_permission({
        let seen = Arc::clone(&seen);
        move |request| {
            let subject = match request.subject().unwrap() {
                PermissionSubject::Shell(shell) => format!("{} {}", shell.full_command_text, shell.intention),
                PermissionSubject::Write(write) => {
                    format!("{} {}", write.file_name, write.new_file_contents.unwrap_or_default())
                }
                PermissionSubject::Read(read) => read.path,
                PermissionSubject::Url(url) => url.url,
                PermissionSubject::Memory(memory) => {
                    format!("{} {}", memory.subject.unwrap_or_default(), memory.fact)
                }
                _ => String::new(),
            };
            seen.lock().unwrap().push((request.kind().clone(), subject));
            async { Decision::Approve }
        }
    });
    let session = session.start().await.unwrap();
    let write = json!({"path": "/w", "file_text": "new"});
    let calls = [
        ("bash", json!({"command": "ls", "description": "look"}), PermissionKind::Shell, "ls look"),
        ("write_bash", json!({"input": "y"}), PermissionKind::Shell, "y "),
        ("grep", json!({"path": "/r"}), PermissionKind::Read, "/r"),
        ("show_file", json!({"path": "/s"}), PermissionKind::Read, "/s"),
        ("create", write.clone(), PermissionKind::Write, "/w new"),
        ("apply_patch", write, PermissionKind::Write, "/w new"),
        ("web_fetch", json!({"url": "http://x"}), PermissionKind::Url, "http://x"),
        ("store_memory", json!({"subject": "s", "fact": "f"}), PermissionKind::Memory, "s f"),
        ("extensions_reload", json!({}), PermissionKind::ExtensionManagement, ""),
        ("run_dynamic_workflow", json!({}), PermissionKind::Workflow, ""),
        ("sql", json!({}), PermissionKind::BuiltinTool, ""),
        ("x-read", json!({}), PermissionKind::Mcp, ""),
        ("brand_new", json!({}), PermissionKind::CustomTool, ""),
    ];
    for (tool, arguments, kind, subject) in calls {
        assert!(permitted(&fake, &session, tool, arguments).await, "{tool}");
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        assert_eq!(seen, [(kind, subject.to_owned())], "{tool}");
    }
}

#[tokio::test(start_paused = true)]
async fn hooks_of_the_repository_are_off_unless_they_are_enabled() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    fake.session().discovery(Discovery::new().file_hooks(true)).start().await.unwrap();
    fake.session().permissions(Permissions::approve_all()).start().await.unwrap();
    let sent: Vec<_> =
        fake.cli.requests("session.create").iter().map(|sent| sent["enableFileHooks"].clone()).collect();
    assert_eq!(sent, [json!(false), json!(true), json!(false)]);
    let id = session.id().clone();
    session.close().await.unwrap();
    fake.client.resume(id).permissions(Permissions::default()).start().await.unwrap();
    assert_eq!(fake.cli.requests("session.resume")[0]["enableFileHooks"], false);
    // Protocol 2 knows neither.
    let old = Fake::of_version("0.0.394").await;
    old.session().start().await.unwrap();
    assert_eq!(old.cli.requests("session.create")[0].get("enableFileHooks"), None);
}

#[tokio::test(start_paused = true)]
async fn approvals_of_earlier_sessions_do_not_count_unless_they_are_enabled() {
    let method = "session.permissions.resetSessionApprovals";
    let fake = Fake::start().await;
    let counts = fake.session().discovery(Discovery::new().saved_approvals(true)).start().await.unwrap();
    before(&fake, &counts, "bash", json!({})).await;
    assert!(fake.cli.requests(method).is_empty());
    let session = fake.session().start().await.unwrap();
    assert!(fake.cli.requests(method).is_empty(), "a session without calls pays nothing");
    for _ in 0..2 {
        before(&fake, &session, "bash", json!({})).await;
    }
    assert_eq!(fake.cli.requests(method).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_permission_is_decided_before_it_runs() {
    let fake = Fake::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let denied = fake.session().with_tools([harmless::TOOL, harmful::TOOL]).start().await.unwrap();
    let call = async |session: &Session, tool: &str, id: &str| {
        fake.cli.call_tool(session.id(), tool, json!({})).call_id(id).await["resultType"].clone()
    };
    assert_eq!(call(&denied, "harmful", "c1").await, "denied");
    assert_eq!(call(&denied, "harmless", "c2").await, "success");
    let nothing = fake.session().with_tools([harmless::TOOL]).permissions(Permissions::deny_all());
    assert_eq!(call(&nothing.start().await.unwrap(), "harmless", "c3").await, "denied");
    let session = fake.session().with_tools([harmful::TOOL]).on_permission({
        let asked = Arc::clone(&asked);
        move |_| {
            asked.fetch_add(1, Ordering::SeqCst);
            async { Decision::Approve }
        }
    });
    let session = session.start().await.unwrap();
    let request = json!({"kind": "custom-tool", "toolName": "harmful", "toolCallId": "c4", "args": {}});
    assert_eq!(fake.cli.ask_permission(session.id(), request).await["kind"], "approve-once");
    assert_eq!(call(&session, "harmful", "c4").await, "success");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the permission is for this call");
    assert_eq!(call(&session, "harmful", "c5").await, "success");
    assert_eq!(asked.load(Ordering::SeqCst), 2, "and for no other one");
}

#[tokio::test(start_paused = true)]
async fn a_rejected_call_does_not_run_although_the_cli_makes_it() {
    let fake = Fake::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let session = fake.session().with_tools([harmful::TOOL]).on_permission({
        let asked = Arc::clone(&asked);
        move |_| {
            asked.fetch_add(1, Ordering::SeqCst);
            async { Decision::reject("no") }
        }
    });
    let session = session.start().await.unwrap();
    let request = json!({"kind": "custom-tool", "toolName": "harmful", "toolCallId": "c1", "args": {}});
    assert_eq!(fake.cli.ask_permission(session.id(), request).await["kind"], "reject");
    let call = fake.cli.call_tool(session.id(), "harmful", json!({})).call_id("c1");
    assert_eq!(call.await["resultType"], "denied");
    assert_eq!(asked.load(Ordering::SeqCst), 2, "the rejection permits nothing");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_left_to_another_client_runs_when_the_cli_makes_it() {
    let fake = Fake::start().await;
    let session = fake.session().with_tools([harmful::TOOL]);
    let session = session.on_permission(async |_| Decision::Later).start().await.unwrap();
    let request = json!({"kind": "custom-tool", "toolName": "harmful", "toolCallId": "c1", "args": {}});
    let asked = fake.cli.ask_permission(session.id(), request).start();
    settle().await;
    asked.settle();
    let call = fake.cli.call_tool(session.id(), "harmful", json!({})).call_id("c1");
    assert_eq!(call.await["resultType"], "success");
    let other = fake.cli.call_tool(session.id(), "harmful", json!({})).call_id("c2");
    assert_eq!(other.await["resultType"], "denied");
}

#[tokio::test(start_paused = true)]
async fn an_approval_for_the_session_covers_later_calls_of_the_tool() {
    let fake = Fake::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let session = fake.session().with_tools([harmful::TOOL]).on_permission({
        let asked = Arc::clone(&asked);
        move |request| {
            asked.fetch_add(1, Ordering::SeqCst);
            async move { request.approve_for_session() }
        }
    });
    let session = session.start().await.unwrap();
    let request = json!({"kind": "custom-tool", "toolName": "harmful", "toolCallId": "c1", "args": {}});
    fake.cli.ask_permission(session.id(), request).await;
    // The CLI does not ask about the second one.
    for id in ["c1", "c2"] {
        let call = fake.cli.call_tool(session.id(), "harmful", json!({})).call_id(id);
        assert_eq!(call.await["resultType"], "success", "{id}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_needs_no_permission_runs_without_a_decision() {
    let fake = Fake::start().await;
    let tool = DynTool::new("free", "Counts.").skip_permission().run(async |_, _| "counted");
    for session in [
        fake.session().permissions(Permissions::deny_all()),
        fake.session().on_permission(async |_| -> Decision { panic!("it is not asked") }),
    ] {
        let session = session.with_tools([tool.clone()]).start().await.unwrap();
        let result = fake.cli.call_tool(session.id(), "free", json!({})).await;
        assert_eq!(result["resultType"], "success");
    }
}

#[tokio::test(start_paused = true)]
async fn leaving_the_sandbox_needs_a_decision_that_names_it() {
    let fake = Fake::start().await;
    let command = json!([{"identifier": "ls", "readOnly": true}]);
    let shell = json!({"kind": "shell", "commands": command, "requestSandboxBypass": true,
                       "requestSandboxBypassReason": "it detaches"});
    let read = json!({"kind": "read", "path": "/x", "requestSandboxBypass": true});
    for (permissions, granted) in [
        (Permissions::read_only(), false),
        (Permissions::default().allow(PermissionKind::Shell).allow(PermissionKind::Read), false),
        (Permissions::approve_all(), false),
        (Permissions::read_only().allow_sandbox_bypass(), true),
        (Permissions::deny_all().allow_sandbox_bypass(), false),
    ] {
        let shown = format!("{permissions:?}");
        let session = fake.session().permissions(permissions).start().await.unwrap();
        for request in [&shell, &read] {
            let answer = fake.cli.ask_permission(session.id(), request.clone()).await;
            assert_eq!(answer["kind"] == "approve-once", granted, "{shown} {request}");
        }
    }
    for (decision, granted) in [(Decision::Approve, false), (Decision::ApproveSandboxBypass, true)] {
        let session = fake.session().on_permission(move |request| {
            assert!(request.requests_sandbox_bypass());
            assert_eq!(request.sandbox_bypass_reason(), Some("it detaches"));
            let decision = decision.clone();
            async move { decision }
        });
        let session = session.start().await.unwrap();
        let answer = fake.cli.ask_permission(session.id(), shell.clone()).await;
        assert_eq!(answer["kind"] == "approve-once", granted);
    }
    let bypass = Permissions::default().allow_sandbox_bypass();
    let session = fake.session().permissions(bypass).on_permission(async |_| Decision::Approve);
    let session = session.start().await.unwrap();
    assert_eq!(fake.cli.ask_permission(session.id(), shell.clone()).await["kind"], "approve-once");
}

#[tokio::test(start_paused = true)]
async fn a_tool_with_the_name_of_a_servers_tool_is_refused_or_denied_with_both_names() {
    let fake = Fake::start().await;
    let named = McpServer::stdio("mcp").tools(["boom"]);
    let refused = fake.session().with_tools([boom::TOOL]).mcp_server("x", named).start().await.unwrap_err();
    let reported = refused.to_string();
    assert!(
        refused.kind() == ErrorKind::Tools && reported.contains("`x-boom`") && reported.contains("`boom`"),
        "{reported}"
    );
    assert!(fake.cli.requests("session.create").is_empty());
    fake.cli.on("session.mcp.listTools", |_, _| json!({"tools": [{"name": "boom"}]}));
    // Even where everything is permitted: the CLI would run the other tool.
    let session = fake.session().with_tools([boom::TOOL]).mcp_server("x", McpServer::stdio("mcp"));
    let session = session.permissions(Permissions::approve_all()).start().await.unwrap();
    let mut events = session.events();
    fake.cli.event(
        session.id(),
        "session.mcp_servers_loaded",
        json!({"servers": [{"name": "x", "status": "connected"}]}),
    );
    settle().await;
    let reports: Vec<_> = std::iter::from_fn(|| events.try_next())
        .filter_map(|event| match event.kind() {
            EventKind::HandlerFailed(failure) => Some(failure.error.to_string()),
            _ => None,
        })
        .collect();
    assert!(
        reports.len() == 1 && reports[0].contains("`x-boom`") && reports[0].contains("server `x`"),
        "{reports:?}"
    );
    let output = before(&fake, &session, "x-boom", json!({})).await;
    assert_eq!(output["permissionDecision"], "deny");
    assert!(output["permissionDecisionReason"].as_str().unwrap().contains("`boom`"), "{output}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_only_joins_leaves_decisions_to_the_others_for_a_while() {
    let fake = Fake::start().await;
    let first = fake.session().start().await.unwrap();
    let id = first.id().clone();
    first.close().await.unwrap();
    let joined = fake.client.resume(id).with_tools([harmless::TOOL]).start().await.unwrap();
    let sent = &fake.cli.requests("session.resume")[0];
    assert_eq!((sent.get("hooks"), sent.get("enableFileHooks")), (None, None));
    // Should the CLI invoke a hook all the same, it gets no opinion.
    assert_eq!(before(&fake, &joined, "sql", json!({})).await, json!({}));
    let theirs = json!({"kind": "custom-tool", "toolName": "magic_number", "args": {}});
    let settled = fake.cli.ask_permission(joined.id(), theirs.clone()).start();
    let left = fake.cli.ask_permission(joined.id(), theirs).start();
    sleep(Duration::from_secs(200)).await;
    assert!(!settled.is_answered() && !left.is_answered());
    settled.settle();
    // Its own tool is its own decision.
    let own = json!({"kind": "custom-tool", "toolName": "harmless", "args": {}});
    assert_eq!(fake.cli.ask_permission(joined.id(), own).await["kind"], "approve-once");
    // Where no other client is left, the agent does not wait without end.
    assert_eq!(left.answer().await["kind"], "user-not-available");
    assert!(!settled.is_answered());
}

#[tokio::test(start_paused = true)]
async fn read_only_permissions_grant_no_destructive_tool() {
    let fake = Fake::start().await;
    let session =
        fake.session().with_tools([harmless::TOOL, harmful::TOOL]).permissions(Permissions::read_only());
    let session = session.start().await.unwrap();
    for (tool, kind) in [("harmless", "approve-once"), ("harmful", "user-not-available")] {
        let request = json!({"kind": "custom-tool", "toolName": tool, "args": {}});
        assert_eq!(fake.cli.ask_permission(session.id(), request).await["kind"], kind, "{tool}");
    }
}

#[tokio::test(start_paused = true)]
async fn on_protocol_2_a_rejected_tool_does_not_run() {
    let ran = Arc::new(AtomicUsize::new(0));
    let fake = Fake::of_version("0.0.403").await;
    let tool = DynTool::new("count", "Counts.").run({
        let ran = Arc::clone(&ran);
        move |_, _| {
            ran.fetch_add(1, Ordering::SeqCst);
            async { "counted" }
        }
    });
    for decision in [Decision::reject("no"), Decision::RejectAndStop, Decision::Unavailable] {
        let session = fake.session().with_tools([tool.clone()]).on_permission(move |_| {
            let decision = decision.clone();
            async move { decision }
        });
        let session = session.start().await.unwrap();
        let result = fake.cli.call_tool(session.id(), "count", json!({})).await;
        assert_ne!(result["resultType"], "success");
    }
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_handler_denies_what_the_permissions_would_grant() {
    let fake = Fake::start().await;
    let session = fake.session().permissions(Permissions::approve_all()).with_tools([harmless::TOOL]);
    let session =
        session.on_permission(async |_| Err::<Decision, _>("the form is closed")).start().await.unwrap();
    for request in
        [json!({"kind": "url", "url": "http://x"}), json!({"kind": "custom-tool", "toolName": "harmless"})]
    {
        assert_eq!(fake.cli.ask_permission(session.id(), request).await["kind"], "user-not-available");
    }
}

#[tokio::test(start_paused = true)]
async fn a_decision_that_is_left_to_others_is_not_sent() {
    let fake = Fake::start().await;
    let session = fake.session().on_permission(async |_| Decision::Later).start().await.unwrap();
    let asked = fake.cli.ask_permission(session.id(), json!({"kind": "url", "url": "http://x"})).start();
    sleep(Duration::from_secs(3600)).await;
    assert!(!asked.is_answered());
    assert!(fake.cli.requests("session.permissions.handlePendingPermissionRequest").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_destroys_and_needs_no_permission_is_refused() {
    let fake = Fake::start().await;
    fake.cli.on("session.create", |_, _| -> Answer { panic!("nothing is sent") });
    let tool = DynTool::new("wipe", "Wipes.").destructive().skip_permission();
    let refused = fake.session().with_tools([tool.run(async |_, _| "wiped")]).start().await.unwrap_err();
    let reported = refused.to_string();
    assert!(
        refused.kind() == ErrorKind::Tools
            && reported.contains("`wipe`")
            && reported.contains("skip_permission"),
        "{reported}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_does_not_exist_is_left_to_the_cli() {
    let fake = Fake::start().await;
    fake.cli.on("session.tools.getCurrentMetadata", |_, _| json!({"tools": [{"name": "brand_new"}]}));
    let session = fake.session().mcp_server("x", McpServer::stdio("mcp")).with_tools([harmful::TOOL]);
    let session = session.start().await.unwrap();
    assert_eq!(before(&fake, &session, "look_down", json!({})).await, json!({}));
    assert!(!permitted(&fake, &session, "brand_new", json!({})).await);
    // The list of the CLI may be older than a tool of a server.
    assert!(!permitted(&fake, &session, "x-read", json!({})).await);
}

#[tokio::test(start_paused = true)]
async fn an_approval_for_the_session_covers_the_request_of_the_cli_too() {
    let fake = Fake::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let session = fake.session().on_permission({
        let asked = Arc::clone(&asked);
        move |request| {
            asked.fetch_add(1, Ordering::SeqCst);
            async move { request.approve_for_session() }
        }
    });
    let session = session.start().await.unwrap();
    let request = json!({"kind": "mcp", "serverName": "x", "toolName": "x-read", "args": {}});
    for _ in 0..2 {
        let answer = fake.cli.ask_permission(session.id(), request.clone()).await;
        assert!(answer["kind"].as_str().unwrap().starts_with("approve"), "{answer}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let mut managed = request;
    managed["managedApprovalRequired"] = json!(true);
    fake.cli.ask_permission(session.id(), managed).await;
    assert_eq!(asked.load(Ordering::SeqCst), 2, "an administrator wants a decision each time");
}
