//! Tools that are defined at run time, such as those of a plug-in.
//!
//! `cargo run --example dynamic_tools`

use copilot::testing::Script;
use copilot::{DynTool, Session, Tool};
use copilot_examples::run_script;
use serde_json::json;

/// The data that a plug-in would provide: name, description, factor.
const UNITS: [(&str, &str, f64); 2] =
    [("to_miles", "Convert kilometres to miles.", 0.6214), ("to_feet", "Convert metres to feet.", 3.2808)];

fn converters() -> copilot::Result<Vec<Tool>> {
    let converter = |(name, description, factor): (&str, &str, f64)| {
        let tool = DynTool::new(name, description).read_only().schema(json!({
            "type": "object",
            "properties": { "value": { "type": "number", "description": "The value to convert." } },
            "required": ["value"],
        }))?;
        Ok(tool.run(move |arguments, _cx| async move {
            // The arguments are validated before the closure runs.
            let value = arguments["value"].as_f64().unwrap_or_default();
            format!("{:.1}", value * factor)
        }))
    };
    UNITS.into_iter().map(converter).collect()
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let script = Script::new()
        .call("to_miles", json!({"value": "far"}))
        .call("to_miles", json!({"value": 42.195}))
        .expect_tool_result("to_miles", |text| text == "26.2")
        .say("A marathon is 26.2 miles.");
    run_script(Session::builder().with_tools(converters()?), script, "A marathon in miles?").await
}
