//! A committed cassette on every generation of the real CLI: the requests of all of them are the recorded ones.
//!
//! `COPILOT_CASSETTE=record` records it again, with a scripted model in the place of a real one.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use copilot::cassette::Cassette;
use copilot::testing::Script;
use copilot_tests::real::Real;
use serde_json::json;

/// Refunds an order.
#[copilot::tool]
fn refund_order(
    /// The number of the order.
    order: u32,
) -> String {
    format!("order {order} is refunded: 12 EUR")
}

#[tokio::test]
async fn a_recorded_conversation_is_replayed() {
    let cassette = Cassette::auto("cassettes/refund.jsonl").await.unwrap();
    let script = if cassette.is_recording() {
        Script::new()
            .call("refund_order", json!({"order": 42}))
            .stream(["I have refunded order 42; ", "12 EUR are on the way."])
            .say("You are welcome.")
    } else {
        // The model is not asked.
        Script::new()
    };
    let real = Real::over_stdio(script).await;
    let session = real.session().with_tools([refund_order::TOOL]).streaming(true).cassette(&cassette);
    let session = session.start().await.unwrap();
    let reply = session.ask("Please refund order 42.").await.unwrap();
    assert_eq!(reply.text(), "I have refunded order 42; 12 EUR are on the way.");
    assert_eq!(session.ask("Thank you.").await.unwrap().text(), "You are welcome.");
    real.finish().await;
    cassette.finish().unwrap();
}
