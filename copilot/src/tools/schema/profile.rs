//! The schema profiles of a session. Pure.
//!
//! Arguments are always validated against the portable schema, so keywords that a profile removes are still enforced.

use serde_json::{Map, Value, json};

use crate::sorted;

/// The form in which the schemas of a session's tools are sent.
///
/// The profile does not affect the validation of arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SchemaProfile {
    /// The form that every provider supports, without loss of information.
    #[default]
    Portable,
    /// The subset of OpenAI's strict mode. Every property is required, optional ones accept `null`, objects have no
    /// other properties, and keywords outside the subset are removed. Types outside the subset, such as maps and
    /// tuples, are an error at `start` that names the tool and the path.
    OpenAiStrict,
    /// The output of schemars, unchanged.
    Verbatim,
}

/// The keywords of the strict subset that are copied. All others are converted, removed or rejected.
const KEPT: &[&str] = &[
    "type",
    "description",
    "enum",
    "const",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
];

/// The formats of the strict subset.
const FORMATS: &[&str] =
    &["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// Keywords that cannot be removed without a change of meaning, with a description for the error.
const REFUSED: &[(&str, &str)] = &[
    ("not", "a negation"),
    ("allOf", "an intersection of schemas"),
    ("if", "a condition"),
    ("patternProperties", "properties named by a pattern"),
    ("dependentRequired", "properties that depend on others"),
    ("dependentSchemas", "properties that depend on others"),
    ("prefixItems", "a tuple instead of a struct with named fields"),
];

/// Converts a portable schema to the strict subset. The error names the path and the unsupported construct.
pub(crate) fn openai_strict(schema: &Value) -> Result<Value, String> {
    strict(schema, "")
}

fn strict(schema: &Value, place: &str) -> Result<Value, String> {
    let refuse = |what: &str| Err(refusal(place, what));
    let Some(schema) = schema.as_object() else { return refuse("a boolean schema") };
    if let Some((keyword, what)) = REFUSED.iter().find(|(keyword, _)| schema.contains_key(*keyword)) {
        return refuse(&format!("{what} (`{keyword}`)"));
    }
    let kept = |keyword: &&str| Some(((*keyword).to_owned(), schema.get(*keyword)?.clone()));
    let mut out = sorted::object(KEPT.iter().filter_map(kept));
    if let Some(format) = schema.get("format").filter(|format| FORMATS.iter().any(|known| *format == known)) {
        out.insert("format".to_owned(), format.clone());
    }
    if let Some(reference) = schema.get("$ref") {
        // The subset allows no other keywords beside a reference.
        let reference = json!({ "$ref": reference });
        if out.is_empty() {
            return Ok(reference);
        }
        out.insert("anyOf".to_owned(), json!([reference]));
    }
    for keyword in ["anyOf", "oneOf"] {
        let Some(Value::Array(branches)) = schema.get(keyword) else { continue };
        let branches: Vec<Value> =
            branches.iter().map(|branch| strict(branch, place)).collect::<Result<_, _>>()?;
        if out.insert("anyOf".to_owned(), branches.into()).is_some() {
            return refuse("a combination of `$ref`, `anyOf` and `oneOf`");
        }
    }
    let says = |name: &str| {
        let types = schema.get("type");
        types.is_some_and(|types| {
            types == name || types.as_array().is_some_and(|types| types.iter().any(|each| each == name))
        })
    };
    if says("object") {
        object(schema, &mut out, place)?;
    }
    if says("array") {
        let Some(items) = schema.get("items") else { return refuse("an array without a type of items") };
        out.insert("items".to_owned(), strict(items, &format!("{place}[]"))?);
    }
    if let Some(Value::Object(definitions)) = schema.get("$defs") {
        let mut strictly = Map::new();
        for (name, schema) in definitions {
            strictly.insert(name.clone(), strict(schema, &format!("$defs.{name}"))?);
        }
        out.insert("$defs".to_owned(), strictly.into());
    }
    if ["type", "enum", "const", "anyOf", "$ref"].iter().any(|keyword| out.contains_key(*keyword)) {
        Ok(out.into())
    } else {
        refuse("a value of any type")
    }
}

fn refusal(place: &str, what: &str) -> String {
    if place.is_empty() { format!("its root is {what}") } else { format!("`{place}` is {what}") }
}

/// Converts the keywords of objects.
fn object(schema: &Map<String, Value>, out: &mut Map<String, Value>, place: &str) -> Result<(), String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let additional = schema.get("additionalProperties").filter(|value| **value != json!(false));
    if additional.is_some() || (properties.is_none() && !schema.contains_key("additionalProperties")) {
        let what = "a map; use a struct with named fields or a list of pairs";
        return Err(refusal(place, what));
    }
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|each| each == name));
    let mut all = Map::new();
    for (name, property) in properties.into_iter().flatten() {
        let inner = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
        let mut strict = strict(property, &inner)?;
        if !is_required(name) {
            nullable(&mut strict, property.get("default"));
        }
        all.insert(name.clone(), strict);
    }
    out.insert("required".to_owned(), all.keys().cloned().collect());
    out.insert("properties".to_owned(), all.into());
    out.insert("additionalProperties".to_owned(), json!(false));
    Ok(())
}

