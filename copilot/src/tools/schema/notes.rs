//! Notes on schema keywords that some providers ignore or reject, for the tool report. Pure.
//!
//! A note is not an error: arguments are validated against the whole schema in any case.

use std::fmt;

use serde_json::Value;

/// A keyword that some providers ignore or reject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Note {
    /// A stable code such as `N01`.
    pub(crate) code: &'static str,
    /// The path in the arguments.
    pub(crate) path: String,
    /// The construct and its effect.
    pub(crate) text: &'static str,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at `{}`: {}", self.code, self.path, self.text)
    }
}

/// Groups of keywords with the code and the text of their note.
const KEYWORDS: &[(&[&str], &str, &str)] = &[
    (
        &["$ref"],
        "N01",
        "a reference, which some providers do not resolve; they treat the argument as any value",
    ),
    (&["oneOf", "anyOf"], "N02", "alternatives, which some providers read as a hint only"),
    (&["pattern", "format"], "N03", "a pattern or format of text, which many providers do not enforce"),
    (
        &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
        "N04",
        "a bound of a number, which many providers do not enforce",
    ),
    (
        &["minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"],
        "N05",
        "a bound of a length, which many providers do not enforce",
    ),
    (&["prefixItems"], "N06", "a tuple, which some providers treat as a list of any items"),
    (&["patternProperties"], "N07", "property names by pattern, which some providers reject"),
];

/// Returns the notes on a schema, once per code and path.
pub(crate) fn notes(schema: &Value) -> Vec<Note> {
    let mut found = Vec::new();
    // The root of every tool is an object without other properties.
    collect(schema, "", &mut found);
    found.sort();
    found.dedup();
    found
}

fn collect(schema: &Value, path: &str, found: &mut Vec<Note>) {
    let Some(object) = schema.as_object() else { return };
    let mut note = |code, text| found.push(Note { code, path: path.to_owned(), text });
    for (keywords, code, text) in KEYWORDS {
        if keywords.iter().any(|keyword| object.contains_key(*keyword)) {
            note(*code, *text);
        }
    }
    if object.get("additionalProperties").is_some_and(Value::is_object) {
        note("N08", "a map, which strict providers reject");
    }
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for (name, property) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
        collect(property, &below(name), found);
    }
    for (name, definition) in object.get("$defs").and_then(Value::as_object).into_iter().flatten() {
        collect(definition, &below(name), found);
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(inner) = object.get(keyword) {
            collect(inner, &format!("{path}[]"), found);
        }
    }
    for keyword in ["oneOf", "anyOf", "allOf", "prefixItems"] {
        for inner in object.get(keyword).and_then(Value::as_array).into_iter().flatten() {
            collect(inner, path, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_note_names_its_path_once() {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "pattern": "^a", "maxLength": 5},
                "days": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 14}},
                "by_name": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Node"}},
                "plain": {"type": "boolean"},
            },
            "$defs": {"Node": {"oneOf": [{"type": "null"}, {"type": "string", "format": "uuid"}]}},
            "required": [],
            "additionalProperties": false,
        });
        let found: Vec<String> =
            notes(&schema).iter().map(|note| format!("{} {}", note.code, note.path)).collect();
        assert_eq!(
            found,
            ["N01 by_name[]", "N02 Node", "N03 Node", "N03 name", "N04 days[]", "N05 name", "N08 by_name"]
        );
        assert!(notes(&json!({"type": "object", "properties": {}})).is_empty());
    }
}
