//! The program as the model: a handler answers the CLI's requests to the model, without a server.
//!
//! `cargo run --example inference`

use copilot::Session;
use copilot::host::inference::{InferenceError, InferenceRequest, InferenceResponse};
use copilot::providers::Provider;
use copilot::testing::hermetic_client;
use copilot_examples::{ScratchDir, print_turn};
use serde_json::{Value, json};

/// Roll a die.
#[copilot::tool]
fn roll(
    /// The number of sides.
    #[arg(min = 2)]
    sides: u32,
) -> u32 {
    sides - 1
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let scratch = ScratchDir::new("inference");
    let client = hermetic_client(scratch.path()).inference(think);
    let session = Session::builder()
        .client(client)
        // Selects the protocol. The address is never used.
        .provider(Provider::openai("http://nowhere.invalid/v1").api_key("secret"))
        .model("gambler")
        .with_tools([roll::TOOL])
        .streaming(true)
        .start()
        .await?;
    print_turn(&session, "Do I win?").await?;
    session.close().await
}

/// The model: it rolls the die once, and then reports the result.
async fn think(mut request: InferenceRequest) -> Result<InferenceResponse, InferenceError> {
    // Credentials in the headers print as `<redacted>`.
    println!("{} {} {:?}", request.method, request.url, request.headers.get("content-type"));
    let asked: Value = request.body.json().await?;
    let messages = asked["messages"].as_array().ok_or("there are no messages")?;
    let rolled = messages.iter().rfind(|message| message["role"] == "tool");
    let deltas = match rolled {
        None => {
            let function = json!({"name": "roll", "arguments": r#"{"sides": 6}"#});
            let call = json!({"index": 0, "id": "call_1", "type": "function", "function": function});
            vec![json!({"role": "assistant", "tool_calls": [call]})]
        }
        Some(result) => {
            let text = format!("You rolled a {}, which wins.", result["content"].as_str().unwrap_or("?"));
            text.split_inclusive(' ').map(|word| json!({"content": word})).collect()
        }
    };
    let reason = if rolled.is_none() { "tool_calls" } else { "stop" };
    let answer = InferenceResponse::new(200).header("content-type", "text/event-stream");
    Ok(answer.write(move |body| async move {
        for delta in deltas {
            body.send(event(&delta, None)).await?;
        }
        body.send(event(&json!({}), Some(reason))).await?;
        body.send("data: [DONE]\n\n").await
    }))
}

/// Returns one event of a streamed answer in OpenAI's chat completions protocol.
fn event(delta: &Value, reason: Option<&str>) -> String {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
    let chunk = json!({"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "gambler", "choices": [choice]});
    format!("data: {chunk}\n\n")
}
