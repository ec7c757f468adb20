//! Descriptions of schemas and values in words, for the report of mistakes. Pure.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::tools::arguments::format;
use crate::tools::arguments::node::Node;

/// Describes a schema in words.
pub(crate) fn expected(schema: &Map<String, Value>) -> String {
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    if let Some(Value::Array(allowed)) = schema.get("enum") {
        return alternatives(allowed.iter().map(Value::to_string));
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(Value::Array(branches)) = schema.get(keyword) {
            return alternatives(branches.iter().filter_map(Value::as_object).map(expected));
        }
    }
    match schema.get("type") {
        Some(Value::String(name)) => expected_type(name, schema),
        Some(Value::Array(names)) => {
            alternatives(names.iter().filter_map(Value::as_str).map(|name| expected_type(name, schema)))
        }
        _ => match implied_type(schema) {
            Some(name) => expected_type(name, schema),
            None => "another value".to_owned(),
        },
    }
}

/// Returns the type that the keywords of a schema without a type apply to.
fn implied_type(schema: &Map<String, Value>) -> Option<&'static str> {
    [
        ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"][..]),
        ("string", &["minLength", "maxLength", "pattern"]),
        ("array", &["items", "prefixItems", "minItems", "maxItems"]),
        ("object", &["properties", "required", "minProperties", "maxProperties"]),
    ]
    .iter()
    .find(|(_, keywords)| keywords.iter().any(|keyword| schema.contains_key(*keyword)))
    .map(|(name, _)| *name)
}

fn expected_type(name: &str, schema: &Map<String, Value>) -> String {
    let noun = match name {
        "integer" => "an integer",
        "number" => "a number",
        "string" => "a string",
        "boolean" => "true or false",
        "array" => "an array",
        "object" => {
            let required = schema.get("required").and_then(Value::as_array).filter(|names| !names.is_empty());
            if let Some(names) = required {
                return format!("an object with {}", listed(names.iter().filter_map(Value::as_str)));
            }
            "an object"
        }
        other => return other.to_owned(),
    };
    let (low, high, unit) = match name {
        "string" => ("minLength", "maxLength", " characters"),
        "array" => ("minItems", "maxItems", " items"),
        "object" => ("minProperties", "maxProperties", " entries"),
        _ => ("minimum", "maximum", ""),
    };
    let with = if unit.is_empty() { "" } else { " of" };
    let range = match (schema.get(low), schema.get(high)) {
        (Some(low), Some(high)) if low == high => format!("{with} {low}{}", counted(unit, low)),
        (Some(low), Some(high)) => {
            format!("{with} {} {low} to {high}{unit}", if unit.is_empty() { "from" } else { "" })
        }
        (Some(low), None) => format!(" of at least {low}{}", counted(unit, low)),
        (None, Some(high)) => format!(" of at most {high}{}", counted(unit, high)),
        (None, None) => String::new(),
    };
    let mut range = range.replace("  ", " ");
    if matches!(name, "integer" | "number") {
        for (keyword, words) in [
            ("exclusiveMinimum", "above"),
            ("exclusiveMaximum", "below"),
            ("multipleOf", "that is a multiple of"),
        ] {
            if let Some(bound) = schema.get(keyword) {
                write!(range, " {words} {bound}").expect("writing to a string cannot fail");
            }
        }
    }
    let format = schema.get("format").and_then(Value::as_str).and_then(format::in_words);
    match (schema.get("pattern").and_then(Value::as_str), format) {
        (Some(pattern), _) if name == "string" => format!("{noun}{range} that matches `{pattern}`"),
        (None, Some(format)) if name == "string" && range.is_empty() => format.to_owned(),
        _ => format!("{noun}{range}"),
    }
}

/// Returns the unit in singular or plural, as in `1 item`.
fn counted(unit: &'static str, count: &Value) -> &'static str {
    match unit {
        " entries" if count == 1 => " entry",
        unit if count == 1 => unit.strip_suffix('s').unwrap_or(unit),
        unit => unit,
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

pub(crate) fn alternatives(forms: impl Iterator<Item = String>) -> String {
    let mut forms: Vec<_> = forms.collect();
    forms.dedup();
    match forms.pop() {
        Some(last) if forms.is_empty() => last,
        Some(last) => format!("{} or {last}", forms.join(", ")),
        None => "nothing".to_owned(),
    }
}

/// Returns a value as JSON, truncated for a message.
pub(crate) fn shortened(value: &Node) -> String {
    cut(value.text())
}

/// Truncates text for a message.
pub(crate) fn cut(text: String) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
