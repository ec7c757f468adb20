//! The form of a schema that is sent to a model. Pure.
//!
//! The library keeps formats that JSON Schema does not define, to check values and to report mistakes. Providers reject
//! or ignore them, so words in the description replace them.

use serde_json::{Map, Value};

use crate::tools::arguments::format::{in_words, is_of_number, is_standard};
use crate::tools::arguments::validate::TAKES_NULL;

/// Returns the form of a normalized schema that is sent to a model.
pub(crate) fn wire(schema: &Value) -> Value {
    let mut schema = schema.clone();
    clean(&mut schema);
    schema
}

fn clean(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.get("unevaluatedProperties") == Some(&Value::Bool(false)) {
        object.remove("unevaluatedProperties");
    }
    object.remove(TAKES_NULL);
    format(object);
    for_each_part(object, &mut |_, part| clean(part));
}

fn format(object: &mut Map<String, Value>) {
    let Some(name) = object.get("format").and_then(Value::as_str).map(str::to_owned) else { return };
    if is_standard(&name) {
        return;
    }
    object.remove("format");
    if is_of_number(&name) {
        return;
    }
    let words = in_words(&name).map_or_else(|| format!("`{name}`"), str::to_owned);
    let description = object.get("description").and_then(Value::as_str).unwrap_or_default();
    let text = format!("{description}\nFormat: {words}.");
    object.insert("description".to_owned(), text.trim_start().into());
}

/// Visits the schemas directly below a schema, each with its keyword.
pub(super) fn for_each_part(object: &mut Map<String, Value>, visit: &mut dyn FnMut(&str, &mut Value)) {
    for (keyword, value) in object.iter_mut() {
        match (keyword.as_str(), value) {
            ("properties" | "patternProperties" | "$defs", Value::Object(schemas)) => {
                schemas.values_mut().for_each(|schema| visit(keyword, schema));
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(schemas)) => {
                schemas.iter_mut().for_each(|schema| visit(keyword, schema));
            }
            ("items" | "additionalProperties" | "propertyNames" | "contains" | "not", schema) => {
                visit(keyword, schema);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_replace_formats_that_json_schema_does_not_define() {
        let schema = json!({
            "type": "object",
            "properties": {
                "at": { "type": "string", "format": "partial-date-time", "description": "When." },
                "from": { "type": "array", "items": { "type": "string", "format": "ip" } },
                "share": { "type": "string", "format": "percent" },
                "on": { "type": "string", "format": "date" },
                "size": { "type": "number", "format": "float" },
                "count": { "type": "integer", "format": "uint64", "minimum": 0 },
            },
            "unevaluatedProperties": false,
        });
        assert_eq!(
            wire(&schema),
            json!({
                "type": "object",
                "properties": {
                    "at": {
                        "type": "string",
                        "description": "When.\nFormat: a date and time without a time zone, such as \
                                        \"2026-01-31T10:00:00\".",
                    },
                    "from": { "type": "array", "items": {
                        "type": "string",
                        "description": "Format: an IPv4 or IPv6 address, such as \"192.0.2.1\" or \"2001:db8::1\".",
                    } },
                    "share": { "type": "string", "description": "Format: `percent`." },
                    "on": { "type": "string", "format": "date" },
                    "size": { "type": "number" },
                    "count": { "type": "integer", "minimum": 0 },
                },
            })
        );
    }
}
