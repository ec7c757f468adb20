//! The data of a ticket: the call that it stands for, and the type of the call's result. Pure.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::protocol::{RequestId, SessionId, ToolCallId};
use crate::sorted;

/// The version of the JSON form.
pub(crate) const VERSION: u32 = 1;

/// The longest schema that a ticket has, in bytes; of a longer one it has only the fingerprint.
const LONGEST_SCHEMA: usize = 4 << 10;

/// The call that a ticket stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TicketRecord {
    /// The version of the JSON form.
    pub(crate) ticket: u32,
    pub(crate) session: SessionId,
    /// The id under which the CLI waits for the result; it stays the same when the session is resumed.
    pub(crate) request: RequestId,
    pub(crate) tool_call: ToolCallId,
    pub(crate) tool: String,
    pub(crate) result: ResultShape,
}

/// The type of a result, as far as programs of different builds can compare it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ResultShape {
    /// The name of the type in its schema.
    #[serde(rename = "type")]
    pub(crate) name: String,
    /// A hash of the schema without its descriptions.
    pub(crate) fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) schema: Option<Value>,
}

impl ResultShape {
    pub(crate) fn new(name: String, schema: Value) -> Self {
        let mut bare = schema.clone();
        remove_prose(&mut bare, false);
        let mut text = String::new();
        write_sorted(&bare, &mut text);
        let fingerprint = format!("{:016x}", fnv_1a(text.as_bytes()));
        let fits = schema.to_string().len() <= LONGEST_SCHEMA;
        Self { name, fingerprint, schema: fits.then_some(schema) }
    }
}

/// Removes the members of a schema that do not restrict values. The members of a map of schemas are names of the
/// program.
fn remove_prose(schema: &mut Value, is_map: bool) {
    match schema {
        Value::Object(members) => {
            if !is_map {
                for prose in ["description", "title", "examples", "default", "deprecated"] {
                    members.remove(prose);
                }
            }
            for (name, value) in members.iter_mut() {
                let maps = !is_map && matches!(name.as_str(), "properties" | "patternProperties" | "$defs");
                if is_map || !matches!(name.as_str(), "enum" | "const") {
                    remove_prose(value, maps);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| remove_prose(item, false)),
        _ => {}
    }
}

/// Writes JSON with sorted members, whatever the features of serde_json are.
fn write_sorted(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            text.push('{');
            for (name, value) in sorted::members(members) {
                text.push_str(&Value::from(name).to_string());
                text.push(':');
                write_sorted(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_sorted(item, text);
                text.push(',');
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

/// The 64-bit FNV-1a hash, which is the same in every build.
fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fingerprint_depends_on_what_values_are_allowed_and_on_nothing_else() {
        let shape = |schema: Value| ResultShape::new("Receipt".into(), schema).fingerprint;
        let schema =
            json!({"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]});
        let worded = json!({"required": ["title"], "title": "Receipt", "description": "Of a refund.",
            "properties": {"title": {"description": "Text.", "type": "string"}}, "type": "object"});
        assert_eq!(shape(schema.clone()), shape(worded));
        let mut number = schema.clone();
        number["properties"]["title"]["type"] = "integer".into();
        assert_ne!(shape(schema.clone()), shape(number));
        let mut other = schema.clone();
        other["properties"] = json!({"description": {"type": "string"}});
        assert_ne!(shape(schema), shape(other), "a property named as a keyword counts");
        // The value is a part of tickets that are stored: it must not change with the library.
        assert_eq!(shape(json!({"type": "string"})), "40d8a03a3c8eab78");
    }

    #[test]
    fn a_long_schema_is_left_out() {
        let shape = ResultShape::new("T".into(), json!({"enum": ["x".repeat(5000)]}));
        assert!(shape.schema.is_none() && shape.fingerprint.len() == 16);
    }
}