/// Makes a schema accept `null`, and adds the default to its description.
fn nullable(schema: &mut Value, default: Option<&Value>) {
    let Some(object) = schema.as_object_mut() else { return };
    let old = object.remove("description");
    let old = old.as_ref().and_then(Value::as_str).unwrap_or_default();
    let description = match default {
        Some(default) => format!("{old}\n`null` stands for {default}.").trim_start().to_owned(),
        None => old.to_owned(),
    };
    let nothing = json!({ "type": "null" });
    let scalar = object.get("type").and_then(Value::as_str).map(str::to_owned);
    let scalar = scalar.filter(|name| name != "object" && name != "array" && !object.contains_key("const"));
    match (scalar, object.get_mut("anyOf")) {
        (Some(name), None) => {
            object.insert("type".to_owned(), json!([name, "null"]));
            if let Some(Value::Array(values)) = object.get_mut("enum")
                && !values.contains(&Value::Null)
            {
                values.push(Value::Null);
            }
        }
        (None, Some(Value::Array(branches))) => {
            if !branches.contains(&nothing) {
                branches.push(nothing);
            }
        }
        _ => *schema = json!({ "anyOf": [schema.take(), nothing] }),
    }
    if let (false, Some(object)) = (description.is_empty(), schema.as_object_mut()) {
        object.insert("description".to_owned(), description.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_is_required_and_optional_ones_take_null() {
        let portable = json!({
            "type": "object",
            "properties": {
                "city": { "type": "string", "minLength": 1, "description": "City." },
                "days": { "type": "integer", "minimum": 1, "default": 3, "description": "How many." },
                "unit": { "type": "string", "enum": ["c", "f"], "format": "odd" },
                "tree": { "$ref": "#/$defs/Tree", "description": "A tree." },
                "stops": { "type": "array", "items": { "type": "object", "properties": { "at": { "type": "string" } } } },
                "shape": { "oneOf": [{ "type": "string", "const": "round" }] },
            },
            "required": ["city"],
            "additionalProperties": false,
            "$defs": { "Tree": { "type": "object", "properties": { "next": { "$ref": "#/$defs/Tree" } }, "required": ["next"] } },
        });
        let strict = openai_strict(&portable).unwrap();
        assert_eq!(
            strict,
            json!({
                "type": "object",
                "properties": {
                    "city": { "type": "string", "description": "City." },
                    "days": { "type": ["integer", "null"], "minimum": 1, "description": "How many.\n`null` stands for 3." },
                    "unit": { "type": ["string", "null"], "enum": ["c", "f", null] },
                    "tree": { "anyOf": [{ "$ref": "#/$defs/Tree" }, { "type": "null" }], "description": "A tree." },
                    "stops": { "anyOf": [
                        { "type": "array", "items": {
                            "type": "object",
                            "properties": { "at": { "type": ["string", "null"] } },
                            "required": ["at"],
                            "additionalProperties": false,
                        } },
                        { "type": "null" },
                    ] },
                    "shape": { "anyOf": [{ "type": "string", "const": "round" }, { "type": "null" }] },
                },
                "required": ["city", "days", "shape", "stops", "tree", "unit"],
                "additionalProperties": false,
                "$defs": { "Tree": {
                    "type": "object",
                    "properties": { "next": { "$ref": "#/$defs/Tree" } },
                    "required": ["next"],
                    "additionalProperties": false,
                } },
            })
        );
    }

    #[test]
    fn unsupported_constructs_are_rejected_with_their_path() {
        let of = |schema: Value| {
            let root =
                json!({ "type": "object", "properties": { "list": { "type": "array", "items": schema } } });
            openai_strict(&root).unwrap_err()
        };
        assert_eq!(of(json!({})), "`list[]` is a value of any type");
        assert_eq!(
            of(json!({ "type": "object", "additionalProperties": { "type": "string" } })),
            "`list[]` is a map; use a struct with named fields or a list of pairs"
        );
        assert_eq!(
            of(json!({ "type": "array", "prefixItems": [] })),
            "`list[]` is a tuple instead of a struct with named fields (`prefixItems`)"
        );
        assert_eq!(
            of(json!({ "type": "object", "properties": { "a": { "not": {} } } })),
            "`list[].a` is a negation (`not`)"
        );
    }
}
