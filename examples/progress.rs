//! A tool that reports its progress, uses its context, and stops when the call is cancelled.
//!
//! `cargo run --example progress`

use std::time::Duration;

use copilot::testing::Script;
use copilot::{Session, ToolContext};
use copilot_examples::run_script;
use serde_json::json;

/// Count slowly.
#[copilot::tool(read_only, timeout = "10s")]
async fn count(
    /// The last number.
    #[arg(min = 1, max = 5)]
    to: u32,
    cx: &ToolContext,
) -> String {
    for number in 1..=to {
        cx.progress(f64::from(number) / f64::from(to), format!("{number} of {to}"));
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
            () = cx.cancelled() => return format!("stopped at {number}"),
        }
    }
    format!("counted to {to} for {}", cx.tool())
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let script = Script::new().call("count", json!({"to": 3})).say("One, two, three.");
    run_script(Session::builder().with_tools([count::TOOL]), script, "Count to three.").await
}
