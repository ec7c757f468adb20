//! What the model reads of a failure: nothing of a foreign error, all of one that was meant for it.
//!
//! `cargo run --example errors`

use copilot::testing::Script;
use copilot::{OrTell, Session, ToolError};
use copilot_examples::play;
use serde_json::json;

/// Read a number from a file.
#[copilot::tool(read_only)]
fn read_number(
    /// The file's path.
    path: &str,
) -> Result<i64, ToolError> {
    // An error of the system stays ours: the model reads a reference, the log has the rest.
    let text = std::fs::read_to_string(path)?;
    // This one is for the model.
    text.trim().parse().or_tell("the file does not hold a number")
}

/// Withdraw money.
#[copilot::tool]
fn withdraw(
    /// How much.
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
    play(session, script, "Withdraw as much as the file says.").await
}
