//! OpenAI's chat completions: answers as objects and chunks, and the conversation of a request. Pure.

use std::time::Duration;

use serde_json::{Value, json};

use super::MODEL_NAME;
use super::api::{Frame, Paced, content, list, pieces, text, tokens};
use super::request::{RecordedCall, RecordedMessage, Role};
use super::script::{Tokens, ToolUse, Turn, TurnAnswer};

/// Returns the answer as one JSON object.
pub(super) fn whole(turn: &Turn, frame: &Frame) -> Value {
    let mut message = json!({"role": "assistant", "content": null});
    if let Some(reasoning) = &turn.preparation.reasoning {
        message["reasoning_content"] = json!(reasoning);
    }
    match &turn.answer {
        TurnAnswer::Say(pieces) => message["content"] = json!(pieces.concat()),
        TurnAnswer::BreakOff(text) => message["content"] = json!(text),
        TurnAnswer::Call(tools) => {
            if let Some(preamble) = &turn.preparation.preamble {
                message["content"] = json!(preamble);
            }
            let calls = tools.iter().zip(&frame.ids).map(|(tool, id)| call(id, &tool.name, &tool.arguments));
            message["tool_calls"] = calls.collect();
        }
        TurnAnswer::Fail { .. } => {}
    }
    json!({
        "id": id(frame),
        "object": "chat.completion",
        "created": 0,
        "model": MODEL_NAME,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason(&turn.answer)}],
        "usage": usage(turn, frame),
    })
}

/// Returns the answer as the chunks of a stream, each with the delay before it.
///
/// An answer that breaks off has no final chunks.
pub(super) fn chunks(turn: &Turn, frame: &Frame) -> Vec<Paced<Value>> {
    let chunk = |choices: Value| {
        json!({
            "id": id(frame),
            "object": "chat.completion.chunk",
            "created": 0,
            "model": MODEL_NAME,
            "choices": choices,
        })
    };
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    if let Some(reasoning) = &turn.preparation.reasoning {
        deltas.push(json!({"reasoning_content": reasoning}));
    }
    match &turn.answer {
        TurnAnswer::Say(pieces) => deltas.extend(pieces.iter().map(|piece| json!({"content": piece}))),
        TurnAnswer::BreakOff(text) => deltas.push(json!({"content": text})),
        TurnAnswer::Call(tools) => {
            deltas.extend(turn.preparation.preamble.iter().map(|preamble| json!({"content": preamble})));
            for (index, (tool, id)) in tools.iter().zip(&frame.ids).enumerate() {
                deltas.extend(call_deltas(index, id, tool));
            }
        }
        TurnAnswer::Fail { .. } => {}
    }
    let paced = deltas.into_iter().enumerate().map(|(index, delta)| {
        // The first two chunks, the role and the first piece, have no delay.
        let pace = if index < 2 { Duration::ZERO } else { turn.preparation.pace };
        (pace, chunk(json!([{"index": 0, "delta": delta, "finish_reason": null}])))
    });
    let mut chunks: Vec<_> = paced.collect();
    if !matches!(turn.answer, TurnAnswer::BreakOff(_)) {
        let end = json!([{"index": 0, "delta": {}, "finish_reason": finish_reason(&turn.answer)}]);
        chunks.push((Duration::ZERO, chunk(end)));
        if frame.streams_usage {
            let mut last = chunk(json!([]));
            last["usage"] = usage(turn, frame);
            chunks.push((Duration::ZERO, last));
        }
    }
    chunks
}

/// Returns the error object of the protocol.
pub(super) fn error(message: &str, code: &str) -> Value {
    json!({"error": {"message": message, "type": "scripted_model", "param": null, "code": code}})
}

/// Returns the list of models.
pub(super) fn models() -> Value {
    json!({"object": "list", "data": [{"id": MODEL_NAME, "object": "model", "created": 0, "owned_by": "copilot"}]})
}

fn id(frame: &Frame) -> String {
    format!("chatcmpl-{}", frame.number)
}

fn finish_reason(answer: &TurnAnswer) -> &'static str {
    if matches!(answer, TurnAnswer::Call(_)) { "tool_calls" } else { "stop" }
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

/// Returns a streamed tool call: id and name first, then the arguments in pieces.
fn call_deltas(index: usize, id: &str, tool: &ToolUse) -> impl Iterator<Item = Value> {
    let mut first = call(id, &tool.name, "");
    first["index"] = json!(index);
    let pieces = pieces(&tool.arguments).into_iter().map(
        move |arguments| json!({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}),
    );
    std::iter::once(json!({"tool_calls": [first]})).chain(pieces)
}

