//! Anthropic's messages: answers as objects and events, and the conversation of a request. Pure.

use std::time::Duration;

use serde_json::{Value, json};

use super::MODEL_NAME;
use super::api::{Frame, Paced, content, list, pieces, text, text_pieces, tokens};
use super::request::{RecordedCall, RecordedMessage, Role};
use super::script::{Tokens, Turn, TurnAnswer};

/// The placeholder for the signature of a thinking block.
const SIGNATURE: &str = "scripted";

/// Returns the answer as one JSON object.
pub(super) fn whole(turn: &Turn, frame: &Frame) -> Value {
    let mut message = opening(turn, frame);
    let mut blocks = Vec::new();
    if let Some(reasoning) = &turn.preparation.reasoning {
        blocks.push(json!({"type": "thinking", "thinking": reasoning, "signature": SIGNATURE}));
    }
    match &turn.answer {
        TurnAnswer::Call(tools) => {
            let preamble = turn.preparation.preamble.iter();
            blocks.extend(preamble.map(|preamble| json!({"type": "text", "text": preamble})));
            blocks.extend(tools.iter().zip(&frame.ids).map(|(tool, id)| {
                // Arguments are an object in this protocol. Invalid JSON of a script stays a string.
                let input = serde_json::from_str(&tool.arguments).unwrap_or_else(|_| json!(tool.arguments));
                json!({"type": "tool_use", "id": id, "name": tool.name, "input": input})
            }));
        }
        TurnAnswer::Say(_) | TurnAnswer::BreakOff(_) => {
            blocks.push(json!({"type": "text", "text": text_pieces(turn).concat()}));
        }
        TurnAnswer::Fail { .. } => {}
    }
    message["content"] = blocks.into();
    message["stop_reason"] = json!(stop_reason(turn));
    message["usage"]["output_tokens"] = json!(tokens(turn, frame).output);
    message
}

/// Returns the answer as the events of a stream. An answer that breaks off has no final events.
pub(super) fn events(turn: &Turn, frame: &Frame) -> Vec<Paced<Value>> {
    let mut events = Events { list: Vec::new(), blocks: 0 };
    events.add(json!({"type": "message_start", "message": opening(turn, frame)}));
    if let Some(reasoning) = &turn.preparation.reasoning {
        events.begin(&json!({"type": "thinking", "thinking": "", "signature": ""}));
        events.delta(Duration::ZERO, &json!({"type": "thinking_delta", "thinking": reasoning}));
        events.delta(Duration::ZERO, &json!({"type": "signature_delta", "signature": SIGNATURE}));
        events.end();
    }
    match &turn.answer {
        TurnAnswer::Call(tools) => {
            if let Some(preamble) = &turn.preparation.preamble {
                events.begin(&json!({"type": "text", "text": ""}));
                events.delta(Duration::ZERO, &json!({"type": "text_delta", "text": preamble}));
                events.end();
            }
            for (tool, id) in tools.iter().zip(&frame.ids) {
                events.begin(&json!({"type": "tool_use", "id": id, "name": tool.name, "input": {}}));
                for piece in pieces(&tool.arguments) {
                    let delta = json!({"type": "input_json_delta", "partial_json": piece});
                    events.delta(turn.preparation.pace, &delta);
                }
                events.end();
            }
        }
        TurnAnswer::Say(_) | TurnAnswer::BreakOff(_) => {
            events.begin(&json!({"type": "text", "text": ""}));
            for (number, piece) in text_pieces(turn).iter().enumerate() {
                // The first piece has no delay.
                let pace = if number == 0 { Duration::ZERO } else { turn.preparation.pace };
                events.delta(pace, &json!({"type": "text_delta", "text": piece}));
            }
            if matches!(turn.answer, TurnAnswer::BreakOff(_)) {
                return events.list;
            }
            events.end();
        }
        TurnAnswer::Fail { .. } => {}
    }
    events.add(json!({
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason(turn), "stop_sequence": null},
        "usage": {"output_tokens": tokens(turn, frame).output},
    }));
    events.add(json!({"type": "message_stop"}));
    events.list
}

/// Returns the error object of the protocol.
pub(super) fn error(message: &str, code: &str) -> Value {
    json!({"type": "error", "error": {"type": code, "message": message}})
}

struct Events {
    list: Vec<Paced<Value>>,
    /// The number of blocks started so far.
    blocks: usize,
}

impl Events {
    fn add(&mut self, event: Value) {
        self.list.push((Duration::ZERO, event));
    }

    fn begin(&mut self, block: &Value) {
        let index = self.blocks;
        self.blocks += 1;
        self.add(json!({"type": "content_block_start", "index": index, "content_block": block}));
    }

    fn delta(&mut self, wait: Duration, delta: &Value) {
        let index = self.blocks - 1;
        self.list.push((wait, json!({"type": "content_block_delta", "index": index, "delta": delta})));
    }

    fn end(&mut self) {
        self.add(json!({"type": "content_block_stop", "index": self.blocks - 1}));
    }
}

/// Returns the message without content.
fn opening(turn: &Turn, frame: &Frame) -> Value {
    let Tokens { input, .. } = tokens(turn, frame);
    json!({
        "id": format!("msg_{}", frame.number),
        "type": "message",
        "role": "assistant",
        "model": MODEL_NAME,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": {"input_tokens": input, "output_tokens": 0},
    })
}

fn stop_reason(turn: &Turn) -> &'static str {
    if matches!(turn.answer, TurnAnswer::Call(_)) { "tool_use" } else { "end_turn" }
}

