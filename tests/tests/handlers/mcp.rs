//! Requests of MCP servers to the program: headers, sampling, hooks and permissions.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use copilot::hooks::{Hooks, PreMcpToolCall};
use copilot::limits::{Limits, LimitsResponse};
use copilot::mcp::{Mcp, McpHeadersReason, McpHeadersResponse, McpServer, SamplingResponse, SamplingRole};
use copilot::permissions::{Approval, PermissionKind};
use copilot::testing::{FakeCli, Script};
use copilot::{EventKind, Permissions, Session};
use copilot_tests::mcp::LoopbackMcp;
use copilot_tests::real::Real;
use serde_json::{Value, json};

/// Waits until the session's MCP server is there.
async fn connected(session: &Session) {
    let mut events = session.events();
    while !session.mcp().servers().await.unwrap().iter().all(|server| server.status.as_str() == "connected") {
        loop {
            let event = events.next().await.expect("the server is connected before the end");
            if let EventKind::McpServerStatusChanged(_) | EventKind::McpServersLoaded(_) = event.kind() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn the_program_answers_for_a_model_and_has_the_sessions_model_answer() {
    let question = Script::when("What is 1 + 1?")
        .expect("no tools", |request| request.tool_names().is_empty())
        .say("Two, says the model.");
    let script = Script::when("Think.")
        .call("brain-think", json!({}))
        .expect_tool_result("brain-think", |text| text.contains("abacus") && text.contains("Two."))
        .call("brain-think", json!({}))
        .expect_tool_result("brain-think", |text| text.contains("Two, says the model."))
        .call("brain-think", json!({}))
        .expect_tool_result("brain-think", |text| text.contains("cancelled"))
        .say("Done.");
    let real = Real::over_stdio([script, question]).await;
    let server = LoopbackMcp::open().await;
    let times = Arc::new(Mutex::new(0));
    let session = real
        .session()
        .permissions(Permissions::default().allow(PermissionKind::Mcp))
        .mcp_server("brain", McpServer::http(server.url.as_str()))
        .mcp(Mcp::new().on_sampling(move |request| {
            *times.lock().unwrap() += 1;
            let time = *times.lock().unwrap();
            async move {
                assert_eq!((request.server_name(), request.max_tokens()), ("brain", Some(50)));
                assert_eq!(request.system_prompt(), Some("Be short."));
                assert_eq!(request.messages()[0].role, SamplingRole::User);
                assert_eq!(request.messages()[0].text(), "What is 1 + 1?");
                match time {
                    1 => Ok(SamplingResponse::text("abacus", "Two.")),
                    2 => Ok(SamplingResponse::by_session_model()),
                    _ => Err("no fingers left"),
                }
            }
        }));
    let session = session.start().await.unwrap();
    let mut events = session.events();
    assert_eq!(session.ask("Think.").await.unwrap().text(), "Done.");
    session.close().await.unwrap();
    let mut failed = Vec::new();
    while let Some(event) = events.next().await {
        if let EventKind::HandlerFailed(failure) = event.kind() {
            failed.push(failure.handler);
        }
    }
    assert_eq!(failed, ["Mcp::on_sampling"]);
    real.finish().await;
}

#[tokio::test]
async fn without_a_handler_the_sampling_request_of_a_server_is_rejected() {
    let script = Script::new()
        .call("brain-think", json!({}))
        .expect_tool_result("brain-think", |text| text.contains("cancelled"))
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let server = LoopbackMcp::open().await;
    let session = real
        .session()
        .permissions(Permissions::default().allow(PermissionKind::Mcp))
        .mcp_server("brain", McpServer::http(server.url.as_str()))
        .start()
        .await
        .unwrap();
    assert_eq!(session.ask("Think.").await.unwrap().text(), "Done.");
    real.finish().await;
}

#[tokio::test]
async fn the_program_gives_headers_to_an_mcp_server() {
    let script = Script::new()
        .call("vault-hello", json!({}))
        .expect_tool_result("vault-hello", |text| text.contains("Hello!"))
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let server = LoopbackMcp::locked("X-Key", "open-sesame").await;
    let reasons = Arc::new(Mutex::new(Vec::new()));
    let vault = McpServer::http(server.url.as_str()).headers_refresh(Duration::from_secs(600));
    let session = real
        .session()
        .permissions(Permissions::default().allow(PermissionKind::Mcp))
        .mcp_server("vault", vault)
        .mcp(Mcp::new().on_headers({
            let (reasons, url) = (Arc::clone(&reasons), server.url.clone());
            move |wanted| {
                assert_eq!((&wanted.server_name, &wanted.server_url), (&"vault".to_owned(), &url));
                reasons.lock().unwrap().push(wanted.reason);
                async { McpHeadersResponse::new("X-Key", "open-sesame").good_for(Duration::from_secs(300)) }
            }
        }));
    let session = session.start().await.unwrap();
    connected(&session).await;
    assert_eq!(session.ask("Say hello.").await.unwrap().text(), "Done.");
    assert_eq!(reasons.lock().unwrap()[0], McpHeadersReason::Startup);
    real.finish().await;
}

#[tokio::test]
async fn a_hook_gives_the_meta_of_a_call_to_an_mcp_server() {
    let script = Script::new()
        .call("vault-hello", json!({}))
        .expect_tool_result("vault-hello", |text| text.contains(r#""from":"the hook""#))
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let server = LoopbackMcp::open().await;
    let session = real
        .session()
        .permissions(Permissions::default().allow(PermissionKind::Mcp))
        .mcp_server("vault", McpServer::http(server.url.as_str()))
        .hooks(Hooks::new().on_pre_mcp_tool_call(|call, _| async move {
            assert_eq!((call.server_name.as_str(), call.tool_name.as_str()), ("vault", "hello"));
            PreMcpToolCall::replace_meta(json!({"from": "the hook"}))
        }));
    let session = session.start().await.unwrap();
    assert_eq!(session.ask("Say hello.").await.unwrap().text(), "Done.");
    real.finish().await;
}

#[tokio::test]
async fn an_approval_of_an_mcp_tool_lasts_for_the_session() {
    let script = Script::new()
        .call("vault-hello", json!({}))
        .expect_tool_result("vault-hello", |text| text.contains("Hello!"))
        .call("vault-hello", json!({}))
        .expect_tool_result("vault-hello", |text| text.contains("Hello!"))
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let server = LoopbackMcp::open().await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let session = real.session().mcp_server("vault", McpServer::http(server.url.as_str())).on_permission({
        let asked = Arc::clone(&asked);
        move |request| {
            asked.lock().unwrap().push(request.approval());
            async move { request.approve_for_session() }
        }
    });
    let session = session.start().await.unwrap();
    assert_eq!(session.ask("Say hello twice.").await.unwrap().text(), "Done.");
    let approval = Approval::Mcp { server_name: "vault".into(), tool_name: Some("hello".into()) };
    assert_eq!(*asked.lock().unwrap(), [Some(approval)]);
    real.finish().await;
}

#[tokio::test]
async fn a_session_that_has_used_up_its_limit_is_decided_about() {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.unwrap();
    let without = client.session().start().await.unwrap();
    let with = client.session().limits(Limits::new().on_exhausted(|used| async move {
        match used.used_ai_credits {
            ..100.0 => Ok(LimitsResponse::Add { additional_ai_credits: used.max_ai_credits }),
            _ => Err("not within the budget"),
        }
    }));
    let with = with.start().await.unwrap();
    let mut failures = with.events();
    for (session, used, wanted) in [
        (&without, 30.5, json!({"action": "cancel"})),
        (&with, 30.5, json!({"action": "add", "additionalAiCredits": 30.0})),
        (&with, 500.0, json!({"action": "cancel"})),
    ] {
        let id = format!("{} {used}", session.id());
        let data = json!({"requestId": id, "usedAiCredits": used, "maxAiCredits": 30});
        cli.event(session.id(), "session_limits_exhausted.requested", data);
        let method = "session.ui.handlePendingSessionLimitsExhausted";
        let answer = answer_to(&cli, method, &id).await;
        assert_eq!(answer["response"], wanted);
    }
    loop {
        if let EventKind::HandlerFailed(failure) = failures.next().await.unwrap().kind() {
            assert_eq!(failure.handler, "Limits::on_exhausted");
            break;
        }
    }
}

#[tokio::test]
async fn questions_of_mcp_servers_that_cannot_be_answered_get_the_safe_answer() {
    let cli = FakeCli::new();
    cli.on("session.eventLog.registerInterest", |_, _| json!({"handle": "interest-1"}));
    cli.on("session.mcp.executeSampling", |_, _| json!({"action": "failure", "error": "no model"}));
    let client = cli.client_builder().start().await.unwrap();
    let session = client
        .session()
        .mcp(Mcp::new().on_sampling(|request| async move {
            match request.server_name() {
                "panics" => panic!("no"),
                "elsewhere" => SamplingResponse::elsewhere(),
                "session" => SamplingResponse::by_session_model(),
                _ => SamplingResponse::result(json!({"any": "thing"})).unwrap(),
            }
        }))
        .mcp(Mcp::new().on_headers(|wanted| async move {
            match wanted.server_name.as_str() {
                "fails" => Err("no"),
                _ => Ok(McpHeadersResponse::none()),
            }
        }))
        .start()
        .await
        .unwrap();
    assert_eq!(
        cli.requests("session.eventLog.registerInterest")[0]["eventType"],
        "mcp.headers_refresh_required"
    );
    let sampling = |server: &str, request: Value| {
        let data = json!({"requestId": server, "serverName": server, "mcpRequestId": 1, "request": request});
        cli.event(session.id(), "sampling.requested", data);
    };
    sampling("elsewhere", json!({"messages": []}));
    for (server, request, answer) in [
        ("panics", json!({"messages": []}), None),
        ("session", json!({"messages": []}), None),
        ("unreadable", json!({"messages": 5}), None),
        ("good", json!({"messages": []}), Some(json!({"any": "thing"}))),
    ] {
        sampling(server, request);
        let params = answer_to(&cli, "session.ui.handlePendingSampling", server).await;
        assert_eq!(params.get("response"), answer.as_ref(), "{server}");
    }
    assert!(cli.requests("session.ui.handlePendingSampling").iter().all(|a| a["requestId"] != "elsewhere"));
    for (server, answer) in [
        ("fails", json!({"kind": "error", "message": "the program could not give the headers"})),
        ("fine", json!({"kind": "none"})),
    ] {
        let data =
            json!({"requestId": server, "serverName": server, "serverUrl": "u", "reason": "ttl-expired"});
        cli.event(session.id(), "mcp.headers_refresh_required", data);
        let method = "session.mcp.headers.handlePendingHeadersRefreshRequest";
        assert_eq!(answer_to(&cli, method, server).await["result"], answer);
    }
}

/// Waits for the answer to the question with this id.
async fn answer_to(cli: &FakeCli, method: &str, id: &str) -> Value {
    let mut count = 1;
    loop {
        let answers = cli.requested(method, count).await;
        if let Some(answer) = answers.iter().find(|answer| answer["requestId"] == id) {
            return answer.clone();
        }
        count = answers.len() + 1;
    }
}
