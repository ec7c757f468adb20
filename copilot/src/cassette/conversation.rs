//! The conversation of a request in a form that is common to all protocols of models. Pure.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::scrub::Scrubber;
use crate::testing::{ModelApi, RecordedMessage, Role};

/// A request to a model, without secrets and personal paths.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Conversation {
    pub(super) api: ModelApi,
    pub(super) model: String,
    pub(super) streamed: bool,
    /// The instructions, joined. They belong to a version of the CLI.
    pub(super) system: String,
    /// All messages except instructions, oldest first.
    pub(super) messages: Vec<Message>,
    /// The tools that the model may call, by name.
    pub(super) tools: BTreeMap<String, Definition>,
}

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) role: String,
    /// The id of the tool call that a result answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) call: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) calls: Vec<Call>,
}

/// A tool call of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    /// The arguments; text where they are not JSON.
    pub(super) arguments: Value,
}

/// The definition of a tool in a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Definition {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) description: String,
    #[serde(default)]
    pub(super) parameters: Value,
}

/// The blocks that the CLI adds to prompts: the time, and hints that depend on its version.
static CLI_BLOCKS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    ["current_datetime", "reminder", "system_reminder", "system_notification"]
        .iter()
        .map(|tag| Regex::new(&format!("(?s)<{tag}>.*?</{tag}>")).expect("the pattern is valid"))
        .collect()
});

/// Returns the protocol of a request by the end of its address, whatever the service has before it.
pub(super) fn api_of(url: &str) -> Option<ModelApi> {
    let path = url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    [
        ("/chat/completions", ModelApi::ChatCompletions),
        ("/responses", ModelApi::Responses),
        ("/messages", ModelApi::Messages),
    ]
    .into_iter()
    .find_map(|(end, api)| path.ends_with(end).then_some(api))
}

/// The names of protocols in a cassette.
pub(super) const APIS: [(&str, ModelApi); 3] = [
    ("chat-completions", ModelApi::ChatCompletions),
    ("responses", ModelApi::Responses),
    ("messages", ModelApi::Messages),
];

impl Conversation {
    /// Reads the body of a request.
    pub(super) fn read(api: ModelApi, body: &Value, scrubber: &Scrubber) -> Self {
        let (mut system, mut messages) = (Vec::new(), Vec::new());
        for message in api.conversation(body) {
            if message.role == Role::System {
                system.push(scrubber.text(&message.text));
            } else {
                messages.push(Message::read(message, scrubber));
            }
        }
        order_results(&mut messages);
        let tools = api.tools(body).into_iter().filter_map(|mut tool| {
            scrubber.value(&mut tool);
            let description = tool["description"].as_str().unwrap_or_default().to_owned();
            let definition = Definition { description, parameters: tool["parameters"].take() };
            Some((tool["name"].as_str()?.to_owned(), definition))
        });
        Self {
            api,
            model: scrubber.text(body["model"].as_str().unwrap_or_default()),
            streamed: body["stream"] == true,
            system: system.join("\n\n"),
            messages,
            tools: tools.collect(),
        }
    }
}

impl Message {
    fn read(message: RecordedMessage, scrubber: &Scrubber) -> Self {
        let role = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
            Role::Other(ref other) => other,
        };
        let role = role.to_owned();
        let mut text = message.text;
        if role == "user" {
            for block in CLI_BLOCKS.iter() {
                text = block.replace_all(&text, "").into_owned();
            }
        }
        let calls = message.calls.into_iter().map(|call| {
            let mut arguments =
                serde_json::from_str(&call.arguments).unwrap_or(Value::String(call.arguments));
            scrubber.value(&mut arguments);
            Call { id: scrubber.text(&call.id), name: scrubber.text(&call.name), arguments }
        });
        let calls = calls.collect();
        let call = message.answers.map(|id| scrubber.text(&id));
        Self { role, call, text: scrubber.text(text.trim()), calls }
    }
}

/// Sorts results that follow each other by the order of their calls: the CLI sends them in the order of completion.
fn order_results(messages: &mut [Message]) {
    let mut order: BTreeMap<String, usize> = BTreeMap::new();
    for message in &*messages {
        for call in &message.calls {
            let next = order.len();
            order.entry(call.id.clone()).or_insert(next);
        }
    }
    let place = |message: &Message| message.call.as_ref().and_then(|id| order.get(id)).copied();
    for results in messages.chunk_by_mut(|one, next| one.call.is_some() && next.call.is_some()) {
        results.sort_by_key(place);
    }
}

/// Returns the tool calls by id in a conversation: the number of the call, counted from 1, and the name of the tool.
pub(super) fn calls_by_id(messages: &[Message]) -> BTreeMap<&str, (usize, &str)> {
    let mut calls = BTreeMap::new();
    for call in messages.iter().flat_map(|message| &message.calls) {
        let number = calls.len() + 1;
        calls.entry(call.id.as_str()).or_insert((number, call.name.as_str()));
    }
    calls
}

/// Describes a message for a report, such as ``result of `refund` ``.
pub(super) fn title(message: &Message, messages: &[Message]) -> String {
    match (message.role.as_str(), &message.call) {
        ("user", _) => "user".to_owned(),
        ("assistant", _) if message.calls.is_empty() => "assistant".to_owned(),
        ("assistant", _) => {
            let names: Vec<_> = message.calls.iter().map(|call| format!("`{}`", call.name)).collect();
            format!("assistant, calls of {}", names.join(", "))
        }
        (_, Some(id)) => match calls_by_id(messages).get(id.as_str()) {
            Some((_, name)) => format!("result of `{name}`"),
            None => "result of an unknown call".to_owned(),
        },
        (other, None) => other.to_owned(),
    }
}
