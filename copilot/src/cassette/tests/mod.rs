//! Tests of the parts of a cassette, without a CLI: `comparing` requests, reading `answers`, `recording` and replaying a file,
//! `scrubbing` it, and the `network` to the real service.

#![allow(clippy::needless_pass_by_value, reason = "a test writes its values in place")]

mod answers;
mod comparing;
mod network;
mod recording;
mod scrubbing;

use std::fs;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::answer::Answer;
use super::body::{StoredBody, StoredResponse, TimedPiece};
use super::builder::is_secret_name;
use super::compare::{Compare, Expected, differences, digest};
use super::conversation::{Conversation, api_of};
use super::scrub::{Rule, Scrubber, distribute};
use super::*;
use crate::host::inference::{Headers, Inference, InferenceRequest, InferenceResponse, RequestBody};
use crate::protocol::base64;
use crate::testing::{ModelApi, Script, ScriptedModel, Tokens, ToolUse};

/// A request of a CLI in the protocol of chat completions.
fn chat(messages: Value) -> Value {
    let parameters =
        json!({"type": "object", "properties": {"order": {"type": "integer", "description": "Number."}}});
    let tool = json!({"type": "function", "function": {"name": "refund", "parameters": parameters}});
    json!({"model": "gpt", "stream": true, "messages": messages, "tools": [tool]})
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn called(id: &str) -> Value {
    let function = json!({"name": "refund", "arguments": "{\"order\":42}"});
    json!({"role": "assistant", "content": null, "tool_calls": [{"id": id, "type": "function", "function": function}]})
}

fn result(id: &str, text: &str) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": text})
}

fn read(body: &Value) -> Conversation {
    Conversation::read(ModelApi::ChatCompletions, body, &Scrubber::default())
}

fn expected(body: &Value) -> Expected {
    let Conversation { messages, system, tools, .. } = read(body);
    Expected {
        messages,
        system_digest: digest(&system),
        system: Some(system),
        tool_names: tools.keys().cloned().collect(),
        called: tools.keys().cloned().collect(),
        tools: tools.into_iter().collect(),
    }
}

fn differ(recorded: Value, came: Value) -> String {
    differences(&expected(&chat(recorded)), &read(&chat(came)), Compare::default())
}

/// Sends a request to the cassette, as the CLI does.
async fn ask(cassette: &Cassette, api: ModelApi, body: &Value) -> (u16, Headers, String) {
    let path = match api {
        ModelApi::ChatCompletions => "chat/completions",
        ModelApi::Responses => "responses",
        ModelApi::Messages => "messages",
    };
    let mut headers = Headers::default();
    headers.add("authorization", "Bearer key-of-the-provider".to_owned());
    let url = format!("https://models.invalid/v1/{path}");
    let body = RequestBody::whole(body.to_string().into_bytes());
    let seam = Seam(Arc::clone(&cassette.shared));
    let request = InferenceRequest::http("POST".to_owned(), url, headers, body);
    let (status, headers, mut chunks) = seam.respond(request).await.unwrap().into_parts();
    let mut text = Vec::new();
    while let Some(chunk) = std::future::poll_fn(|cx| chunks.as_mut().poll_next(cx)).await {
        text.extend_from_slice(chunk.unwrap().as_bytes());
    }
    (status, headers, String::from_utf8(text).unwrap())
}

/// Records one answer of the script to each request.
async fn record(path: &Path, script: Script, requests: &[Value]) -> CassetteBuilder {
    let model = ScriptedModel::without_server(script).unwrap();
    let cassette = Cassette::record(path).upstream(model.inference()).await.unwrap();
    for request in requests {
        ask(&cassette, ModelApi::ChatCompletions, request).await;
    }
    cassette.finish().unwrap();
    model.finish().unwrap();
    Cassette::replay(path)
}
