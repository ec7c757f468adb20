//! The option `serial_by`: calls of a tool with the same value of an argument run one after another, in order.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use serde_json::value::RawValue;

use crate::sorted;
use crate::task::{Flag, lock};
use crate::tools::arguments::node::Node;
use crate::tools::arguments::suggest::{restyled, suggest};
use crate::tools::arguments::validate::{Integers, Validator};

/// The calls of a tool that wait for each other, by the value of an argument.
#[derive(Debug)]
pub(crate) struct Serial {
    /// The path of the argument in the arguments object.
    path: Vec<Box<str>>,
    /// The key of a call without the argument.
    default: Box<str>,
    /// The schema of the argument, whose values are corrected by it; `None` if a value has no other form than those
    /// that [`key`] knows.
    schema: Option<Box<Value>>,
    queues: Arc<Queues>,
}

/// The calls in each queue, in order; the first one may run. A queue without calls has no entry.
#[derive(Debug, Default)]
struct Queues(Mutex<HashMap<Box<str>, VecDeque<Arc<Flag>>>>);

/// The place of a call in its queue. Its drop lets the next call run.
#[derive(Debug)]
pub(crate) struct Place {
    queues: Arc<Queues>,
    key: Box<str>,
    turn: Arc<Flag>,
}

impl Serial {
    /// Finds the argument in the schema of a tool. The error is the reason why it cannot be used.
    pub(crate) fn new(path: Vec<Box<str>>, schema: &Value) -> Result<Self, String> {
        let mut part = schema;
        for name in &path {
            part = property(schema, part, name)?;
        }
        let default = part.get("default").map(key).unwrap_or_default();
        let schema = has_styles(part).then(|| {
            let mut part = part.clone();
            part["$defs"] = schema["$defs"].clone();
            Box::new(part)
        });
        Ok(Self { path, default, schema, queues: Arc::default() })
    }

    /// Enters a call with these arguments, as JSON, into its queue.
    pub(crate) fn enter(&self, arguments: &str) -> Place {
        let key = match find(arguments, &self.path) {
            None | Some(Value::Null) => self.default.clone(),
            Some(value) => match &self.schema {
                Some(schema) => key(&corrected(schema, &value)),
                None => key(&value),
            },
        };
        let turn = Arc::new(Flag::default());
        let mut queues = lock(&self.queues.0);
        let queue = queues.entry(key.clone()).or_default();
        if queue.is_empty() {
            turn.set();
        }
        queue.push_back(Arc::clone(&turn));
        drop(queues);
        Place { queues: Arc::clone(&self.queues), key, turn }
    }

    /// Returns the number of queues.
    #[cfg(test)]
    pub(crate) fn queues(&self) -> usize {
        lock(&self.queues.0).len()
    }
}

impl Place {
    /// Completes when no earlier call with the same value is left.
    pub(crate) async fn turn(&self) {
        self.turn.wait().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let next = {
            let mut queues = lock(&self.queues.0);
            let Some(queue) = queues.get_mut(&self.key) else { return };
            queue.retain(|turn| !Arc::ptr_eq(turn, &self.turn));
            let next = queue.front().cloned();
            if next.is_none() {
                queues.remove(&self.key);
            }
            next
        };
        // Without the lock, because it wakes a task.
        if let Some(next) = next {
            next.set();
        }
    }
}

/// Returns the schema of a property of `part`. A part that lists no properties, or allows others, may have it.
fn property<'s>(root: &'s Value, part: &'s Value, name: &str) -> Result<&'s Value, String> {
    const ANY: &Value = &Value::Bool(true);
    let definition = part.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    let part = definition.and_then(|path| root.pointer(path)).unwrap_or(part);
    let Some(properties) = part.get("properties").and_then(Value::as_object) else {
        return if std::ptr::eq(root, part) { Err("the tool has no arguments".to_owned()) } else { Ok(ANY) };
    };
    if let Some(property) = properties.get(name) {
        return Ok(property);
    }
    if part.get("additionalProperties").is_some_and(|others| *others != Value::Bool(false)) {
        return Ok(ANY);
    }
    let known = || properties.keys().map(String::as_str);
    Err(match suggest(name, known()) {
        Some(similar) => format!("there is no argument `{name}`; did you mean `{similar}`?"),
        None if properties.is_empty() => "the tool has no arguments".to_owned(),
        None => {
            format!(
                "there is no argument `{name}`; valid names are `{}`",
                known().collect::<Vec<_>>().join("`, `")
            )
        }
    })
}

/// Returns the value at a path in JSON, with the mistakes that are corrected in a call: names in another case style, and
/// an object inside of text. Other values are not decoded.
fn find(json: &str, path: &[Box<str>]) -> Option<Value> {
    let Some((name, rest)) = path.split_first() else { return serde_json::from_str(json).ok() };
    let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(json) else {
        let text: String = serde_json::from_str(json).ok()?;
        return find(&text, path).filter(|_| text.trim_start().starts_with('{'));
    };
    let styled = || {
        let wanted = |given: &&str| restyled(given, [&**name]).is_some();
        members.keys().map(String::as_str).find(wanted).and_then(|given| members.get(given))
    };
    find(members.get(&**name).or_else(styled)?.get(), rest)
}

