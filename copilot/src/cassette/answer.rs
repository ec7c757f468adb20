//! The answer of a model, read from a recorded response, in a form that is common to all protocols. Pure.

use serde_json::Value;

use super::body::{Ending, StoredBody, StoredResponse};
use super::conversation::Call;
use crate::testing::{ModelApi, Script, Tokens, ToolUse};

/// The parts of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answer {
    /// The text, in the pieces of the stream.
    pub(super) text: Vec<String>,
    pub(super) reasoning: String,
    pub(super) calls: Vec<Call>,
    pub(super) tokens: Option<Tokens>,
    /// Whether the answer has no end.
    pub(super) broken: bool,
    /// The status and the message of a failed request, and whether the CLI retries it.
    pub(super) failure: Option<(u16, String, bool)>,
}

impl Answer {
    /// Reads a recorded response.
    pub(super) fn read(api: ModelApi, response: &StoredResponse) -> Self {
        if response.status >= 400 {
            let retry = response.headers.get("x-should-retry").map(String::as_str);
            let retried = retry == Some("true")
                || (retry != Some("false") && matches!(response.status, 408 | 409 | 429 | 500..));
            let failure = Some((response.status, failure_message(&response.body), retried));
            return Self { failure, ..Self::default() };
        }
        let mut reading = Reading::default();
        if let Some(json) = &response.body.json {
            match api {
                ModelApi::ChatCompletions => reading.completion(json),
                ModelApi::Responses => reading.response(json),
                ModelApi::Messages => reading.message(json),
            }
        }
        for event in response.body.event_data() {
            match api {
                ModelApi::ChatCompletions => reading.chunk(event),
                ModelApi::Responses => reading.response_event(event),
                ModelApi::Messages => reading.message_event(event),
            }
        }
        let Reading { mut answer, partial } = reading;
        answer.calls = partial
            .into_iter()
            .map(|Partial { id, name, arguments, .. }| {
                let arguments = if arguments.trim().is_empty() { "{}".to_owned() } else { arguments };
                let arguments = serde_json::from_str(&arguments).unwrap_or(Value::String(arguments));
                Call { id, name, arguments }
            })
            .collect();
        answer.broken = response.ending == Some(Ending::Broken);
        answer
    }

    /// Returns a script with the turn that gives this answer, and the ids of its calls.
    pub(super) fn turn(&self) -> (Script, Vec<String>) {
        self.add_to(Script::new())
    }

    /// Adds the turn that gives this answer to a script, and returns the ids of its calls.
    pub(super) fn add_to(&self, mut script: Script) -> (Script, Vec<String>) {
        if let Some((status, message, retried)) = &self.failure {
            let script =
                if *retried { script.fail_once(*status, message) } else { script.fail(*status, message) };
            return (script, Vec::new());
        }
        if !self.reasoning.is_empty() {
            script = script.reasoning(&self.reasoning);
        }
        if let Some(tokens) = self.tokens {
            script = script.tokens(tokens);
        }
        let script = match self.calls.as_slice() {
            [] if self.broken => script.break_off(self.text.concat()),
            [] => script.stream(self.text.clone()),
            calls => {
                if !self.text.is_empty() {
                    script = script.preamble(self.text.concat());
                }
                script.calls(calls.iter().map(Call::as_use))
            }
        };
        (script, self.calls.iter().map(|call| call.id.clone()).collect())
    }
}

impl Call {
    fn as_use(&self) -> ToolUse {
        // The model may have invented the name; the recording has the result that this gave.
        let (name, arguments) = (&self.name, &self.arguments);
        match arguments {
            Value::String(text) => ToolUse::raw(name, text),
            json => ToolUse::new(name, json.clone()),
        }
        .not_offered()
    }
}

fn failure_message(body: &StoredBody) -> String {
    let json = body.json.as_ref();
    let message = json.and_then(|json| json["error"]["message"].as_str().or(json["message"].as_str()));
    message.map_or_else(|| body.text.clone().unwrap_or_default(), str::to_owned)
}

/// A tool call that is being read.
#[derive(Default)]
struct Partial {
    /// The position in the stream.
    key: String,
    id: String,
    name: String,
    arguments: String,
}

#[derive(Default)]
struct Reading {
    answer: Answer,
    partial: Vec<Partial>,
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

impl Reading {
    fn say(&mut self, piece: &str) {
        if !piece.is_empty() {
            self.answer.text.push(piece.to_owned());
        }
    }

    fn call(&mut self, key: String) -> &mut Partial {
        let at = self.partial.iter().position(|call| call.key == key).unwrap_or_else(|| {
            self.partial.push(Partial { key, ..Partial::default() });
            self.partial.len() - 1
        });
        &mut self.partial[at]
    }

