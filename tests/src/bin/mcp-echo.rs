//! The smallest MCP server: over its pipes it offers tools that return their text after the value of `GREETING`. The
//! tool `look` declares itself read-only.

use std::io::{BufRead as _, Write as _};

use serde_json::{Value, json};

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let Ok(message) = serde_json::from_str::<Value>(&line?) else { continue };
        // A message without an id is a notification and needs no answer.
        let Some(id) = message.get("id") else { continue };
        let answer = match answer(&message) {
            Some(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            None => json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "unknown"}}),
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn answer(message: &Value) -> Option<Value> {
    Some(match message["method"].as_str()? {
        "initialize" => json!({
            "protocolVersion": message["params"]["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "echo", "version": "1"},
        }),
        "ping" => json!({}),
        "tools/list" => {
            let tool = |name: &str| {
                json!({
                    "name": name,
                    "description": "Repeats its argument.",
                    "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}},
                })
            };
            let mut look = tool("look");
            look["annotations"] = json!({"readOnlyHint": true});
            json!({"tools": [tool("say"), tool("shout"), look]})
        }
        "tools/call" => {
            let greeting = std::env::var("GREETING").unwrap_or_default();
            let said = message["params"]["arguments"]["text"].as_str().unwrap_or_default();
            json!({"content": [{"type": "text", "text": format!("{greeting}{said}")}]})
        }
        _ => return None,
    })
}
