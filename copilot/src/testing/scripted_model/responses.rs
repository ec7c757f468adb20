//! OpenAI's responses: answers as objects and events, and the conversation of a request. Pure.

use std::time::Duration;

use serde_json::{Value, json};

use super::MODEL_NAME;
use super::api::{Frame, Paced, content, list, pieces, text, text_pieces, tokens};
use super::request::{RecordedCall, RecordedMessage, Role};
use super::script::{Tokens, Turn, TurnAnswer};

/// Returns the answer as one JSON object.
pub(super) fn whole(turn: &Turn, frame: &Frame) -> Value {
    response(turn, frame, "completed", &items(turn, frame, "completed"))
}

/// Returns the answer as the events of a stream. An answer that breaks off has no final events.
pub(super) fn events(turn: &Turn, frame: &Frame) -> Vec<Paced<Value>> {
    let mut events = Events::default();
    let begun = response(turn, frame, "in_progress", &[]);
    events.add("response.created", json!({"response": begun}));
    events.add("response.in_progress", json!({"response": begun}));
    let begins = items(turn, frame, "in_progress");
    for (at, (item, begin)) in items(turn, frame, "completed").iter().zip(begins).enumerate() {
        let id = &item["id"];
        events.add("response.output_item.added", json!({"output_index": at, "item": emptied(begin)}));
        let place = |event: Value| with(event, &json!({"item_id": id, "output_index": at}));
        match item["type"].as_str() {
            Some("reasoning") => {
                let part = &item["summary"][0];
                let place = |event| with(place(event), &json!({"summary_index": 0}));
                let empty = json!({"type": "summary_text", "text": ""});
                events.add("response.reasoning_summary_part.added", place(json!({"part": empty})));
                let delta = place(json!({"delta": part["text"]}));
                events.add("response.reasoning_summary_text.delta", delta);
                let done = place(json!({"text": part["text"]}));
                events.add("response.reasoning_summary_text.done", done);
                events.add("response.reasoning_summary_part.done", place(json!({"part": part})));
            }
            Some("message") => {
                let part = &item["content"][0];
                let place = |event| with(place(event), &json!({"content_index": 0}));
                let empty = json!({"type": "output_text", "text": "", "annotations": []});
                events.add("response.content_part.added", place(json!({"part": empty})));
                let preamble = turn.preparation.preamble.as_slice();
                for (number, piece) in preamble.iter().chain(text_pieces(turn)).enumerate() {
                    // The first piece has no delay.
                    let pace = if number == 0 { Duration::ZERO } else { turn.preparation.pace };
                    events.add_after(pace, "response.output_text.delta", place(json!({"delta": piece})));
                }
                if matches!(turn.answer, TurnAnswer::BreakOff(_)) {
                    return events.0;
                }
                events.add("response.output_text.done", place(json!({"text": part["text"]})));
                events.add("response.content_part.done", place(json!({"part": part})));
            }
            _ => {
                let arguments = &item["arguments"];
                for piece in pieces(arguments.as_str().unwrap_or_default()) {
                    let delta = place(json!({"delta": piece}));
                    let pace = turn.preparation.pace;
                    events.add_after(pace, "response.function_call_arguments.delta", delta);
                }
                let done = place(json!({"arguments": arguments}));
                events.add("response.function_call_arguments.done", done);
            }
        }
        events.add("response.output_item.done", json!({"output_index": at, "item": item}));
    }
    events.add("response.completed", json!({"response": whole(turn, frame)}));
    events.0
}

/// Events with sequence numbers.
#[derive(Default)]
struct Events(Vec<Paced<Value>>);

impl Events {
    fn add(&mut self, name: &str, event: Value) {
        self.add_after(Duration::ZERO, name, event);
    }

    fn add_after(&mut self, wait: Duration, name: &str, event: Value) {
        let number = self.0.len();
        self.0.push((wait, with(event, &json!({"type": name, "sequence_number": number}))));
    }
}

fn with(mut event: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().into_iter().flatten() {
        event[name] = value.clone();
    }
    event
}

