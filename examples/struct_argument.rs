//! One argument that is a struct is the arguments object itself.
//!
//! `cargo run --example struct_argument`

use copilot::testing::Script;
use copilot::{Json, Session};
use copilot_examples::play;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What is to be shipped where.
#[derive(Deserialize, JsonSchema)]
struct Parcel {
    /// Weight in kilograms.
    weight: f64,
    /// Where it goes.
    destination: Destination,
}

/// Where a parcel goes.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Destination {
    /// To a house.
    House {
        /// Its address.
        address: String,
    },
    /// To a parcel locker.
    Locker {
        /// Its number.
        number: u32,
    },
}

#[derive(Serialize)]
struct Quote {
    cents: u32,
    to: String,
}

/// Say what a parcel costs.
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
    play(Session::builder().with_tools([quote_parcel::TOOL]), script, "2.5 kg to locker 7?").await
}
