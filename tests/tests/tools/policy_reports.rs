//! The policy of a session follows what the CLI reports: restarts, and MCP servers that it has found.

use std::sync::{Arc, Mutex};

use copilot::mcp::McpServer;
use copilot::{Decision, EventKind, Permissions};
use copilot_tests::fake::{Fake, settle};
use serde_json::json;

use crate::policy::{before, boom, permitted};

/// Explodes louder.
#[copilot::tool(name = "x-bang")]
async fn bang() {}

#[tokio::test(start_paused = true)]
async fn a_cli_that_comes_back_is_asked_again_which_approvals_and_hooks_it_has() {
    let fake = Fake::start_with(|client| client.auto_restart(true)).await;
    let session = fake.session().start().await.unwrap();
    let mut events = session.events();
    let reset = "session.permissions.resetSessionApprovals";
    before(&fake, &session, "bash", json!({})).await;
    assert_eq!(fake.cli.requests(reset).len(), 1);
    fake.cli.hang_up();
    while !matches!(events.next().await.unwrap().kind(), EventKind::Restarted(_)) {}
    before(&fake, &session, "bash", json!({})).await;
    assert_eq!((fake.cli.requests(reset).len(), fake.cli.requests("hooks.discover").len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_tool_is_denied_while_the_cli_retains_the_approvals_of_earlier_sessions() {
    let fake = Fake::start().await;
    let reset = "session.permissions.resetSessionApprovals";
    fake.cli.on(reset, |_, _| json!({"success": false}));
    let session = fake.session().permissions(Permissions::read_only()).start().await.unwrap();
    // `view` only reads.
    let view = || before(&fake, &session, "view", json!({"path": "/x"}));
    assert_eq!(view().await["permissionDecision"], "deny");
    fake.cli.on(reset, |_, _| json!({"success": true}));
    assert_eq!(view().await["permissionDecision"], json!(null));
    assert_eq!(fake.cli.requests(reset).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_the_cli_has_found_is_named_in_the_request() {
    let fake = Fake::start().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let session = fake.session().mcp_server("x", McpServer::stdio("mcp")).on_permission({
        let seen = Arc::clone(&seen);
        move |request| {
            seen.lock().unwrap().push(request.server_name().map(str::to_owned));
            async { Decision::Unavailable }
        }
    });
    let session = session.start().await.unwrap();
    // The reports name all servers, the configured ones too.
    let loaded =
        json!({"servers": [{"name": "x", "status": "connected"}, {"name": "x-y", "status": "connected"}]});
    fake.cli.event(session.id(), "session.mcp_servers_loaded", loaded);
    settle().await;
    for tool in ["x-read", "x-y-read", "z-read"] {
        assert!(!permitted(&fake, &session, tool, json!({})).await, "{tool}");
    }
    assert_eq!(*seen.lock().unwrap(), [Some("x".to_owned()), Some("x-y".to_owned()), None]);
}

#[tokio::test(start_paused = true)]
async fn each_tool_with_the_name_of_a_servers_tool_is_reported_once() {
    let fake = Fake::start().await;
    fake.cli.on("session.mcp.listTools", |_, _| json!({"tools": [{"name": "boom"}, {"name": "bang"}]}));
    let session = fake.session().with_tools([boom::TOOL, bang::TOOL]);
    let session = session.mcp_server("x", McpServer::stdio("mcp")).permissions(Permissions::approve_all());
    let session = session.start().await.unwrap();
    let mut events = session.events();
    for status in ["connected", "failed", "connected"] {
        let servers = json!({"servers": [{"name": "x", "status": status}]});
        fake.cli.event(session.id(), "session.mcp_servers_loaded", servers);
        settle().await;
    }
    let reports: Vec<_> = std::iter::from_fn(|| events.try_next())
        .filter_map(|event| match event.kind() {
            EventKind::HandlerFailed(failure) => Some(failure.error.to_string()),
            _ => None,
        })
        .collect();
    let about = |tool: &str| reports.iter().filter(|report| report.contains(tool)).count();
    assert_eq!((about("`x-boom`"), about("`x-bang`"), reports.len()), (1, 1, 2), "{reports:?}");
}
