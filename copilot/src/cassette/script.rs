//! Recorded conversations as scripts of a scripted model.

use std::fmt::Write as _;

use serde_json::Value;

use super::answer::Answer;
use super::conversation::{Call, Message, calls_by_id};
use super::file::Exchange;
use crate::testing::Script;

/// The largest result that an expectation of the source has, in bytes.
const MAX_EXPECTED: usize = 200;

/// The conversations of a cassette. Returned by [`Cassette::load`](super::Cassette::load).
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> copilot::Result<()> {
/// use copilot::cassette::Cassette;
/// use copilot::testing::ScriptedModel;
///
/// let recording = Cassette::load("tests/cassettes/refund.jsonl")?;
/// // To paste into a test, and to edit.
/// println!("{}", recording.script_source());
/// let model = ScriptedModel::start(recording.scripts()).await?;
/// # drop(model); Ok(()) }
/// ```
#[derive(Debug)]
pub struct Recording {
    conversations: Vec<Vec<Exchange>>,
}

impl Recording {
    pub(super) fn new(exchanges: Vec<Exchange>) -> Self {
        let mut conversations: Vec<Vec<Exchange>> = Vec::new();
        for exchange in exchanges {
            let before = exchange.follows.and_then(|follows| {
                conversations
                    .iter_mut()
                    .find(|exchanges| exchanges.iter().any(|known| known.number == follows))
            });
            match before {
                Some(conversation) => conversation.push(exchange),
                None => conversations.push(vec![exchange]),
            }
        }
        Self { conversations }
    }

    /// Returns the number of recorded requests.
    pub fn requests(&self) -> usize {
        self.conversations.iter().map(Vec::len).sum()
    }

    /// Returns one script for the first conversation: the one of the session's agent.
    pub fn to_script(&self) -> Script {
        self.conversations.first().map_or_else(Script::new, |first| script(Script::new(), first))
    }

    /// Returns a script for each conversation, which its first prompt selects: those of sub-agents are separate
    /// conversations.
    pub fn scripts(&self) -> Vec<Script> {
        match self.conversations.as_slice() {
            [only] => vec![script(Script::new(), only)],
            all => all.iter().map(|one| script(Script::when(first_prompt(one)), one)).collect(),
        }
    }

    /// Returns the Rust source of the [scripts](Self::scripts), with the recorded prompts and results of tools as
    /// expectations, to paste into a test and to edit.
    pub fn script_source(&self) -> String {
        let alone = self.conversations.len() == 1;
        let sources: Vec<_> = self.conversations.iter().map(|one| source(one, alone)).collect();
        match sources.as_slice() {
            [only] => only.clone(),
            all => {
                let items = all.iter().map(|one| format!("    {},\n", one.replace('\n', "\n    ")));
                format!("[\n{}]", items.collect::<String>())
            }
        }
    }
}

fn first_prompt(exchanges: &[Exchange]) -> &str {
    let messages = exchanges.first().map_or(&[][..], |exchange| &exchange.expected.messages);
    messages.iter().find(|message| message.role == "user").map_or("", |message| &message.text)
}

fn script(script: Script, exchanges: &[Exchange]) -> Script {
    exchanges
        .iter()
        .fold(script, |script, exchange| Answer::read(exchange.api, &exchange.response).add_to(script).0)
}

fn source(exchanges: &[Exchange], alone: bool) -> String {
    let mut text = if alone {
        "Script::new()".to_owned()
    } else {
        format!("Script::when({})", literal(first_prompt(exchanges)))
    };
    let mut known = 0;
    for exchange in exchanges {
        let messages = &exchange.expected.messages;
        let new = &messages[known.min(messages.len())..];
        known = messages.len();
        for message in new {
            expectation(&mut text, message, messages);
        }
        turn(&mut text, &Answer::read(exchange.api, &exchange.response));
    }
    text
}

fn expectation(text: &mut String, message: &Message, messages: &[Message]) {
    if message.text.is_empty() || message.text.len() > MAX_EXPECTED {
        return;
    }
    let expected = literal(&message.text);
    match (message.role.as_str(), &message.call) {
        ("user", _) => {
            let _ = write!(text, "\n    .expect_prompt(|prompt| prompt.contains({expected}))");
        }
        (_, Some(id)) => {
            if let Some((_, tool)) = calls_by_id(messages).get(id.as_str()) {
                let tool = literal(tool);
                let _ =
                    write!(text, "\n    .expect_tool_result({tool}, |result| result.contains({expected}))");
            }
        }
        _ => {}
    }
}

fn turn(text: &mut String, answer: &Answer) {
    if let Some((status, message, retried)) = &answer.failure {
        let method = if *retried { "fail_once" } else { "fail" };
        let _ = write!(text, "\n    .{method}({status}, {})", literal(message));
        return;
    }
    if !answer.reasoning.is_empty() {
        let _ = write!(text, "\n    .reasoning({})", literal(&answer.reasoning));
    }
    let said = literal(&answer.text.concat());
    match answer.calls.as_slice() {
        [] if answer.broken => {
            let _ = write!(text, "\n    .break_off({said})");
        }
        [] => {
            let _ = write!(text, "\n    .say({said})");
        }
        calls => {
            if !answer.text.is_empty() {
                let _ = write!(text, "\n    .preamble({said})");
            }
            match calls {
                [Call { name, arguments, .. }] if !arguments.is_string() => {
                    let _ = write!(text, "\n    .call({}, {})", literal(name), json(arguments));
                }
                calls => {
                    text.push_str("\n    .calls([");
                    for Call { name, arguments, .. } in calls {
                        let name = literal(name);
                        let _ = match arguments {
                            Value::String(raw) => {
                                write!(text, "\n        ToolUse::raw({name}, {}),", literal(raw))
                            }
                            arguments => write!(text, "\n        ToolUse::new({name}, {}),", json(arguments)),
                        };
                    }
                    text.push_str("\n    ])");
                }
            }
        }
    }
}

fn json(value: &Value) -> String {
    format!("json!({value})")
}

/// Returns a string literal of Rust.
fn literal(text: &str) -> String {
    format!("{text:?}")
}