fn response(turn: &Turn, frame: &Frame, status: &str, output: &[Value]) -> Value {
    let Tokens { input, output: said } = tokens(turn, frame);
    let usage = json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": input.saturating_add(said),
    });
    json!({
        "id": format!("resp_{}", frame.number),
        "object": "response",
        "created_at": 0,
        "status": status,
        "error": null,
        "incomplete_details": null,
        "model": MODEL_NAME,
        "output": output,
        "parallel_tool_calls": true,
        "tool_choice": "auto",
        "tools": [],
        "usage": if status == "completed" { usage } else { Value::Null },
    })
}

/// Returns the output items: the reasoning, and the text or the tool calls.
fn items(turn: &Turn, frame: &Frame, status: &str) -> Vec<Value> {
    let mut items = Vec::new();
    if let Some(reasoning) = &turn.preparation.reasoning {
        let summary = json!([{"type": "summary_text", "text": reasoning}]);
        items.push(json!({"id": format!("rs_{}", frame.number), "type": "reasoning", "summary": summary}));
    }
    match &turn.answer {
        TurnAnswer::Call(tools) => {
            items.extend(turn.preparation.preamble.as_deref().map(|text| message_item(text, frame, status)));
            items.extend(tools.iter().zip(&frame.ids).map(|(tool, id)| {
                json!({
                    "id": format!("fc_{id}"),
                    "type": "function_call",
                    "status": status,
                    "call_id": id,
                    "name": tool.name,
                    "arguments": tool.arguments,
                })
            }));
        }
        TurnAnswer::Say(_) | TurnAnswer::BreakOff(_) => {
            items.push(message_item(&text_pieces(turn).concat(), frame, status));
        }
        TurnAnswer::Fail { .. } => {}
    }
    items
}

fn message_item(text: &str, frame: &Frame, status: &str) -> Value {
    json!({
        "id": format!("msg_{}", frame.number),
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    })
}

/// Returns an item without content.
fn emptied(mut item: Value) -> Value {
    for (member, empty) in [("summary", json!([])), ("content", json!([])), ("arguments", json!(""))] {
        if !item[member].is_null() {
            item[member] = empty;
        }
    }
    item
}

/// Returns the conversation of a request. Text and tool calls of one answer are one message.
pub(super) fn conversation(body: &Value) -> Vec<RecordedMessage> {
    let message = |role, text| RecordedMessage { role, text, calls: Vec::new(), answers: None };
    let mut messages = Vec::new();
    if let Some(instructions) = body["instructions"].as_str() {
        messages.push(message(Role::System, instructions.to_owned()));
    }
    if let Some(prompt) = body["input"].as_str() {
        messages.push(message(Role::User, prompt.to_owned()));
    }
    for item in list(&body["input"]) {
        match item["type"].as_str().unwrap_or("message") {
            "message" => match item["role"].as_str().unwrap_or_default() {
                "system" | "developer" => messages.push(message(Role::System, content(&item["content"]))),
                "user" => messages.push(message(Role::User, content(&item["content"]))),
                "assistant" => assistant_message(&mut messages).text.push_str(&content(&item["content"])),
                other => messages.push(message(Role::Other(other.to_owned()), content(&item["content"]))),
            },
            "function_call" => assistant_message(&mut messages).calls.push(RecordedCall {
                id: text(&item["call_id"]),
                name: text(&item["name"]),
                arguments: text(&item["arguments"]),
            }),
            "function_call_output" => {
                let result = message(Role::Tool, content(&item["output"]));
                messages.push(RecordedMessage { answers: Some(text(&item["call_id"])), ..result });
            }
            "reasoning" => {
                assistant_message(&mut messages);
            }
            other => messages.push(message(Role::Other(other.to_owned()), String::new())),
        }
    }
    messages
}

/// Returns the current message of the model, and adds one if the last message is of another role.
fn assistant_message(messages: &mut Vec<RecordedMessage>) -> &mut RecordedMessage {
    if messages.last().is_none_or(|last| last.role != Role::Assistant) {
        let (text, calls) = (String::new(), Vec::new());
        messages.push(RecordedMessage { role: Role::Assistant, text, calls, answers: None });
    }
    messages.last_mut().expect("there is one now")
}

