//! What a session asks of the schemas that it sends. Pure.
//!
//! The arguments of a call are held against the portable schema whatever was sent, so that what a profile drops is
//! still enforced.

use serde_json::{Map, Value, json};

/// Which form the schemas of a session's tools take on their way to the model.
///
/// Whatever it is, arguments are checked against all that the types and `#[arg(..)]` say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SchemaProfile {
    /// What every provider understands, losing nothing.
    #[default]
    Portable,
    /// The subset of OpenAI's strict mode: every property is required, one that may be left out takes `null` instead,
    /// no object takes other properties, and keywords that the mode does not know are left out. What the subset
    /// cannot say, such as a map or a tuple, is an error at `start` that names the tool and the place.
    OpenAiStrict,
    /// As schemars describes the types.
    Verbatim,
}

/// Keywords of the strict subset that say something about a value; all others are left out or refused.
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

/// Formats of the strict subset.
const FORMATS: &[&str] =
    &["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// Keywords without which a schema would say something else, and what they say.
const REFUSED: &[(&str, &str)] = &[
    ("not", "anything but something"),
    ("allOf", "several schemas at once"),
    ("if", "a condition"),
    ("patternProperties", "properties named by a pattern"),
    ("dependentRequired", "properties that depend on others"),
    ("dependentSchemas", "properties that depend on others"),
    ("prefixItems", "a tuple, for which a struct with named fields can stand"),
];

/// Makes a portable schema one of the strict subset; the error names the place and what cannot be said there.
pub(crate) fn openai_strict(schema: &Value) -> Result<Value, String> {
    strict(schema, "")
}

fn strict(schema: &Value, place: &str) -> Result<Value, String> {
    let refuse = |what: &str| Err(refusal(place, what));
    let Some(schema) = schema.as_object() else { return refuse("a schema that takes everything or nothing") };
    if let Some((keyword, what)) = REFUSED.iter().find(|(keyword, _)| schema.contains_key(*keyword)) {
        return refuse(&format!("{what} (`{keyword}`)"));
    }
    let mut out: Map<String, Value> = KEPT
        .iter()
        .filter_map(|keyword| schema.get(*keyword).map(|value| ((*keyword).to_owned(), value.clone())))
        .collect();
    if let Some(format) = schema.get("format").filter(|format| FORMATS.iter().any(|known| *format == known)) {
        out.insert("format".to_owned(), format.clone());
    }
    if let Some(reference) = schema.get("$ref") {
        // A reference stands alone.
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
            return refuse("several of `$ref`, `anyOf` and `oneOf` at once");
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
        let Some(items) = schema.get("items") else { return refuse("an array of anything") };
        out.insert("items".to_owned(), strict(items, &format!("{place}[]"))?);
    }
    if let Some(Value::Object(definitions)) = schema.get("$defs") {
        let definitions = definitions.iter().map(|(name, schema)| {
            strict(schema, &format!("$defs.{name}")).map(|schema| (name.clone(), schema))
        });
        out.insert("$defs".to_owned(), definitions.collect::<Result<Map<_, _>, _>>()?.into());
    }
    if ["type", "enum", "const", "anyOf", "$ref"].iter().any(|keyword| out.contains_key(*keyword)) {
        Ok(out.into())
    } else {
        refuse("any value at all")
    }
}

fn refusal(place: &str, what: &str) -> String {
    if place.is_empty() { format!("its root is {what}") } else { format!("`{place}` is {what}") }
}

/// The parts of a schema that are about objects.
fn object(schema: &Map<String, Value>, out: &mut Map<String, Value>, place: &str) -> Result<(), String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let additional = schema.get("additionalProperties").filter(|value| **value != json!(false));
    if additional.is_some() || (properties.is_none() && !schema.contains_key("additionalProperties")) {
        let what = "an object with any names, such as a map; name its properties, or take a list of pairs";
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

/// Adds `null` to what a schema takes, and what it stands for to what it says.
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
    fn what_strict_cannot_say_is_refused_by_place() {
        let of = |schema: Value| {
            let root =
                json!({ "type": "object", "properties": { "list": { "type": "array", "items": schema } } });
            openai_strict(&root).unwrap_err()
        };
        assert_eq!(of(json!({})), "`list[]` is any value at all");
        assert_eq!(
            of(json!({ "type": "object", "additionalProperties": { "type": "string" } })),
            "`list[]` is an object with any names, such as a map; name its properties, or take a list of pairs"
        );
        assert_eq!(
            of(json!({ "type": "array", "prefixItems": [] })),
            "`list[]` is a tuple, for which a struct with named fields can stand (`prefixItems`)"
        );
        assert_eq!(
            of(json!({ "type": "object", "properties": { "a": { "not": {} } } })),
            "`list[].a` is anything but something (`not`)"
        );
    }
}
