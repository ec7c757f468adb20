//! A program with tools whose command line, chat and MCP server are the toolbox.
//!
//! `cargo run --example toolbox -- list`, and `schema`, `call`, `check`, `snapshot`, `ask`, `chat`, `pending`, `mcp`, `skill`
//! and `completions`. `chat --scripted` needs no login: a scripted model answers.

use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use copilot::testing::Script;
use copilot::toolbox::Toolbox;
use copilot::{Json, State, ToolContext, ToolError};
use copilot_examples::Agent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A trip that was booked.
#[derive(Clone, Serialize, JsonSchema)]
struct Trip {
    city: String,
    days: u32,
}

type Trips = Mutex<Vec<Trip>>;

/// The unit of temperatures.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Unit {
    Celsius,
    Fahrenheit,
}

/// Return the weather of the next days.
#[copilot::tool(read_only, group = "weather")]
async fn forecast(
    cx: &ToolContext,
    /// The city, such as `Oslo`.
    city: &str,
    /// The number of days.
    #[arg(default = 3, min = 1, max = 14)]
    days: u32,
    /// The unit of the temperatures.
    unit: Option<Unit>,
) -> String {
    cx.progress(0.5, format!("asking the station of {city}"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (from, to) = match unit {
        Some(Unit::Fahrenheit) => ("21 °F", "28 °F"),
        Some(Unit::Celsius) | None => ("-6 °C", "-2 °C"),
    };
    format!("{city}, {days} days: snow, {from} to {to}")
}

/// Book a trip.
#[copilot::tool(group = "travel")]
fn book_trip(
    /// The city.
    city: String,
    /// The number of days.
    #[arg(min = 1)]
    days: u32,
    trips: State<Trips>,
) -> Result<Json<Trip>, ToolError> {
    let trip = Trip { city, days };
    trips.lock().map_err(|_| ToolError::tell("the agency is closed"))?.push(trip.clone());
    Ok(Json(trip))
}

/// Cancel all trips. This cannot be undone.
#[copilot::tool(destructive, group = "travel")]
fn cancel_trips(trips: State<Trips>) -> Result<String, ToolError> {
    let mut trips = trips.lock().map_err(|_| ToolError::tell("the agency is closed"))?;
    let number = trips.len();
    trips.clear();
    Ok(format!("{number} trips cancelled"))
}

#[tokio::main]
async fn main() -> ExitCode {
    let (scripted, arguments): (Vec<_>, Vec<_>) =
        std::env::args().partition(|argument| argument == "--scripted");
    let toolbox = Toolbox::new("trips")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Weather and trips.")
        .with_all_tools()
        .state(Trips::default())
        .arguments(arguments);
    if scripted.is_empty() {
        return toolbox.run().await;
    }
    match Agent::new(script()).await {
        Ok(agent) => {
            let toolbox = toolbox.client(agent.client());
            toolbox.session(move |session| agent.with_model(session)).run().await
        }
        Err(error) => {
            eprintln!("the scripted model cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The answers of the model with `--scripted`.
fn script() -> Script {
    let script = Script::new()
        .pace(Duration::from_millis(15))
        .call("forecast", json!({"city": "Oslo", "days": 2}))
        .stream(pieces(
            "It will be **cold**, with snow on both days:\n\n- pack *gloves* and a hat\n- take the `T-bane`; roads are \
             slow\n\nShall I book it?",
        ))
        .call("book_trip", json!({"city": "Oslo", "days": 2}))
        .stream(pieces("Booked: **two days** in Oslo."))
        .call("cancel_trips", json!({}))
        .stream(pieces("As you wish."));
    (0..20).fold(script, |script, _| script.stream(pieces("I only say what is written down for me.")))
}

fn pieces(text: &str) -> Vec<String> {
    text.split_inclusive(' ').map(str::to_owned).collect()
}
