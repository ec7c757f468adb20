//! Tools that are known only when the program runs, here from a table that could be a file.
//!
//! `cargo run --example dynamic_tools` calls them as a session would, without an agent.

use copilot::testing::call;
use copilot::{DynTool, Tool, ToolError};
use serde_json::json;

/// Makes a tool that converts between units.
fn converter(from: &'static str, to: &'static str, factor: f64) -> copilot::Result<Tool> {
    Ok(DynTool::new(format!("{from}_to_{to}"), format!("Convert {from} to {to}."))
        .schema(json!({
            "type": "object",
            "properties": { "value": { "type": "number", "description": format!("How many {from}.") } },
            "required": ["value"],
            "additionalProperties": false,
        }))?
        .read_only()
        .group("units")
        .run(move |arguments, _cx| async move {
            let value = arguments["value"].as_f64().ok_or_else(|| ToolError::tell("not a number"))?;
            Ok::<_, ToolError>(format!("{} {to}", value * factor))
        }))
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let tools = [converter("miles", "km", 1.609)?, converter("pounds", "kg", 0.4536)?];
    for tool in &tools {
        println!("{}: {}", tool.name(), call(tool.clone(), json!({ "value": 10 })).await.text());
    }
    println!("{}", call(tools[0].clone(), json!({ "miles": 10 })).await.text());
    Ok(())
}
