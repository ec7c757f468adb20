//! The arguments of a call as a tree that can be corrected. Pure.
//!
//! Numbers keep their text, because a `serde_json::Value` has no integers of 128 bits and no trailing zeros.

use serde::de::Error as _;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::sorted::{SortedMap, object};
use crate::tools::arguments::number::Decimal;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Number(Box<str>),
    Text(String),
    List(Vec<Self>),
    Object(SortedMap<Self>),
    /// A value that is left out while others are checked.
    Removed,
}

/// A step of the path to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Name(String),
    Index(usize),
}

/// The limit of nesting, that of serde_json.
const MAX_DEPTH: usize = 128;

impl Node {
    /// Parses JSON. Of members with the same name, the last one counts.
    pub(crate) fn parse(text: &str) -> serde_json::Result<Self> {
        let valid: &RawValue = serde_json::from_str(text)?;
        let mut parser = Parser { text: valid.get(), at: 0 };
        parser.value(0)
    }

    /// Returns the value as JSON.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    /// Converts the value. Numbers beyond 64 bits are rounded.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Null | Self::Removed => Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| (**text).into()),
            Self::Text(text) => text.as_str().into(),
            Self::List(items) => items.iter().map(Self::to_value).collect(),
            Self::Object(members) => {
                object(members.iter().map(|(name, value)| (name.clone(), value.to_value()))).into()
            }
        }
    }

    /// Returns whether a value of a schema is the same; `1.0` is the same as `1`.
    pub(super) fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Number(text), Value::Number(number)) => {
                Decimal::parse(text).is_some_and(|text| Decimal::parse(&number.to_string()) == Some(text))
            }
            (Self::Number(_), _) => false,
            _ => self.to_value() == *value,
        }
    }

    /// Returns the number of values, this one included.
    pub(super) fn count(&self) -> usize {
        1 + match self {
            Self::List(items) => items.iter().map(Self::count).sum::<usize>(),
            Self::Object(members) => members.values().map(Self::count).sum(),
            _ => 0,
        }
    }

    /// Returns the value at a path below this one.
    pub(super) fn at(&self, path: &[Step]) -> Option<&Self> {
        path.iter().try_fold(self, |node, step| match (node, step) {
            (Self::Object(members), Step::Name(name)) => members.get(name),
            (Self::List(items), Step::Index(index)) => items.get(*index),
            _ => None,
        })
    }

    /// Leaves out the value at a path below this one. Returns whether there was one.
    pub(crate) fn remove(&mut self, path: &[Step]) -> bool {
        let found = path.iter().try_fold(self, |node, step| match (node, step) {
            (Self::Object(members), Step::Name(name)) => members.get_mut(name),
            (Self::List(items), Step::Index(index)) => items.get_mut(*index),
            _ => None,
        });
        found.is_some_and(|node| !matches!(std::mem::replace(node, Self::Removed), Self::Removed))
    }

    /// Returns whether a part is left out.
    pub(super) fn is_partial(&self) -> bool {
        match self {
            Self::Removed => true,
            Self::List(items) => items.iter().any(Self::is_partial),
            Self::Object(members) => members.values().any(Self::is_partial),
            _ => false,
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null | Self::Removed => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(text) => out.push_str(text),
            Self::Text(text) => out.push_str(&Value::from(text.as_str()).to_string()),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    out.push_str(&Value::from(name.as_str()).to_string());
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

impl From<&Value> for Node {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number.to_string().into()),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(members) => {
                let members = members.iter().map(|(name, value)| (name.clone(), value.into()));
                Self::Object(SortedMap::of(members.collect()))
            }
        }
    }
}