/// Returns whether a value may have several forms that a call corrects by the schema: names and values of an enum in
/// another case style.
fn has_styles(part: &Value) -> bool {
    let keywords = ["enum", "const", "properties", "items", "prefixItems", "anyOf", "oneOf", "allOf", "$ref"];
    part.is_object() && keywords.iter().any(|keyword| part.get(*keyword).is_some())
}

/// Corrects a value as a call does. Mistakes that cannot be corrected stay.
fn corrected(schema: &Value, value: &Value) -> Value {
    let mut node = Node::from(value);
    let (patterns, integers) = (&HashMap::new(), Integers::Typed);
    Validator { schema, coerce: true, patterns, integers, keeps_null: true }.check(&mut node);
    node.to_value()
}

/// Returns the key of a value. Values that are equal once safe mistakes are corrected have the same key: `3`, `3.0` and
/// `"3"`, `["a"]` and `"a"`, JSON and the same JSON inside of text.
fn key(value: &Value) -> Box<str> {
    let mut text = String::new();
    write_key(value, &mut text);
    text.into()
}

fn write_key(value: &Value, key: &mut String) {
    match value {
        Value::Array(items) if items.len() == 1 && !items[0].is_array() => write_key(&items[0], key),
        Value::Array(items) => {
            key.push('[');
            for item in items {
                write_key(item, key);
                key.push(',');
            }
            key.push(']');
        }
        Value::Object(members) => {
            key.push('{');
            for (name, member) in sorted::members(members) {
                write!(key, "{name:?}:").expect("writing to a string cannot fail");
                write_key(member, key);
                key.push(',');
            }
            key.push('}');
        }
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inner) if !inner.is_string() && !inner.is_null() => write_key(&inner, key),
            _ => key.push_str(text),
        },
        Value::Number(number) => {
            let text = number.to_string();
            key.push_str(text.strip_suffix(".0").unwrap_or(&text));
        }
        other => write!(key, "{other}").expect("writing to a string cannot fail"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn serial(path: &str) -> Result<Serial, String> {
        let point = json!({ "type": "object", "properties": { "x": {} }, "additionalProperties": false });
        let schema = json!({
            "type": "object",
            "properties": {
                "file_path": { "type": "string", "default": "a" },
                "at": { "$ref": "#/$defs/Point" },
                "more": { "type": "object" },
            },
            "$defs": { "Point": point },
        });
        Serial::new(path.split('.').map(Box::from).collect(), &schema)
    }

    #[test]
    fn equal_values_have_one_key_in_every_spelling() {
        let key_of =
            |path: &str, arguments: Value| serial(path).unwrap().enter(&arguments.to_string()).key.clone();
        for arguments in [
            json!({ "file_path": "a" }),
            json!({ "filePath": "a" }),
            json!({ "file_path": ["a"] }),
            json!({ "file_path": null }),
            json!({}),
            json!(json!({ "file_path": "a" }).to_string()),
        ] {
            assert_eq!(&*key_of("file_path", arguments.clone()), "a", "{arguments}");
        }
        for x in [json!(3), json!(3.0), json!("3"), json!("3.0")] {
            assert_eq!(&*key_of("at.x", json!({ "at": { "x": x } })), "3", "{x}");
        }
        let object = json!({ "b": [1, true], "a": null });
        assert_eq!(key_of("more.x", json!({ "more": { "x": object } })), key(&json!(object.to_string())));
        assert_ne!(key(&json!("ab")), key(&json!("a")));
        assert_ne!(key(&json!([1, 2])), key(&json!([12])));
        assert_eq!(&*key_of("at.x", json!({ "at": 1 })), "", "arguments that do not fit");
    }

    #[test]
    fn a_path_that_leads_nowhere_is_refused() {
        for (path, reason) in [
            ("file", "there is no argument `file`; valid names are `at`, `file_path`, `more`"),
            ("file_pat", "there is no argument `file_pat`; did you mean `file_path`?"),
            ("at.y", "there is no argument `y`; did you mean `x`?"),
        ] {
            assert_eq!(serial(path).unwrap_err(), reason);
        }
        assert!(serial("more.any").is_ok());
        let none = Serial::new(vec!["x".into()], &json!({ "type": "object" })).unwrap_err();
        assert_eq!(none, "the tool has no arguments");
    }

    #[test]
    fn places_leave_nothing_behind() {
        let serial = serial("file_path").unwrap();
        let enter = |path: &str| serial.enter(&json!({ "file_path": path }).to_string());
        let [first, second, third, other] = ["x", "x", "x", "y"].map(enter);
        let turns = || [&first, &third, &other].map(|place| place.turn.is_set());
        assert_eq!((turns(), second.turn.is_set()), ([true, false, true], false));
        drop(second);
        assert_eq!((turns(), serial.queues()), ([true, false, true], 2));
        drop(first);
        assert!(third.turn.is_set());
        drop((third, other));
        assert_eq!(serial.queues(), 0);
    }
}
