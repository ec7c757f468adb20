//! The protocols of the model, and the parts that their answers share. Pure.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::request::RecordedMessage;
#[cfg(feature = "cassette")]
use super::script::Script;
use super::script::{Tokens, Turn, TurnAnswer};
use super::{completion, messages, responses};

/// The maximum size of a piece of a tool call's arguments in a stream, in bytes.
const ARGUMENTS_PIECE: usize = 24;

/// A protocol of requests to language models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ModelApi {
    /// OpenAI's chat completions, at `/v1/chat/completions`.
    ChatCompletions,
    /// OpenAI's responses, at `/v1/responses`.
    Responses,
    /// Anthropic's messages, at `/v1/messages`.
    Messages,
}

/// The data that the body of an answer needs beside the turn.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// The ids of the tool calls of the turn.
    pub(super) ids: Vec<String>,
    /// The number of the request, for the id of the answer.
    pub(super) number: usize,
    /// The length of the request in bytes, for the estimate of its tokens.
    pub(super) request_bytes: usize,
    /// Whether a stream of chat completions ends with the token usage.
    pub(super) streams_usage: bool,
}

/// One event of a stream with the delay before it.
pub(super) type Paced<T> = (Duration, T);

impl ModelApi {
    /// Returns the protocol at a path: those of OpenAI and Anthropic, and those of an Azure resource.
    pub(super) fn at(path: &str) -> Option<Self> {
        let deployment = |rest: &'static str| {
            let within = path.strip_prefix("/openai/deployments/")?;
            let (name, found) = within.split_once('/')?;
            (!name.is_empty() && found == rest).then_some(())
        };
        match path {
            "/v1/chat/completions" | "/openai/v1/chat/completions" => Some(Self::ChatCompletions),
            "/v1/responses" | "/openai/v1/responses" => Some(Self::Responses),
            "/v1/messages" => Some(Self::Messages),
            _ => deployment("chat/completions")
                .map(|()| Self::ChatCompletions)
                .or_else(|| deployment("responses").map(|()| Self::Responses)),
        }
    }

    /// Returns the conversation of a request.
    pub(crate) fn conversation(self, body: &Value) -> Vec<RecordedMessage> {
        match self {
            Self::ChatCompletions => completion::conversation(body),
            Self::Responses => responses::conversation(body),
            Self::Messages => messages::conversation(body),
        }
    }

    /// Returns the tools of a request as objects with `name`, `description` and `parameters`.
    pub(crate) fn tools(self, body: &Value) -> Vec<Value> {
        let tools = list(&body["tools"]).iter();
        match self {
            Self::ChatCompletions => tools.map(|tool| tool["function"].clone()).collect(),
            Self::Responses => tools.cloned().collect(),
            Self::Messages => {
                let tool = |tool: &Value| {
                    let (name, text) = (&tool["name"], &tool["description"]);
                    json!({"name": name, "description": text, "parameters": tool["input_schema"]})
                };
                tools.map(tool).collect()
            }
        }
    }

    /// Returns the answer as one JSON object.
    pub(super) fn whole(self, turn: &Turn, frame: &Frame) -> Value {
        match self {
            Self::ChatCompletions => completion::whole(turn, frame),
            Self::Responses => responses::whole(turn, frame),
            Self::Messages => messages::whole(turn, frame),
        }
    }

    /// Returns the answer as the events of a stream. An answer that breaks off has no final events.
    pub(super) fn stream(self, turn: &Turn, frame: &Frame) -> Vec<Paced<Bytes>> {
        let events = match self {
            Self::ChatCompletions => completion::chunks(turn, frame),
            Self::Responses => responses::events(turn, frame),
            Self::Messages => messages::events(turn, frame),
        };
        let mut stream: Vec<_> = events.into_iter().map(|(wait, event)| (wait, self.event(&event))).collect();
        if self == Self::ChatCompletions && !matches!(turn.answer, TurnAnswer::BreakOff(_)) {
            stream.push((Duration::ZERO, Bytes::from_static(b"data: [DONE]\n\n")));
        }
        stream
    }

    fn event(self, event: &Value) -> Bytes {
        match (self, event["type"].as_str()) {
            (Self::Responses | Self::Messages, Some(name)) => format!("event: {name}\ndata: {event}\n\n"),
            _ => format!("data: {event}\n\n"),
        }
        .into()
    }

    /// Returns the body of the answer that the first turn of a script gives: the pieces of a stream, or one object. `ids`
    /// are those of the turn's tool calls.
    #[cfg(feature = "cassette")]
    pub(crate) fn render(self, script: &Script, ids: Vec<String>, streamed: bool) -> Vec<Vec<u8>> {
        let Some(turn) = script.turns.first() else { return Vec::new() };
        let frame = Frame { ids, number: 1, request_bytes: 0, streams_usage: true };
        if streamed {
            self.stream(turn, &frame).into_iter().map(|(_, event)| event.to_vec()).collect()
        } else {
            vec![self.whole(turn, &frame).to_string().into_bytes()]
        }
    }

    /// Returns the error object of the protocol, for other services than the scripted model.
    #[cfg(feature = "cassette")]
    pub(crate) fn error_body(self, message: &str, code: &str) -> Value {
        self.error(message, code)
    }

    /// Returns the error object of the protocol.
    pub(super) fn error(self, message: &str, code: &str) -> Value {
        match self {
            Self::Messages => messages::error(message, code),
            Self::ChatCompletions | Self::Responses => completion::error(message, code),
        }
    }
}

