//! Tests of tools without a CLI: as plain functions, and called as by the agent.
//!
//! `cargo run --example testing_tools` runs code that belongs in `#[test]` functions. The macro
//! `copilot::test_tools!();` defines one more test, which checks all tools, and `copilot::fuzz_tools!();` another one, which
//! calls them with generated arguments.

use copilot::State;
use copilot::testing::{assert_tools_snapshot, call, check_tools, fuzz_tools};
use copilot_examples::ScratchDir;
use serde_json::json;

struct Prices {
    pen: u32,
}

/// Return the price of an item in cents.
#[copilot::tool(read_only)]
async fn price(
    /// The name of the item.
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
    /// The number to double.
    number: i64,
) -> i64 {
    number.saturating_mul(2)
}

#[tokio::main]
async fn main() {
    // A tool is still a plain function.
    assert_eq!(double(21), 42);

    // Called as by the agent, with a state of the test.
    let priced = call(price::TOOL, json!({"item": "pen"})).state(Prices { pen: 120 }).await;
    assert_eq!(priced.text(), "120");
    let missing = call(price::TOOL, json!({"item": "sword"})).state(Prices { pen: 120 }).await;
    assert_eq!(missing.text(), "we do not sell sword");
    let wrong = call(double::TOOL, json!({"numbr": 1})).await;
    println!("{}", wrong.text());
    assert!(wrong.text().contains("did you mean `number`"));

    // Checks all tools of the program, and compares what the model sees of them with a file.
    check_tools();
    let scratch = ScratchDir::new("surface");
    assert_tools_snapshot(scratch.path().join("tools.json"));
    assert_tools_snapshot(scratch.path().join("tools.json"));

    // Calls them with values made from their schemas.
    fuzz_tools().state(Prices { pen: 120 }).run().assert_passed();
    println!("every check passed");
}
