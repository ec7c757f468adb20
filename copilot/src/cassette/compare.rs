//! The comparison of a request with a recorded one, and the report of the differences. Pure.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::Value;

use super::conversation::{Conversation, Definition, Message, calls_by_id, title};

/// The parts of requests that are compared besides the messages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Compare {
    pub(super) system: bool,
    pub(super) tools: bool,
    pub(super) times: bool,
}

/// A recorded request, as far as it is compared.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) messages: Vec<Message>,
    /// The digest of the instructions, and the instructions where they were recorded.
    pub(super) system_digest: String,
    pub(super) system: Option<String>,
    /// The names of all tools of the request.
    pub(super) tool_names: Vec<String>,
    /// The definitions that the file has.
    pub(super) tools: Vec<(String, Definition)>,
    /// The tools that the recorded response calls.
    pub(super) called: Vec<String>,
}

/// The largest number of lines of each side in a report.
const MAX_LINES: usize = 8;

/// The largest number of characters of a line in a report.
const MAX_WIDTH: usize = 160;

/// The number of characters before the first difference in a line that is cut.
const CONTEXT: usize = 40;

static TIMES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?( ?(Z|UTC|[+-]\d{2}:?\d{2}))?", "<time>"),
        (r"\b\d{4}-\d{2}-\d{2}\b", "<date>"),
        (r"\b\d{1,2}:\d{2}:\d{2}([.,]\d+)?\b", "<time>"),
    ]
    .map(|(pattern, with)| (Regex::new(pattern).expect("the pattern is valid"), with))
    .into()
});

static IDS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<id>"),
        // A temporary directory has a random name.
        (r"<<temp>>([/\\]+)[^/\\\s\x22\x27<>]+", "<<temp>>${1}*"),
    ]
    .map(|(pattern, with)| (Regex::new(pattern).expect("the pattern is valid"), with))
    .into()
});

/// Returns a text without the parts that differ by time and machine.
fn normal(text: &str, compare: Compare) -> String {
    let mut text = text.replace("\r\n", "\n");
    let times = if compare.times { &[] } else { TIMES.as_slice() };
    for (pattern, with) in times.iter().chain(IDS.iter()) {
        text = pattern.replace_all(&text, *with).into_owned();
    }
    text.trim().to_owned()
}

fn normal_value(value: &Value, compare: Compare) -> Value {
    match value {
        Value::String(text) => normal(text, compare).into(),
        Value::Array(items) => items.iter().map(|item| normal_value(item, compare)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, member)| (name.clone(), normal_value(member, compare))).collect()
        }
        other => other.clone(),
    }
}

/// Keywords of a schema that are not compared: texts for the model, and limits, which newer CLIs move into the texts.
const NOT_COMPARED: &[&str] = &[
    "$schema",
    "default",
    "description",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "multipleOf",
    "pattern",
    "title",
    "uniqueItems",
];

/// Keywords of a schema whose members have names of the program.
const NAMED: &[&str] = &["$defs", "definitions", "patternProperties", "properties"];

/// Returns the structure of a schema: names, types, and which members are required.
fn normal_schema(schema: &Value) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(normal_schema).collect(),
        Value::Object(members) => {
            let compared = members.iter().filter(|(name, _)| !NOT_COMPARED.contains(&name.as_str()));
            let members = compared.map(|(name, member)| {
                let member = match member {
                    Value::Object(named) if NAMED.contains(&name.as_str()) => {
                        named.iter().map(|(name, schema)| (name.clone(), normal_schema(schema))).collect()
                    }
                    other => normal_schema(other),
                };
                (name.clone(), member)
            });
            members.collect()
        }
        other => other.clone(),
    }
}

/// Returns the number of equal messages at the beginning of two conversations, both normal.
pub(super) fn common(recorded: &[Message], came: &[Message]) -> usize {
    recorded.iter().zip(came).take_while(|(a, b)| a == b).count()
}

/// Returns messages with the numbers of calls in place of their ids.
pub(super) fn normal_messages(messages: &[Message], compare: Compare) -> Vec<Message> {
    let numbers = calls_by_id(messages);
    let number = |id: &str| numbers.get(id).map_or_else(|| "?".to_owned(), |(number, _)| number.to_string());
    let normal_message = |message: &Message| Message {
        role: message.role.clone(),
        call: message.call.as_deref().map(number),
        text: normal(&message.text, compare),
        calls: message
            .calls
            .iter()
            .map(|call| super::conversation::Call {
                id: number(&call.id),
                name: call.name.clone(),
                arguments: normal_value(&call.arguments, compare),
            })
            .collect(),
    };
    messages.iter().map(normal_message).collect()
}

/// Returns the differences of a request from a recorded one; empty if it is the same request.
pub(super) fn differences(expected: &Expected, came: &Conversation, compare: Compare) -> String {
    let mut report = String::new();
    let (recorded, new) =
        (normal_messages(&expected.messages, compare), normal_messages(&came.messages, compare));
    for at in 0..recorded.len().max(new.len()) {
        let number = at + 1;
        match (recorded.get(at), new.get(at)) {
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) => {
                let (one, other) = (title(a, &recorded), title(b, &new));
                if one == other {
                    let _ = writeln!(report, "  message {number} ({one}):");
                } else {
                    let _ = writeln!(report, "  message {number}, recorded as {one}, came as {other}:");
                }
                texts(&mut report, &shown(a), &shown(b));
            }
            (Some(a), None) => {
                let _ = writeln!(report, "  message {number} ({}) is missing:", title(a, &recorded));
                lines(&mut report, '-', &shown(a));
            }
            (None, Some(b)) => {
                let _ = writeln!(report, "  message {number} ({}) was not recorded:", title(b, &new));
                lines(&mut report, '+', &shown(b));
            }
            (None, None) => {}
        }
    }
    report.push_str(&other_differences(expected, came, compare));
    report
}