    fn usage(&mut self, usage: &Value, input: &str, output: &str) {
        if let (Some(input), Some(output)) = (usage[input].as_u64(), usage[output].as_u64()) {
            self.answer.tokens = Some(Tokens { input, output });
        }
    }

    fn completion(&mut self, body: &Value) {
        for (at, choice) in items(&body["choices"]).iter().enumerate() {
            self.completion_message(at, &choice["message"]);
        }
        self.usage(&body["usage"], "prompt_tokens", "completion_tokens");
    }

    fn chunk(&mut self, chunk: &Value) {
        for (at, choice) in items(&chunk["choices"]).iter().enumerate() {
            let at = choice["index"].as_u64().map_or(at, |index| usize::try_from(index).unwrap_or(at));
            self.completion_message(at, &choice["delta"]);
        }
        self.usage(&chunk["usage"], "prompt_tokens", "completion_tokens");
    }

    /// Reads a message or a part of one. A service may put the text and the calls into different choices.
    fn completion_message(&mut self, choice: usize, message: &Value) {
        self.say(text(&message["content"]));
        for name in ["reasoning_content", "reasoning_text", "reasoning"] {
            self.answer.reasoning.push_str(text(&message[name]));
        }
        for (at, call) in items(&message["tool_calls"]).iter().enumerate() {
            let index = call["index"].as_u64().unwrap_or(at as u64);
            let partial = self.call(format!("{choice}.{index}"));
            partial.id.push_str(text(&call["id"]));
            partial.name.push_str(text(&call["function"]["name"]));
            partial.arguments.push_str(text(&call["function"]["arguments"]));
        }
    }

    fn response(&mut self, body: &Value) {
        for item in items(&body["output"]) {
            self.response_item(item, true);
        }
        self.usage(&body["usage"], "input_tokens", "output_tokens");
    }

    fn response_event(&mut self, event: &Value) {
        match text(&event["type"]) {
            "response.output_text.delta" => self.say(text(&event["delta"])),
            "response.output_item.done" => self.response_item(&event["item"], false),
            "response.completed" | "response.incomplete" => {
                self.usage(&event["response"]["usage"], "input_tokens", "output_tokens");
            }
            _ => {}
        }
    }

    /// Reads an item of the output; with `whole` its text as well, which a stream has in pieces.
    fn response_item(&mut self, item: &Value, whole: bool) {
        match text(&item["type"]) {
            "function_call" => {
                let partial = self.call(text(&item["call_id"]).to_owned());
                partial.id = text(&item["call_id"]).to_owned();
                partial.name = text(&item["name"]).to_owned();
                partial.arguments = text(&item["arguments"]).to_owned();
            }
            "reasoning" => {
                for part in items(&item["summary"]) {
                    self.answer.reasoning.push_str(text(&part["text"]));
                }
            }
            "message" if whole => {
                for part in items(&item["content"]) {
                    self.say(text(&part["text"]));
                }
            }
            _ => {}
        }
    }

    fn message(&mut self, body: &Value) {
        for (at, block) in items(&body["content"]).iter().enumerate() {
            self.block(at.to_string(), block);
            if block["type"] == "tool_use" {
                self.call(at.to_string()).arguments = block["input"].to_string();
            }
        }
        self.usage(&body["usage"], "input_tokens", "output_tokens");
    }

    fn message_event(&mut self, event: &Value) {
        let key = event["index"].to_string();
        let delta = &event["delta"];
        match text(&event["type"]) {
            "message_start" => {
                self.usage(&event["message"]["usage"], "input_tokens", "output_tokens");
            }
            "content_block_start" => self.block(key, &event["content_block"]),
            "content_block_delta" => match text(&delta["type"]) {
                "text_delta" => self.say(text(&delta["text"])),
                "thinking_delta" => self.answer.reasoning.push_str(text(&delta["thinking"])),
                "input_json_delta" => self.call(key).arguments.push_str(text(&delta["partial_json"])),
                _ => {}
            },
            "message_delta" => {
                if let (Some(tokens), Some(output)) =
                    (&mut self.answer.tokens, event["usage"]["output_tokens"].as_u64())
                {
                    tokens.output = output;
                }
            }
            _ => {}
        }
    }

    fn block(&mut self, key: String, block: &Value) {
        match text(&block["type"]) {
            "text" => self.say(text(&block["text"])),
            "thinking" => self.answer.reasoning.push_str(text(&block["thinking"])),
            "tool_use" => {
                let partial = self.call(key);
                partial.id = text(&block["id"]).to_owned();
                partial.name = text(&block["name"]).to_owned();
            }
            _ => {}
        }
    }
}
