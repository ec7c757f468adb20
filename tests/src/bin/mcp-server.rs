//! An MCP server of this library, for tests with real clients: over its pipes, or with `--http ADDRESS` over HTTP.
//!
//! Over HTTP it prints its address, and drains at SIGTERM. `--unattended` runs destructive tools without an approval,
//! `--conformance` has the tools that the official conformance suite calls.

use std::time::Duration;

use copilot::mcp::{HttpService, Server};
use copilot::{Image, Json, ToolContext, ToolError, group};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Serialize, JsonSchema)]
struct Sum {
    /// The sum.
    sum: i64,
}

#[derive(Clone, Copy, Debug, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
    Blue,
}

/// Add two numbers.
#[copilot::tool(read_only, title = "Adder", group = "math", tags("cheap"))]
async fn add(
    /// First summand.
    a: i64,
    /// Second summand.
    b: i64,
) -> Json<Sum> {
    Json(Sum { sum: a + b })
}

/// Return a picture of a dot.
#[copilot::tool(read_only)]
async fn picture(
    /// The colour of the dot.
    colour: Colour,
) -> Image {
    Image::png(b"dot").description(format!("{colour:?}"))
}

/// Fail visibly, or with an error that clients do not read.
#[copilot::tool]
async fn fail(
    /// Whether the text of the error is visible.
    visible: bool,
) -> Result<String, ToolError> {
    Err(if visible { ToolError::tell("there is no city") } else { ToolError::hidden("password=hunter2") })
}

/// Report progress, and write to the log.
#[copilot::tool(read_only)]
async fn work(cx: &ToolContext) -> String {
    for step in 1..=4 {
        cx.progress(f64::from(step) / 4.0, format!("step {step}"));
        tokio::task::yield_now().await;
    }
    cx.log("worked");
    "worked".to_owned()
}

/// Return the name of the replica, after a pause.
#[copilot::tool(idempotent)]
async fn replica(
    /// The pause, in milliseconds.
    #[arg(default = 0)]
    pause: u64,
) -> String {
    tokio::time::sleep(Duration::from_millis(pause)).await;
    std::env::var("REPLICA").unwrap_or_default()
}

/// Ask the user for a colour.
#[copilot::tool]
async fn ask(cx: &ToolContext) -> copilot::Result<String> {
    cx.ask_user("Which colour?", ["red", "blue"]).await
}

/// Remove a file.
#[copilot::tool(destructive)]
async fn remove(
    /// The path.
    path: &str,
) -> String {
    format!("removed {path}")
}

/// The tools of the conformance suite.
mod conformance {
    use std::time::Duration;

    use copilot::tools::Audio;
    use copilot::{Image, ToolContext, ToolError, ToolResult};
    use serde_json::{Value, json};

    const PAUSE: Duration = Duration::from_millis(50);

    fn resource(uri: &str, media_type: &str, text: &str) -> Value {
        json!({ "type": "resource", "resource": { "uri": uri, "mimeType": media_type, "text": text } })
    }

    fn content(blocks: &Value) -> Result<ToolResult, ToolError> {
        Ok(ToolResult::from_mcp(json!({ "content": blocks }))?)
    }

    /// Return text.
    #[copilot::tool(group = "conformance")]
    async fn test_simple_text() -> &'static str {
        "This is a simple text response for testing."
    }

    /// Return an image.
    #[copilot::tool(group = "conformance")]
    async fn test_image_content() -> Image {
        Image::png(b"dot")
    }

    /// Return a sound.
    #[copilot::tool(group = "conformance")]
    async fn test_audio_content() -> Audio {
        Audio::new("audio/wav", b"beep")
    }

    /// Return a resource.
    #[copilot::tool(group = "conformance")]
    async fn test_embedded_resource() -> Result<ToolResult, ToolError> {
        let text = "This is an embedded resource content.";
        content(&json!([resource("test://embedded-resource", "text/plain", text)]))
    }

    /// Return content of several kinds.
    #[copilot::tool(group = "conformance")]
    async fn test_multiple_content_types() -> Result<ToolResult, ToolError> {
        let data = resource("test://mixed-content-resource", "application/json", "{}");
        content(&json!([
            { "type": "text", "text": "Multiple content types test:" },
            { "type": "image", "mimeType": "image/png", "data": "ZG90" },
            data,
        ]))
    }

    /// Write to the log.
    #[copilot::tool(group = "conformance")]
    async fn test_tool_with_logging(cx: &ToolContext) {
        for line in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
            cx.log(line);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Fail.
    #[copilot::tool(group = "conformance")]
    async fn test_error_handling() -> Result<(), ToolError> {
        Err(ToolError::tell("This tool intentionally returns an error for testing"))
    }

    /// Report progress.
    #[copilot::tool(group = "conformance")]
    async fn test_tool_with_progress(cx: &ToolContext) {
        for fraction in [0.0, 0.5, 1.0] {
            cx.progress(fraction, "working");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut server = Server::new("acme").version("1.2.3").with_all_tools();
    server = if arguments.iter().any(|argument| argument == "--conformance") {
        server.only([group("conformance")])
    } else {
        server.except([group("conformance")])
    };
    if arguments.iter().any(|argument| argument == "--unattended") {
        server = server.allow_unattended();
    }
    let http = arguments.iter().position(|argument| argument == "--http");
    match http.and_then(|at| arguments.get(at + 1)) {
        Some(address) => serve(server.http()?, address).await,
        None => Ok(server.stdio().await?),
    }
}

async fn serve(service: HttpService, address: &str) -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("{}", listener.local_addr()?);
    let app = axum::Router::new().nest_service("/mcp", service.clone());
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        terminate.recv().await;
        service.drain();
        tokio::time::sleep(Duration::from_secs(2)).await;
        service.shutdown(Duration::from_secs(10)).await;
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}
