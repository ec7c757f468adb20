//! The real CLI as a client of an MCP server of this library, over its pipes and over HTTP.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::extract::Request;
use axum::middleware::map_request;
use copilot::elicitation::ElicitationResponse;
use copilot::mcp::{McpServer, Server};
use copilot::permissions::PermissionKind;
use copilot::testing::Script;
use copilot::{Json, Permissions};
use copilot_tests::real::Real;
use copilot_tests::tested;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinSet;

use crate::client::STATELESS;

#[derive(Serialize, JsonSchema)]
struct Product {
    product: i64,
}

/// Multiply two numbers.
#[copilot::tool(read_only)]
async fn multiply(
    /// First factor.
    a: i64,
    /// Second factor.
    b: i64,
) -> Json<Product> {
    Json(Product { product: a * b })
}

fn program() -> McpServer {
    McpServer::stdio(env!("CARGO_BIN_EXE_mcp-server")).into()
}

fn mcp_tools() -> Permissions {
    Permissions::default().allow(PermissionKind::Mcp)
}

#[tokio::test]
async fn the_cli_calls_tools_of_a_server_over_pipes() {
    let script = Script::new()
        .call("acme-add", json!({"a": 40, "b": 2}))
        .expect_tool_result("acme-add", |text| text.contains(r#"{"sum":42}"#))
        .call("acme-add", json!({"a": "x"}))
        .expect_tool_result("acme-add", |text| text.contains("`a`") && text.contains("`b`"))
        .call("acme-fail", json!({"visible": false}))
        .expect_tool_result("acme-fail", |text| text.contains("fail") && !text.contains("hunter2"))
        .call("acme-work", json!({}))
        .expect_tool_result("acme-work", |text| text.contains("worked"))
        .say("It is 42.");
    let real = Real::over_stdio(script).await;
    let session =
        real.session().mcp_server("acme", program()).permissions(mcp_tools()).start().await.unwrap();
    assert_eq!(session.ask("What is 40 + 2?").await.unwrap().text(), "It is 42.");
    let tools = session.mcp().tools("acme").await.unwrap();
    assert!(tools.iter().any(|tool| tool.name.contains("picture")), "{tools:?}");
    session.close().await.unwrap();
    real.finish().await;
}

#[tokio::test]
async fn the_cli_asks_its_user_for_an_approval() {
    let script = Script::new()
        .call("acme-remove", json!({"path": "a.txt"}))
        .expect_tool_result("acme-remove", |text| text.contains("removed a.txt"))
        .say("Removed.");
    let real = Real::over_stdio(script).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let questions = Arc::clone(&asked);
    let session = real
        .session()
        .mcp_server("acme", program())
        .permissions(mcp_tools())
        .on_elicitation(move |question| {
            questions.lock().unwrap().push(question.message().to_owned());
            async { ElicitationResponse::accept(json!({"approve": true})).unwrap() }
        })
        .start()
        .await
        .unwrap();
    assert_eq!(session.ask("Remove it.").await.unwrap().text(), "Removed.");
    let asked = asked.lock().unwrap().clone();
    assert!(asked.len() == 1 && asked[0].contains("`remove`") && asked[0].contains("a.txt"), "{asked:?}");
    session.close().await.unwrap();
    real.finish().await;
}

#[tokio::test]
async fn the_cli_calls_tools_of_a_server_over_http_without_a_session() {
    let revisions = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&revisions);
    let note = move |request: Request| {
        let header = |name: &str| {
            request.headers().get(name).map(|value| value.to_str().unwrap_or_default().to_owned())
        };
        seen.lock().unwrap().insert((header("mcp-protocol-version"), header("mcp-session-id")));
        async move { request }
    };
    let service = Server::new("acme").with_tools([multiply::TOOL]).http().unwrap();
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let app = axum::Router::new().nest_service("/mcp", service).layer(map_request(note));
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, app).await });

    let script = Script::new()
        .call("acme-multiply", json!({"a": 6, "b": 7}))
        .expect_tool_result("acme-multiply", |text| text.contains(r#"{"product":42}"#))
        .say("It is 42.");
    let real = Real::over_stdio(script).await;
    let session = real
        .session()
        .mcp_server("acme", McpServer::http(url))
        .permissions(mcp_tools())
        .start()
        .await
        .unwrap();
    assert_eq!(session.ask("What is 6 * 7?").await.unwrap().text(), "It is 42.");
    session.close().await.unwrap();
    real.finish().await;
    let revisions = revisions.lock().unwrap().clone();
    assert!(revisions.iter().all(|(_, session)| session.is_none()), "{revisions:?}");
    let newest = |(revision, _): &(Option<String>, _)| revision.as_deref() == Some(STATELESS);
    assert!(!tested::since([1, 0, 102]) || revisions.iter().any(newest), "{revisions:?}");
}