/// Returns the token usage of the turn, or an estimate of four bytes per token.
pub(super) fn tokens(turn: &Turn, frame: &Frame) -> Tokens {
    let guess = |bytes: usize| (bytes as u64).div_ceil(4);
    turn.preparation.tokens.unwrap_or_else(|| {
        let said = match &turn.answer {
            TurnAnswer::Say(pieces) => pieces.iter().map(String::len).sum(),
            TurnAnswer::BreakOff(text) => text.len(),
            TurnAnswer::Call(tools) => tools.iter().map(|tool| tool.name.len() + tool.arguments.len()).sum(),
            TurnAnswer::Fail { .. } => 0,
        };
        let said = said + turn.preparation.reasoning.as_ref().map_or(0, String::len);
        let said = said + turn.preparation.preamble.as_ref().map_or(0, String::len);
        Tokens { input: guess(frame.request_bytes), output: guess(said) }
    })
}

/// Returns the pieces of a turn's text; empty for other turns.
pub(super) fn text_pieces(turn: &Turn) -> &[String] {
    match &turn.answer {
        TurnAnswer::Say(pieces) => pieces,
        TurnAnswer::BreakOff(text) => std::slice::from_ref(text),
        TurnAnswer::Call(_) | TurnAnswer::Fail { .. } => &[],
    }
}

/// Splits arguments into pieces of at most [`ARGUMENTS_PIECE`] bytes at character boundaries.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(ARGUMENTS_PIECE);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (piece, tail) = rest.split_at(end);
        pieces.push(piece);
        rest = tail;
    }
    pieces
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Returns the text of a message's content, which is a string or a list of parts.
pub(super) fn content(value: &Value) -> String {
    let parts = list(value).iter().filter_map(|part| part["text"].as_str());
    value.as_str().map_or_else(|| parts.collect(), str::to_owned)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::script::Script;
    use super::*;

    pub(in super::super) fn frame(ids: &[&str]) -> Frame {
        let ids = ids.iter().map(ToString::to_string).collect();
        Frame { ids, number: 7, request_bytes: 400, streams_usage: true }
    }

    pub(in super::super) fn only_turn(script: &Script) -> &Turn {
        &script.turns[0]
    }

    #[test]
    fn the_path_determines_the_protocol() {
        let at = ModelApi::at;
        assert_eq!(at("/v1/chat/completions"), Some(ModelApi::ChatCompletions));
        assert_eq!(at("/openai/deployments/gpt/chat/completions"), Some(ModelApi::ChatCompletions));
        assert_eq!(at("/openai/deployments/gpt/responses"), Some(ModelApi::Responses));
        assert_eq!(at("/openai/v1/responses"), Some(ModelApi::Responses));
        assert_eq!(at("/v1/messages"), Some(ModelApi::Messages));
        for nowhere in
            ["/chat/completions", "/openai/deployments//chat/completions", "/v1/messages/count", ""]
        {
            assert_eq!(at(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn the_pieces_of_arguments_are_the_arguments() {
        let text = "ä".repeat(100);
        assert!(pieces(&text).len() > 5);
        assert_eq!(pieces(&text).concat(), text);
        assert_eq!(pieces(""), [""; 0]);
    }
}