/// Returns the differences besides the messages.
pub(super) fn other_differences(expected: &Expected, came: &Conversation, compare: Compare) -> String {
    let mut report = String::new();
    tools(&mut report, expected, came, compare);
    if compare.system {
        system(&mut report, expected, came, compare);
    }
    report
}

fn tools(report: &mut String, expected: &Expected, came: &Conversation, compare: Compare) {
    for (name, definition) in &expected.tools {
        if !compare.tools && !expected.called.contains(name) {
            continue;
        }
        let Some(offered) = came.tools.get(name) else {
            let _ = writeln!(report, "  the tool `{name}` is not offered to the model");
            continue;
        };
        let (a, b) = (normal_schema(&definition.parameters), normal_schema(&offered.parameters));
        if a != b {
            let _ = writeln!(report, "  the parameters of the tool `{name}`:");
            texts(report, &pretty(&a), &pretty(&b));
        }
    }
    if compare.tools {
        for name in &expected.tool_names {
            let is_listed = expected.tools.iter().any(|(listed, _)| listed == name);
            if !is_listed && !came.tools.contains_key(name) {
                let _ = writeln!(report, "  the tool `{name}` is not offered to the model");
            }
        }
        for name in came.tools.keys().filter(|name| !expected.tool_names.contains(name)) {
            let _ = writeln!(report, "  the tool `{name}` was not recorded");
        }
    }
}

fn system(report: &mut String, expected: &Expected, came: &Conversation, compare: Compare) {
    if let Some(recorded) = &expected.system {
        let (a, b) = (normal(recorded, compare), normal(&came.system, compare));
        if a != b {
            report.push_str("  the system prompt:\n");
            texts(report, &a, &b);
        }
    } else if expected.system_digest != digest(&came.system) {
        report.push_str(
            "  the system prompt: its digest differs; record with `compare_system_prompt` to see the difference\n",
        );
    }
}

/// Returns the digest of a system prompt, without the parts that differ by time and machine.
pub(super) fn digest(system: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let hash = Sha256::digest(normal(system, Compare::default()).as_bytes());
    hash.iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a value can be written")
}

/// Returns a message as text: its text, and a line for each call.
fn shown(message: &Message) -> String {
    let calls = message.calls.iter().map(|call| format!("call {}{}", call.name, call.arguments));
    let text = (!message.text.is_empty()).then(|| message.text.clone());
    text.into_iter().chain(calls).collect::<Vec<_>>().join("\n")
}

/// Writes the lines in which two texts differ.
fn texts(report: &mut String, recorded: &str, came: &str) {
    let (a, b): (Vec<_>, Vec<_>) = (recorded.lines().collect(), came.lines().collect());
    let before = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let after = a[before..].iter().rev().zip(b[before..].iter().rev()).take_while(|(a, b)| a == b).count();
    if before > 0 {
        let _ = writeln!(report, "    ({before} equal lines)");
    }
    let (a, b) = (&a[before..a.len() - after], &b[before..b.len() - after]);
    // The first pair of lines shows the place of the difference; the others are shown from their beginning.
    let place = a
        .first()
        .zip(b.first())
        .map_or(0, |(a, b)| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count());
    for (sign, side) in [('-', a), ('+', b)] {
        if side.is_empty() {
            let _ = writeln!(report, "    {sign} (nothing)");
        }
        for (at, line) in side.iter().take(MAX_LINES).enumerate() {
            let _ = writeln!(report, "    {sign} {}", excerpt(line, if at == 0 { place } else { 0 }));
        }
        if side.len() > MAX_LINES {
            let _ = writeln!(report, "    {sign} ({} more lines)", side.len() - MAX_LINES);
        }
    }
    if after > 0 {
        let _ = writeln!(report, "    ({after} equal lines)");
    }
}

fn lines(report: &mut String, sign: char, text: &str) {
    let count = text.lines().count();
    for line in text.lines().take(MAX_LINES) {
        let _ = writeln!(report, "    {sign} {}", excerpt(line, 0));
    }
    if count > MAX_LINES {
        let _ = writeln!(report, "    {sign} ({} more lines)", count - MAX_LINES);
    }
}

/// Returns the part of a line around a place.
fn excerpt(line: &str, place: usize) -> String {
    let length = line.chars().count();
    if length <= MAX_WIDTH {
        return line.to_owned();
    }
    let start = place.saturating_sub(CONTEXT).min(length - MAX_WIDTH);
    let part: String = line.chars().skip(start).take(MAX_WIDTH).collect();
    let begin = if start > 0 { "..." } else { "" };
    let end = if start + MAX_WIDTH < length { "..." } else { "" };
    format!("{begin}{part}{end}")
}