/// Reads text that serde_json has found to be JSON.
struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl Parser<'_> {
    fn value(&mut self, depth: usize) -> serde_json::Result<Node> {
        if depth >= MAX_DEPTH {
            return Err(serde_json::Error::custom("nested too deeply"));
        }
        Ok(match self.next() {
            Some(b'{') => {
                let mut members = Vec::new();
                self.at += 1;
                while self.next() == Some(b'"') {
                    let name = self.string()?;
                    self.skip(b':');
                    members.push((name, self.value(depth + 1)?));
                    self.skip(b',');
                }
                self.skip(b'}');
                Node::Object(SortedMap::of(members))
            }
            Some(b'[') => {
                let mut items = Vec::new();
                self.at += 1;
                while self.next().is_some_and(|byte| byte != b']') {
                    items.push(self.value(depth + 1)?);
                    self.skip(b',');
                }
                self.skip(b']');
                Node::List(items)
            }
            Some(b'"') => Node::Text(self.string()?),
            _ => match self.word() {
                "null" => Node::Null,
                "true" => Node::Bool(true),
                "false" => Node::Bool(false),
                number if Decimal::parse(number).is_some() => Node::Number(number.into()),
                _ => return Err(serde_json::Error::custom("expected a value")),
            },
        })
    }

    /// Returns the next byte that is not white space.
    fn next(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.at += blank;
        rest.get(blank).copied()
    }

    fn skip(&mut self, byte: u8) {
        if self.next() == Some(byte) {
            self.at += 1;
        }
    }

    /// Returns the literal that starts here.
    fn word(&mut self) -> &str {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| matches!(c, ',' | ']' | '}') || c.is_ascii_whitespace());
        let word = &rest[..end.unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    /// Returns the string that starts here.
    fn string(&mut self) -> serde_json::Result<String> {
        let rest = &self.text.as_bytes()[self.at..];
        let mut end = 1;
        while rest.get(end).is_some_and(|byte| *byte != b'"') {
            end += if rest[end] == b'\\' { 2 } else { 1 };
        }
        let literal = self.text.get(self.at..=self.at + end).unwrap_or_default();
        self.at += literal.len();
        serde_json::from_str(literal)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_keep_their_text() {
        let text = r#"{"a":[1.10,340282366920938463463374607431768211455,-0,1e400],"b":{"c":"x\"\\\u00e9"}}"#;
        let node = Node::parse(text).unwrap();
        assert_eq!(node.text(), text.replace("\\u00e9", "é"));
        let last = Node::parse(r#"{"a": 1, "a": 2}"#).unwrap();
        assert_eq!(last.text(), r#"{"a":2}"#);
        for (text, value) in [("1.0", json!(1)), ("-0", json!(0)), ("2e2", json!(200.0)), ("1", json!(1))] {
            assert!(Node::parse(text).unwrap().is(&value), "{text}");
        }
        assert!(!Node::parse("1").unwrap().is(&json!("1")) && !Node::parse("\"1\"").unwrap().is(&json!(1)));
    }

    #[test]
    fn malformed_and_too_deep_text_is_an_error() {
        for text in ["", "{", "[1,]", "{\"a\" 1}", "nul", "1 2", "\"\\ud800\"", "01"] {
            assert!(Node::parse(text).is_err(), "{text}");
        }
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Node::parse(&deep(100)).is_ok());
        assert!(Node::parse(&deep(10_000)).unwrap_err().to_string().contains("nested too deeply"));
    }

    #[test]
    fn a_value_is_removed_by_its_path() {
        let mut node = Node::parse(r#"{"a":[{"b":1},2]}"#).unwrap();
        let path = [Step::Name("a".into()), Step::Index(0), Step::Name("b".into())];
        assert_eq!(node.at(&path), Some(&Node::Number("1".into())));
        assert!(!node.is_partial() && node.remove(&path) && node.is_partial());
        assert!(!node.remove(&path) && !node.remove(&[Step::Index(0)]));
        assert!(node.at(&path[..1]).unwrap().is_partial());
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e9..1e9).prop_map(|number: f64| Value::from(number)),
            "\\PC*".prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_is_read_as_serde_json_reads_it(value in json()) {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let node = Node::parse(&text).unwrap();
                prop_assert_eq!(&node.to_value(), &value);
                prop_assert_eq!(&serde_json::from_str::<Value>(&node.text()).unwrap(), &value);
                prop_assert!(node.is(&value));
            }
        }
    }
}