fn usage(turn: &Turn, frame: &Frame) -> Value {
    let Tokens { input, output } = tokens(turn, frame);
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input.saturating_add(output)})
}

/// Returns the conversation of a request.
pub(super) fn conversation(body: &Value) -> Vec<RecordedMessage> {
    list(&body["messages"]).iter().map(message).collect()
}

fn message(value: &Value) -> RecordedMessage {
    let role = match value["role"].as_str().unwrap_or_default() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        other => Role::Other(other.to_owned()),
    };
    let calls = list(&value["tool_calls"]).iter().map(|call| RecordedCall {
        id: text(&call["id"]),
        name: text(&call["function"]["name"]),
        arguments: text(&call["function"]["arguments"]),
    });
    RecordedMessage {
        role,
        text: content(&value["content"]),
        calls: calls.collect(),
        answers: value["tool_call_id"].as_str().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::super::api::tests::{frame, only_turn};
    use super::super::script::Script;
    use super::*;

    /// Joins the chunks as the client of a stream does: text, reasoning and tool calls.
    fn collect(chunks: &[(Duration, Value)]) -> (String, String, Vec<(String, String, String)>) {
        let (mut text, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
        for (_, chunk) in chunks {
            let delta = &chunk["choices"][0]["delta"];
            text.push_str(delta["content"].as_str().unwrap_or_default());
            reasoning.push_str(delta["reasoning_content"].as_str().unwrap_or_default());
            for call in delta["tool_calls"].as_array().into_iter().flatten() {
                let index = call["index"].as_u64().unwrap() as usize;
                if index == calls.len() {
                    calls.push(Default::default());
                }
                let (id, name, arguments): &mut (String, String, String) = &mut calls[index];
                id.push_str(call["id"].as_str().unwrap_or_default());
                name.push_str(call["function"]["name"].as_str().unwrap_or_default());
                arguments.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
            }
        }
        (text, reasoning, calls)
    }

    #[test]
    fn a_streamed_text_is_the_whole_text() {
        let pace = Duration::from_millis(5);
        let script = Script::new()
            .pace(pace)
            .reasoning("hm")
            .tokens(Tokens { input: 11, output: 7 })
            .stream(["GH-42 ", "is ", "open."]);
        let turn = only_turn(&script);
        let whole = whole(turn, &frame(&[]));
        assert_eq!(whole["choices"][0]["message"]["content"], "GH-42 is open.");
        assert_eq!(whole["choices"][0]["message"]["reasoning_content"], "hm");
        assert_eq!(whole["choices"][0]["finish_reason"], "stop");
        assert_eq!(whole["usage"], json!({"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}));

        let chunks = chunks(turn, &frame(&[]));
        assert_eq!(collect(&chunks), ("GH-42 is open.".to_owned(), "hm".to_owned(), Vec::new()));
        let waits: Vec<_> = chunks.iter().map(|(wait, _)| wait.as_millis()).collect();
        assert_eq!(waits, [0, 0, 5, 5, 5, 0, 0]);
        assert_eq!(chunks.last().unwrap().1["usage"]["total_tokens"], 18);
    }

    #[test]
    fn streamed_calls_are_the_whole_calls() {
        let long = json!({"text": "ä".repeat(100)});
        let script = Script::new().calls([ToolUse::new("a", long.clone()), ToolUse::raw("b", "{not json")]);
        let turn = only_turn(&script);
        let frame = frame(&["1", "2"]);
        let expected = [
            ("1".to_owned(), "a".to_owned(), long.to_string()),
            ("2".to_owned(), "b".to_owned(), "{not json".to_owned()),
        ];
        assert_eq!(collect(&chunks(turn, &frame)).2, expected);
        let whole = whole(turn, &frame);
        assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
        let calls = whole["choices"][0]["message"]["tool_calls"].as_array().unwrap();
        assert_eq!(calls[0], call("1", "a", &long.to_string()));
        assert_eq!(calls[1], call("2", "b", "{not json"));
    }

    #[test]
    fn an_answer_that_breaks_off_never_ends() {
        let script = Script::new().break_off("half of a sen");
        let chunks = chunks(only_turn(&script), &frame(&[]));
        assert_eq!(collect(&chunks).0, "half of a sen");
        assert!(chunks.iter().all(|(_, chunk)| chunk["choices"][0]["finish_reason"].is_null()));
    }
}