#[cfg(test)]
mod tests {
    use super::super::api::tests::{frame, only_turn};
    use super::super::script::{Script, ToolUse};
    use super::*;

    /// Joins the texts of all deltas of this event type.
    fn deltas(events: &[Paced<Value>], name: &str) -> String {
        let events = events.iter().filter(|(_, event)| event["type"] == name);
        events.map(|(_, event)| event["delta"].as_str().unwrap()).collect()
    }

    #[test]
    fn a_streamed_text_is_the_whole_text() {
        let pace = Duration::from_millis(5);
        let tokens = Tokens { input: 11, output: 7 };
        let script = Script::new().pace(pace).reasoning("hm").tokens(tokens).stream(["It ", "is ", "open."]);
        let (turn, frame) = (only_turn(&script), frame(&[]));
        let whole = whole(turn, &frame);
        assert_eq!(whole["output"][0]["summary"][0]["text"], "hm");
        assert_eq!(whole["output"][1]["content"][0]["text"], "It is open.");
        assert_eq!(whole["usage"]["total_tokens"], 18);
        let events = events(turn, &frame);
        assert_eq!(deltas(&events, "response.output_text.delta"), "It is open.");
        assert_eq!(deltas(&events, "response.reasoning_summary_text.delta"), "hm");
        assert_eq!(events.iter().map(|(wait, _)| wait.as_millis()).sum::<u128>(), 10);
        assert!(events.iter().enumerate().all(|(at, (_, event))| event["sequence_number"] == at));
        assert_eq!(events.last().unwrap().1["response"], whole);
    }

    #[test]
    fn streamed_calls_are_the_whole_calls() {
        let long = json!({"text": "ä".repeat(50)});
        let script = Script::new().calls([ToolUse::new("a", long.clone()), ToolUse::raw("b", "{not json")]);
        let frame = frame(&["1", "2"]);
        let events = events(only_turn(&script), &frame);
        let arguments = deltas(&events, "response.function_call_arguments.delta");
        assert_eq!(arguments, format!("{long}{{not json"));
        let done: Vec<_> = events
            .iter()
            .filter(|(_, event)| event["type"] == "response.output_item.done")
            .map(|(_, event)| (&event["item"]["call_id"], &event["item"]["name"]))
            .collect();
        assert_eq!(done, [(&json!("1"), &json!("a")), (&json!("2"), &json!("b"))]);
        let begin = &events[2].1;
        assert_eq!(
            (&begin["item"]["arguments"], &begin["item"]["status"]),
            (&json!(""), &json!("in_progress"))
        );
    }

    #[test]
    fn an_answer_that_breaks_off_never_ends() {
        let script = Script::new().break_off("half of a sen");
        let events = events(only_turn(&script), &frame(&[]));
        assert_eq!(deltas(&events, "response.output_text.delta"), "half of a sen");
        assert_eq!(events.last().unwrap().1["type"], "response.output_text.delta");
    }

    #[test]
    fn a_conversation_is_read() {
        let body = json!({
            "instructions": "Be kind.",
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
                {"type": "reasoning", "summary": []},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hm."}]},
                {"type": "function_call", "call_id": "1", "name": "a", "arguments": "{}"},
                {"type": "function_call", "call_id": "2", "name": "b", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "1", "output": "one"},
                {"type": "function_call_output", "call_id": "2", "output": [{"type": "input_text", "text": "two"}]},
                {"role": "user", "content": "Bye"},
            ],
        });
        let messages = conversation(&body);
        let roles: Vec<_> = messages.iter().map(|message| message.role.clone()).collect();
        use Role::{Assistant, System, Tool, User};
        assert_eq!(roles, [System, User, Assistant, Tool, Tool, User]);
        assert_eq!((messages[2].text.as_str(), messages[2].calls.len()), ("Hm.", 2));
        assert_eq!((messages[4].text.as_str(), messages[4].answers.as_deref()), ("two", Some("2")));
        assert_eq!(conversation(&json!({"input": "Hello"}))[0].text, "Hello");
    }
}
