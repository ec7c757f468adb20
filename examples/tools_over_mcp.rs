//! One tool, served over MCP: to a session of the Copilot CLI here, and with `-- --stdio` to any MCP client that starts
//! the program.
//!
//! `cargo run --example tools_over_mcp`, also with `-- --live`

use std::net::Ipv4Addr;
use std::sync::Mutex;

use copilot::mcp::{McpServer, Server};
use copilot::permissions::PermissionKind;
use copilot::testing::Script;
use copilot::{Json, Permissions, State, ToolError};
use copilot_examples::{Agent, print_turn};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

#[derive(Serialize, JsonSchema)]
struct Stock {
    left: u32,
}

/// Take items from the store.
#[copilot::tool]
async fn take(
    /// How many.
    #[arg(min = 1)]
    count: u32,
    store: State<Mutex<u32>>,
) -> Result<Json<Stock>, ToolError> {
    let mut items = store.lock().map_err(|_| ToolError::tell("the store is closed"))?;
    *items = items.checked_sub(count).ok_or_else(|| ToolError::tell(format!("only {items} are left")))?;
    Ok(Json(Stock { left: *items }))
}

fn server() -> Server {
    Server::new("store").version("1.0.0").with_all_tools().state(Mutex::new(7_u32))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|argument| argument == "--stdio") {
        return Ok(server().stdio().await?);
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    let app = axum::Router::new().nest_service("/mcp", server().http()?);
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, app).await });

    let script = Script::new()
        .call("store-take", json!({"count": 5}))
        .expect_tool_result("store-take", |text| text.contains(r#"{"left":2}"#))
        .call("store-take", json!({"count": 5}))
        .expect_tool_result("store-take", |text| text.contains("only 2 are left"))
        .say("Five are yours; the store has two left.");
    let agent = Agent::new(script).await?;
    let session = agent
        .session()
        .mcp_server("store", McpServer::http(url))
        .permissions(Permissions::default().allow(PermissionKind::Mcp))
        .start()
        .await?;
    print_turn(&session, "Take ten items, five at a time.").await?;
    session.close().await?;
    agent.finish();
    serving.shutdown().await;
    Ok(())
}
