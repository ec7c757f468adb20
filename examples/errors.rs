//! Errors of tools: the model reads the text of a `ToolError`, but not the text of a foreign error.
//!
//! `cargo run --example errors`

use copilot::testing::Script;
use copilot::{OrTell, Session, ToolError};
use copilot_examples::run_script;
use serde_json::json;

/// Read a number from a file.
#[copilot::tool(read_only)]
fn read_number(
    /// The file's path.
    path: &str,
) -> Result<i64, ToolError> {
    // The model reads only a reference to an I/O error; the log has the error itself.
    let text = std::fs::read_to_string(path)?;
    // The model reads this text.
    text.trim().parse().or_tell("the file does not hold a number")
}

/// Withdraw money.
#[copilot::tool]
fn withdraw(
    /// The amount.
    amount: u32,
) -> Result<String, ToolError> {
    match amount {
        0 => Err(ToolError::tell("an amount of 0 makes no sense; ask the user how much")),
        1..1000 => Ok(format!("{amount} withdrawn")),
        _ => Err(ToolError::refused("this account pays out less than 1000 at a time")),
    }
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let script = Script::new()
        .call("read_number", json!({"path": "/nowhere/secret-name"}))
        .expect_tool_result("read_number", |text| !text.contains("No such file"))
        .call("withdraw", json!({"amount": 0}))
        .call("withdraw", json!({"amount": 5000}))
        .call("withdraw", json!({"amount": 50}))
        .say("I could withdraw 50.");
    let session = Session::builder().with_tools([read_number::TOOL, withdraw::TOOL]);
    run_script(session, script, "Withdraw as much as the file says.").await
}
