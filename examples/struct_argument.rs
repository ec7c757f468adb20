//! A single struct argument, which is the whole arguments object.
//!
//! `cargo run --example struct_argument`

use copilot::testing::Script;
use copilot::{Json, Session};
use copilot_examples::run_script;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A parcel to ship.
#[derive(Deserialize, JsonSchema)]
struct Parcel {
    /// Weight in kilograms.
    weight: f64,
    /// The destination of the parcel.
    destination: Destination,
}

/// The destination of a parcel.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Destination {
    /// Delivery to a house.
    House {
        /// The address of the house.
        address: String,
    },
    /// Delivery to a parcel locker.
    Locker {
        /// The number of the locker.
        number: u32,
    },
}

#[derive(Serialize)]
struct Quote {
    cents: u32,
    to: String,
}

/// Calculate the price of a parcel.
#[copilot::tool(read_only)]
async fn quote_parcel(parcel: Parcel) -> Json<Quote> {
    let (extra, to) = match parcel.destination {
        Destination::House { address } => (300, address),
        Destination::Locker { number } => (0, format!("locker {number}")),
    };
    Json(Quote { cents: extra + (parcel.weight * 100.0) as u32, to })
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let script = Script::new()
        .call("quote_parcel", json!({"weight": 2.5, "destination": {"kind": "locker", "number": 7}}))
        .say("That is 2.50.");
    run_script(Session::builder().with_tools([quote_parcel::TOOL]), script, "2.5 kg to locker 7?").await
}
