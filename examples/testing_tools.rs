//! A tool is tested without a CLI: as the function that it is, or called as the agent would.
//!
//! `cargo run --example testing_tools` runs what would be in `#[test]` functions. A program of your own has
//! `copilot::test_tools!();` besides, one test that checks every tool.

use copilot::State;
use copilot::testing::{assert_tools_snapshot, call, check_tools};
use copilot_examples::ScratchDir;
use serde_json::json;

struct Prices {
    pen: u32,
}

/// What something costs, in cents.
#[copilot::tool(read_only)]
async fn price(
    /// What it is.
    item: &str,
    prices: State<Prices>,
) -> Result<u32, String> {
    match item {
        "pen" => Ok(prices.pen),
        other => Err(format!("we do not sell {other}")),
    }
}

/// Double a number.
#[copilot::tool(read_only)]
fn double(
    /// The number.
    number: i64,
) -> i64 {
    2 * number
}

#[tokio::main]
async fn main() {
    // The function is still a function.
    assert_eq!(double(21), 42);

    // As the agent calls it, with a state of the test's own.
    let priced = call(price::TOOL, json!({"item": "pen"})).state(Prices { pen: 120 }).await;
    assert_eq!(priced.text(), "120");
    let missing = call(price::TOOL, json!({"item": "sword"})).state(Prices { pen: 120 }).await;
    assert_eq!(missing.text(), "we do not sell sword");
    let wrong = call(double::TOOL, json!({"numbr": 1})).await;
    println!("{}", wrong.text());
    assert!(wrong.text().contains("did you mean `number`"));

    // All tools of the program fit together, and what the model sees of them is kept in a file for review.
    check_tools();
    let scratch = ScratchDir::new("surface");
    assert_tools_snapshot(scratch.path().join("tools.json"));
    assert_tools_snapshot(scratch.path().join("tools.json"));
    println!("every check passed");
}