/// Returns the conversation of a request. The tool results in a user message become separate messages before it.
pub(super) fn conversation(body: &Value) -> Vec<RecordedMessage> {
    let mut messages = Vec::new();
    let system = content(&body["system"]);
    if !system.is_empty() {
        messages.push(message(Role::System, system));
    }
    for entry in list(&body["messages"]) {
        let blocks = list(&entry["content"]);
        let of = |kind: &'static str| blocks.iter().filter(move |block| block["type"] == kind);
        match entry["role"].as_str().unwrap_or_default() {
            "assistant" => {
                let calls = of("tool_use").map(|block| RecordedCall {
                    id: text(&block["id"]),
                    name: text(&block["name"]),
                    arguments: block["input"].to_string(),
                });
                let calls = calls.collect();
                messages
                    .push(RecordedMessage { calls, ..message(Role::Assistant, content(&entry["content"])) });
            }
            "user" => {
                let results = of("tool_result").map(|block| RecordedMessage {
                    answers: Some(text(&block["tool_use_id"])),
                    ..message(Role::Tool, content(&block["content"]))
                });
                let before = messages.len();
                messages.extend(results);
                let said = content(&entry["content"]);
                if messages.len() == before || !said.is_empty() {
                    messages.push(message(Role::User, said));
                }
            }
            other => messages.push(message(Role::Other(other.to_owned()), content(&entry["content"]))),
        }
    }
    messages
}

fn message(role: Role, text: String) -> RecordedMessage {
    RecordedMessage { role, text, calls: Vec::new(), answers: None }
}

#[cfg(test)]
mod tests {
    use super::super::api::tests::{frame, only_turn};
    use super::super::script::{Script, ToolUse};
    use super::*;

    /// Joins the texts of all deltas with this member.
    fn deltas(events: &[Paced<Value>], member: &str) -> String {
        events.iter().filter_map(|(_, event)| event["delta"][member].as_str()).collect()
    }

    #[test]
    fn a_streamed_text_is_the_whole_text() {
        let pace = Duration::from_millis(5);
        let tokens = Tokens { input: 11, output: 7 };
        let script = Script::new().pace(pace).reasoning("hm").tokens(tokens).stream(["It ", "is ", "open."]);
        let (turn, frame) = (only_turn(&script), frame(&[]));
        let whole = whole(turn, &frame);
        assert_eq!(whole["content"][0]["thinking"], "hm");
        assert_eq!(whole["content"][1]["text"], "It is open.");
        assert_eq!(whole["usage"], json!({"input_tokens": 11, "output_tokens": 7}));
        let events = events(turn, &frame);
        assert_eq!(
            (deltas(&events, "text"), deltas(&events, "thinking")),
            ("It is open.".into(), "hm".into())
        );
        assert_eq!(events.iter().map(|(wait, _)| wait.as_millis()).sum::<u128>(), 10);
        assert_eq!(events.last().unwrap().1["type"], "message_stop");
        assert_eq!(deltas(&events, "stop_reason"), "end_turn");
    }

    #[test]
    fn streamed_calls_are_the_whole_calls() {
        let long = json!({"text": "ä".repeat(50)});
        let script = Script::new().calls([ToolUse::new("a", long.clone()), ToolUse::raw("b", "{not json")]);
        let (turn, frame) = (only_turn(&script), frame(&["1", "2"]));
        let events = events(turn, &frame);
        assert_eq!(deltas(&events, "partial_json"), format!("{long}{{not json"));
        let begun: Vec<_> =
            events.iter().filter_map(|(_, event)| event["content_block"]["name"].as_str()).collect();
        assert_eq!(begun, ["a", "b"]);
        let whole = whole(turn, &frame);
        assert_eq!((&whole["content"][0]["input"], &whole["stop_reason"]), (&long, &json!("tool_use")));
        assert_eq!(whole["content"][1]["input"], "{not json");
    }

    #[test]
    fn an_answer_that_breaks_off_never_ends() {
        let script = Script::new().break_off("half of a sen");
        let events = events(only_turn(&script), &frame(&[]));
        assert_eq!(deltas(&events, "text"), "half of a sen");
        assert_eq!(events.last().unwrap().1["type"], "content_block_delta");
    }

    #[test]
    fn a_conversation_is_read() {
        let result =
            |id: &str, content: Value| json!({"type": "tool_result", "tool_use_id": id, "content": content});
        let body = json!({
            "system": [{"type": "text", "text": "Be kind."}],
            "messages": [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "text", "text": "Hm."},
                    {"type": "tool_use", "id": "1", "name": "a", "input": {"n": 1}},
                    {"type": "tool_use", "id": "2", "name": "b", "input": {}},
                ]},
                {"role": "user", "content": [
                    result("1", json!("one")),
                    result("2", json!([{"type": "text", "text": "two"}])),
                    {"type": "text", "text": "Continue."},
                ]},
            ],
        });
        let messages = conversation(&body);
        let roles: Vec<_> = messages.iter().map(|message| message.role.clone()).collect();
        use Role::{Assistant, System, Tool, User};
        assert_eq!(roles, [System, User, Assistant, Tool, Tool, User]);
        assert_eq!(
            (messages[2].text.as_str(), messages[2].calls[0].arguments.as_str()),
            ("Hm.", r#"{"n":1}"#)
        );
        assert_eq!((messages[4].text.as_str(), messages[4].answers.as_deref()), ("two", Some("2")));
        assert_eq!(messages[5].text, "Continue.");
    }
}
