//! Evaluations: expectations, runs, the report, and a suite on the real CLI.

#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]
#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod expectations;
mod real_cli;
mod reports;
mod runs;

use copilot::Client;
use copilot::testing::{FakeCli, FakeTurn};
use serde_json::{Value, json};

/// Look up an order.
#[copilot::tool(read_only)]
fn lookup_order(
    /// Number of the order.
    order: u32,
) -> String {
    format!("order {order}: 400 cents")
}

/// Refund an order.
#[copilot::tool(read_only)]
fn refund(
    /// Number of the order.
    order: u32,
    /// The amount.
    cents: u32,
) -> String {
    format!("{cents} cents of order {order} are refunded")
}

/// Configures a session with both tools.
fn shop(session: copilot::SessionBuilder) -> copilot::SessionBuilder {
    session.with_tools([lookup_order::TOOL, refund::TOOL])
}

/// Starts a client whose agent plays its turns with this function.
async fn client<F>(play: impl Fn(FakeTurn) -> F + Send + Sync + 'static) -> (FakeCli, Client)
where
    F: Future<Output = ()> + Send + 'static,
{
    let cli = FakeCli::new();
    cli.on_turn(play);
    let client = cli.client_builder().start().await.unwrap();
    (cli, client)
}

/// Reports the cost of a request to the model.
fn usage(turn: &FakeTurn, input: u64, output: u64, cost: f64) {
    turn.event(
        "assistant.usage",
        json!({"model": "m", "inputTokens": input, "outputTokens": output, "cost": cost}),
    );
}

/// Looks up an order, refunds it and answers.
async fn good(turn: FakeTurn) {
    turn.call_tool("lookup_order", json!({"order": 17})).await;
    turn.call_tool("refund", json!({"order": 17, "cents": 400})).await;
    usage(&turn, 1_000, 200, 0.5);
    turn.say("4 euros are refunded.");
}

/// The arguments of a refund.
fn is_small(arguments: &Value) -> bool {
    arguments["cents"].as_u64() <= Some(400)
}
