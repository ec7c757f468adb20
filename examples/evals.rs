//! Evaluates two descriptions of one tool: which of them does the model understand?
//!
//! `cargo run --example evals` asks a scripted model, which reads the description that it is offered. A real model is set
//! with `.provider(..)` and `.model(..)` in the same place; `.cassettes("evals/cassettes")` records it for a continuous
//! integration.

use copilot::evals::{Case, Suite, expect};
use copilot::testing::{Script, ScriptedModel, hermetic_client};
use copilot::{DynTool, Tool};
use copilot_examples::ScratchDir;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// The arguments of the tool.
#[derive(Deserialize, JsonSchema)]
struct Refund {
    /// Number of the order.
    order: u32,
    /// The amount.
    amount: u32,
}

fn refund(description: &str) -> Tool {
    DynTool::new("refund", description).read_only().typed(|Refund { order, amount }, _| async move {
        format!("{amount} cents of order {order} are refunded")
    })
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let scratch = ScratchDir::new("evals");
    // A model that is precise where the description is.
    let says_cents = |request: &copilot::testing::RecordedRequest| {
        request.tool("refund").is_some_and(|tool| tool["description"].to_string().contains("cents"))
    };
    let plays = |amount: u32| {
        let script = Script::new().for_every_conversation();
        script.call("refund", json!({"order": 17, "amount": amount})).say("4 euros are refunded.")
    };
    let model = ScriptedModel::start([plays(400).when_request(says_cents), plays(4)]).await?;
    let (provider, name) = (model.provider(), model.model_name());

    let client = hermetic_client(scratch.path()).start().await?;
    let report = Suite::new("refunds")
        .client(client.clone())
        .session(move |session, _run| session.provider(provider.clone()).model(name))
        .variant("terse", |session, _run| session.with_tools([refund("Refund an order.")]))
        .variant("precise", |session, _run| {
            session.with_tools([refund("Refund an order. The amount is in cents: 400 for 4 euros.")])
        })
        .case(
            Case::new("small refund")
                .prompt("Refund 4 euros of order 17.")
                .runs(3)
                .pass_at_least(2)
                .expect(expect::call("refund").arguments(|arguments: &Value| arguments["amount"] == 400))
                .expect(expect::answer().contains("refunded")),
        )
        .run()
        .await?;
    client.shutdown().await?;

    report.print();
    report.write_junit(scratch.path().join("evals.xml"))?;
    println!("{}", report.compare(scratch.path().join("refunds.json"))?);
    println!("{}", report.compare(scratch.path().join("refunds.json"))?);
    // A test ends with `report.assert_passed()`, or with `compare(..)?.assert_no_regressions()`.
    println!("passed: {}", report.has_passed());
    Ok(())
}
