//! A program whose command line is the toolbox, on a fake CLI in the process.
//!
//! `TOOLBOX_EARLIER` has the CLI begin with the session `earlier`, and `TOOLBOX_WAITS` with a permission request in it.
//! `TOOLBOX_DECISION` names the file for the answer to it. With `TOOLBOX_DEFERRED` a deferred call waits in the session.
//! `TOOLBOX_COMMAND` is the command of the permission request. `TOOLBOX_GATE` is the socket of a test that the turn
//! `delete later` waits for. With `TOOLBOX_BROKEN` the CLI lists a session `broken`, which it cannot resume.
//! `TOOLBOX_ANSWERS` names the file for the answers to calls. The CLI does not answer the requests that
//! `TOOLBOX_HANGS` names.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use copilot::deferred::{Deferred, Ticket};
use copilot::testing::{Delivery, FakeCli, FakeTurn};
use copilot::toolbox::Toolbox;
use copilot::{Image, Json, State, ToolContext, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Unit {
    Celsius,
    Fahrenheit,
}

/// A place on a map.
#[derive(Deserialize, Serialize, JsonSchema)]
struct Place {
    /// The latitude.
    lat: f64,
    /// The longitude.
    lon: f64,
}

#[derive(Serialize, JsonSchema)]
struct Forecast {
    city: String,
    days: u32,
    unit: Option<Unit>,
    place: Option<Place>,
    tags: Vec<String>,
}

/// Return the weather.
#[copilot::tool(read_only, group = "weather")]
async fn forecast(
    /// The city, such as `Oslo`.
    city: String,
    /// The number of days.
    #[arg(default = 3, min = 1, max = 14)]
    days: u32,
    /// The unit of the temperatures.
    unit: Option<Unit>,
    /// The exact place.
    place: Option<Place>,
    /// Labels of the request.
    #[arg(default)]
    tags: Vec<String>,
) -> Json<Forecast> {
    Json(Forecast { city, days, unit, place, tags })
}

/// Delete a trip.
#[copilot::tool(destructive, group = "travel")]
fn delete_trip(
    /// The name of the trip.
    name: &str,
) -> String {
    format!("deleted {name}")
}

/// Count the trips.
#[copilot::tool(read_only, group = "travel")]
fn count_trips(trips: State<u32>) -> String {
    format!("{} trips", *trips)
}

/// Fail, with a hidden error or in words.
#[copilot::tool]
fn fail(
    /// How: `hidden`, `refused` or in words.
    how: &str,
) -> Result<String, ToolError> {
    match how {
        "hidden" => Err(ToolError::hidden("password=hunter2")),
        "refused" => Err(ToolError::refused("not on Sundays")),
        _ => Err(ToolError::tell(format!("there is no {how}"))),
    }
}

/// Ask the person for a colour.
#[copilot::tool]
async fn colour(cx: &ToolContext) -> Result<String, ToolError> {
    let colour = cx.ask_user("Which colour?", ["red", "blue"]).await?;
    Ok(format!("painted {colour}"))
}

/// Report progress and wait until the call is cancelled.
#[copilot::tool(timeout = "10m")]
async fn wait(cx: &ToolContext) -> String {
    cx.progress(0.25, "a quarter");
    cx.cancelled().await;
    "stopped in order".to_owned()
}

/// Return a picture.
#[copilot::tool(read_only)]
fn picture() -> Image {
    Image::png(b"dot").description("a dot")
}

/// File a request that a person answers later.
#[copilot::tool]
fn refund(
    /// The amount.
    cents: u32,
    ticket: Ticket<u32>,
) -> Deferred<u32> {
    let _ = cents;
    ticket.defer()
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = FakeCli::new();
    cli.on_turn(play);
    let model = Arc::new(Mutex::new(json!("gpt-5")));
    let current = Arc::clone(&model);
    cli.on("session.model.getCurrent", move |_, _| json!({"modelId": *current.lock().expect("no panic")}));
    cli.on("session.model.switchTo", move |params, _| {
        *model.lock().expect("no panic") = params["modelId"].clone();
        json!({"modelId": params["modelId"]})
    });
    if std::env::var_os("TOOLBOX_EARLIER").is_some() {
        earlier(&cli).await.expect("the fake CLI takes every session");
    }
    let toolbox = Toolbox::new("acme").version("1.2.3").about("Tools of Acme.").with_all_tools().state(7_u32);
    if std::env::var_os("TOOLBOX_BROKEN").is_some() {
        cli.on("session.list", |_, _| {
            let session = |id: &str, time: &str| json!({"sessionId": id, "startTime": time, "modifiedTime": time, "isRemote": false});
            json!({"sessions": [session("broken", "2026-01-02T00:00:00Z"), session("earlier", "2026-01-01T00:00:00Z")]})
        });
    }
    if let Ok(method) = std::env::var("TOOLBOX_HANGS") {
        cli.hold(&method);
    }
    let code = toolbox.client(cli.client_builder()).run().await;
    if let Some(file) = std::env::var_os("TOOLBOX_ANSWERS") {
        let answers = cli.requests("session.tools.handlePendingToolCall");
        std::fs::write(file, json!(answers).to_string()).expect("the answers can be written");
    }
    code
}

/// Opens a session with one message, and closes it.
async fn earlier(cli: &FakeCli) -> copilot::Result<()> {
    let client = cli.client_builder().start().await?;
    let session = client.session().id("earlier").start().await?;
    session.ask("Remember 42.").await?;
    if std::env::var_os("TOOLBOX_DEFERRED").is_some() {
        let call = Arc::new(Mutex::new(json!(null)));
        let started = Arc::clone(&call);
        cli.on_event(move |event| {
            if event["type"] == "tool.execution_start" {
                *started.lock().expect("no panic") = event["data"]["toolCallId"].clone();
            }
            Delivery::Once
        });
        session.tools().set([refund::TOOL]).await?;
        session.ask("refund").return_deferred().await?;
        // The turn of the fake CLI ends with its program, so the result is recorded here.
        let id = session.id().clone();
        cli.on("session.tools.handlePendingToolCall", move |_, asked| {
            let call = call.lock().expect("no panic").clone();
            let done = json!({"toolCallId": call, "success": true, "result": {"content": ""}});
            asked.cli().event(&id, "tool.execution_complete", done);
            json!({"success": true})
        });
    }
    session.close().await?;
    if std::env::var_os("TOOLBOX_WAITS").is_some() {
        let decided = Arc::new(AtomicBool::new(false));
        let is_decided = Arc::clone(&decided);
        cli.on("session.permissions.pendingRequests", move |_, _| {
            let command = std::env::var("TOOLBOX_COMMAND").unwrap_or_else(|_| "rm trips".to_owned());
            let dialog = json!({"kind": "commands", "fullCommandText": command, "commandIdentifiers": ["rm"],
                                "toolCallId": "c1"});
            let waits = !is_decided.load(Ordering::SeqCst);
            json!({"items": if waits { vec![json!({"requestId": "p1", "request": dialog})] } else { Vec::new() }})
        });
        cli.on("session.permissions.handlePendingPermissionRequest", move |params, _| {
            decided.store(true, Ordering::SeqCst);
            if let Some(file) = std::env::var_os("TOOLBOX_DECISION") {
                std::fs::write(file, params.to_string()).expect("the decision can be written");
            }
            json!({"success": true})
        });
    }
    client.shutdown().await
}

/// Waits until the test closes the socket that it listens on.
async fn gate() {
    let path = std::env::var_os("TOOLBOX_GATE").expect("the test listens");
    let mut socket = tokio::net::UnixStream::connect(path).await.expect("the test listens");
    let _ = tokio::io::AsyncReadExt::read(&mut socket, &mut [0]).await;
}

async fn play(turn: FakeTurn) {
    match turn.prompt() {
        "weather" => {
            turn.call_tool("forecast", json!({"city": "Oslo"})).await;
            turn.say("It is **cold** in Oslo.\n\n- snow\n- ice\n\nTake `gloves`.");
        }
        "delete" => {
            let result = turn.call_tool("delete_trip", json!({"name": "Rome"})).await;
            turn.say(format!("The result is {}.", result["resultType"].as_str().unwrap_or("unknown")));
        }
        "delete later" => {
            turn.say("A moment.");
            gate().await;
            let result = turn.call_tool("delete_trip", json!({"name": "Rome"})).await;
            turn.say(format!("The result is {}.", result["resultType"].as_str().unwrap_or("unknown")));
        }
        "colour" => {
            turn.call_tool("colour", json!({})).await;
            turn.say("Painted.");
        }
        "wait" => {
            turn.say("Waiting now.");
            std::future::pending::<()>().await;
        }
        "refund" => {
            turn.call_tool("refund", json!({"cents": 4200})).await;
            turn.say("Refunded.");
        }
        "break" => turn.fail("the model is out of order"),
        "control" => turn.say("a\u{1b}[31mb\u{1b}]0;title\u{7}c"),
        "slow" => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            turn.say("Done.");
        }
        "usage" => {
            let usage = json!({"model": "gpt-5", "inputTokens": 1200, "outputTokens": 34});
            turn.event("assistant.usage", usage);
            turn.say("Counted.");
        }
        prompt => turn.say(format!("You said: {prompt}")),
    }
}
