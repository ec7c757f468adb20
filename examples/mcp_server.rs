//! The agent uses the tools of an MCP server, which the CLI starts: here a second process of this program.
//!
//! `cargo run --example mcp_server`, also with `-- --live`

use std::io::Write as _;

use copilot::Permissions;
use copilot::mcp::McpServer;
use copilot::permissions::PermissionKind;
use copilot::testing::Script;
use copilot_examples::{Agent, print_turn};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|argument| argument == "--serve") {
        return Ok(serve()?);
    }
    let script = Script::new()
        .call("dice-roll", json!({"sides": 6}))
        .expect_tool_result("dice-roll", |text| text.contains("a 4"))
        .say("You rolled a 4.");
    let agent = Agent::new(script).await?;
    let program = std::env::current_exe()?.display().to_string();
    let session = agent
        .session()
        // For a remote server: `McpServer::http(url).header("Authorization", ..)`.
        .mcp_server("dice", McpServer::stdio(program).args(["--serve"]).env("LUCK", "4").tools(["roll"]))
        // By default only the program's own tools may run.
        .permissions(Permissions::default().allow(PermissionKind::Mcp))
        .start()
        .await?;
    for server in session.mcp().servers().await? {
        println!("{} is {:?}", server.name, server.status);
    }
    print_turn(&session, "Roll a die.").await?;
    session.close().await?;
    agent.finish();
    Ok(())
}

/// A minimal server with one tool and one JSON-RPC message per line. For a real one see `tools_over_mcp`.
fn serve() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lines() {
        let message: Value = serde_json::from_str(&line?)?;
        // A message without an id is a notification and needs no response.
        let Some(id) = message.get("id") else { continue };
        let answer = match message["method"].as_str() {
            Some("initialize") => json!({
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "dice", "version": "1"},
            }),
            Some("tools/list") => json!({"tools": [{
                "name": "roll",
                "description": "Rolls a die.",
                "inputSchema": {"type": "object", "properties": {"sides": {"type": "integer"}}},
            }]}),
            Some("tools/call") => {
                let luck = std::env::var("LUCK").unwrap_or_default();
                json!({"content": [{"type": "text", "text": format!("a {luck}")}]})
            }
            _ => json!({}),
        };
        writeln!(out, "{}", json!({"jsonrpc": "2.0", "id": id, "result": answer}))?;
        out.flush()?;
    }
    Ok(())
}
