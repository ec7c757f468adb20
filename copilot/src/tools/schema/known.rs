//! The search for names that a type would ignore. Pure.
//!
//! serde ignores unknown names in nested structs. Calls of tools with such arguments are searched for them, in one pass
//! without an allocation.

use std::cell::Cell;
use std::fmt;

use serde::Deserialize as _;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess};
use serde_json::{Map, Value};

use crate::tools::arguments::object::is_closed;
use crate::tools::arguments::validate::resolve;

/// Returns whether JSON has a name, at any depth, that a closed object of the schema does not have.
///
/// The properties of alternatives count as one set. [`is_ambiguous`] finds the schemas for which this is not enough.
pub(crate) fn has_unknown_name(schema: &Value, text: &str) -> bool {
    let found = Cell::new(false);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let walk = Walk { root: schema, part: Some(schema), found: &found };
    // Text that is not JSON is reported by the validation.
    walk.deserialize(&mut deserializer).is_err() || found.get()
}

/// Returns whether a schema has closed objects below its root.
pub(crate) fn has_closed_object(schema: &Value) -> bool {
    let mut rest = Vec::new();
    below(schema, &mut rest);
    while let Some(part) = rest.pop() {
        if part.as_object().is_some_and(is_closed) {
            return true;
        }
        below(part, &mut rest);
    }
    false
}

/// Collects the schemas directly below a schema. The members of a map of schemas have names of the program, which may be
/// those of keywords.
fn below<'s>(schema: &'s Value, parts: &mut Vec<&'s Value>) {
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        match (keyword.as_str(), value) {
            ("properties" | "patternProperties" | "$defs" | "definitions", Value::Object(named)) => {
                parts.extend(named.values());
            }
            (keyword, Value::Array(list)) if !is_data(keyword) => parts.extend(list),
            (keyword, part) if !is_data(keyword) => parts.push(part),
            _ => {}
        }
    }
}

/// Returns whether a schema has alternatives with several closed objects, except those with a variant's name as their
/// only property. Only a validation can find out which names the intended one has.
pub(crate) fn is_ambiguous(root: &Value, part: &Map<String, Value>) -> bool {
    let several = |branches: &[Value]| {
        let objects = branches.iter().filter_map(|branch| resolve(root, branch));
        let objects = objects.filter_map(|branch| branch.get("properties")?.as_object());
        objects.clone().count() > 1 && objects.clone().any(|properties| properties.len() > 1)
    };
    ["anyOf", "oneOf"]
        .iter()
        .filter_map(|keyword| part.get(*keyword)?.as_array())
        .any(|branches| several(branches))
}

/// Keywords whose values are not schemas.
fn is_data(keyword: &str) -> bool {
    matches!(keyword, "enum" | "const" | "default" | "examples" | "required" | "description")
}

/// A part of the schema, beside the value that it describes.
#[derive(Clone, Copy)]
struct Walk<'s> {
    root: &'s Value,
    /// `None` for a value that the schema does not describe.
    part: Option<&'s Value>,
    found: &'s Cell<bool>,
}

impl<'s> Walk<'s> {
    fn below(&self, part: Option<&'s Value>) -> Self {
        Self { part, ..*self }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let nested = |part: &Map<String, Value>| {
            let keywords = [
                "properties",
                "items",
                "prefixItems",
                "additionalProperties",
                "anyOf",
                "oneOf",
                "allOf",
                "$ref",
            ];
            keywords.iter().any(|keyword| part.contains_key(*keyword))
        };
        if self.part.and_then(Value::as_object).is_some_and(nested) {
            deserializer.deserialize_any(self)
        } else {
            IgnoredAny::deserialize(deserializer).map(drop)
        }
    }
}

impl<'de> de::Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let schema = self.part.and_then(|part| resolve(self.root, part));
        while let Some(part) = map.next_key_seed(Name { root: self.root, schema, found: self.found })? {
            map.next_value_seed(self.below(part))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let schema = self.part.and_then(|part| resolve(self.root, part));
        let mut index = 0;
        while items
            .next_element_seed(self.below(schema.and_then(|schema| item(self.root, schema, index))))?
            .is_some()
        {
            index += 1;
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Looks up the schema of a property by its name.
struct Name<'s> {
    root: &'s Value,
    schema: Option<&'s Map<String, Value>>,
    found: &'s Cell<bool>,
}

impl<'de, 's> DeserializeSeed<'de> for Name<'s> {
    type Value = Option<&'s Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<'s> de::Visitor<'_> for Name<'s> {
    type Value = Option<&'s Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let Some(schema) = self.schema else { return Ok(None) };
        let (property, open) = property(self.root, schema, name);
        if property.is_none() && !open {
            self.found.set(true);
        }
        Ok(property)
    }
}

/// Returns the schema of a property, and whether the object may have others.
fn property<'s>(root: &'s Value, schema: &'s Map<String, Value>, name: &str) -> (Option<&'s Value>, bool) {
    let own = schema.get("properties").and_then(|properties| properties.get(name));
    if own.is_some() {
        return (own, true);
    }
    if let Some(additional) = schema.get("additionalProperties").filter(|additional| additional.is_object()) {
        return (Some(additional), true);
    }
    let by_pattern = schema.get("patternProperties").and_then(Value::as_object);
    if let Some((_, property)) = by_pattern.and_then(|properties| properties.iter().next()) {
        return (Some(property), true);
    }
    let mut open = !is_closed(schema);
    let is_object = |schema: &Map<String, Value>| {
        ["properties", "additionalProperties", "anyOf", "oneOf", "allOf"]
            .iter()
            .any(|word| schema.contains_key(*word))
    };
    let branches = ["anyOf", "oneOf", "allOf"].iter().filter_map(|keyword| schema.get(*keyword)?.as_array());
    let branches =
        branches.flatten().filter_map(|branch| resolve(root, branch)).filter(|branch| is_object(branch));
    let mut alternatives = 0;
    let mut any_open = false;
    for branch in branches {
        let (property, branch_open) = property(root, branch, name);
        if property.is_some() {
            return (property, true);
        }
        alternatives += 1;
        any_open |= branch_open;
    }
    if alternatives > 0 && open {
        open = any_open;
    }
    (None, open)
}

fn item<'s>(root: &'s Value, schema: &'s Map<String, Value>, index: usize) -> Option<&'s Value> {
    let first = schema.get("prefixItems").and_then(|items| items.get(index));
    first.or_else(|| schema.get("items")).or_else(|| {
        let branches =
            ["anyOf", "oneOf", "allOf"].iter().filter_map(|keyword| schema.get(*keyword)?.as_array());
        branches
            .flatten()
            .filter_map(|branch| resolve(root, branch))
            .find_map(|branch| item(root, branch, index))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_unknown_where_it_stands() {
        let filter = json!({
            "type": "object",
            "properties": { "max_results": { "type": "integer" }, "next": { "$ref": "#/$defs/Filter" } },
            "additionalProperties": false,
        });
        let schema = json!({
            "type": "object",
            "properties": {
                "city": { "type": "string" },
                "filter": { "$ref": "#/$defs/Filter" },
                "all": { "type": "array", "items": { "$ref": "#/$defs/Filter" } },
                "pair": { "type": "array", "prefixItems": [{ "type": "string" }, { "$ref": "#/$defs/Filter" }] },
                "map": { "type": "object", "additionalProperties": { "$ref": "#/$defs/Filter" } },
                "maybe": { "anyOf": [{ "$ref": "#/$defs/Filter" }, { "type": "null" }] },
                "shape": { "oneOf": [
                    { "type": "object", "properties": { "A": { "$ref": "#/$defs/Filter" } }, "additionalProperties": false },
                    { "type": "object", "properties": { "B": {} }, "additionalProperties": false },
                    { "const": "C" },
                ] },
                "any": {},
                "open": { "type": "object" },
            },
            "additionalProperties": false,
            "$defs": { "Filter": filter },
        });
        for (text, unknown) in [
            (json!({ "city": "x", "filter": { "max_results": 1, "next": { "max_results": 2 } } }), false),
            (json!({ "citty": "x" }), true),
            (json!({ "filter": { "city": 1 } }), true),
            (json!({ "filter": { "next": { "next": { "x": 1 } } } }), true),
            (json!({ "all": [{ "max_results": 1 }, { "x": 1 }] }), true),
            (json!({ "pair": ["a", { "x": 1 }] }), true),
            (json!({ "map": { "x": { "max_results": 1 }, "y": {} } }), false),
            (json!({ "map": { "x": { "y": 1 } } }), true),
            (json!({ "maybe": { "x": 1 } }), true),
            (json!({ "maybe": null, "shape": "C" }), false),
            (json!({ "shape": { "A": { "x": 1 } } }), true),
            (json!({ "shape": { "A": { "max_results": 1 } } }), false),
            (json!({ "shape": { "D": 1 } }), true),
            (json!({ "any": { "x": [{ "y": 1 }] }, "open": { "z": { "y": 1 } } }), false),
            (json!([1, true, 1.5, null]), false),
        ] {
            assert_eq!(has_unknown_name(&schema, &text.to_string()), unknown, "{text}");
        }
        assert!(has_closed_object(&schema));
        assert!(!has_closed_object(&json!({ "type": "object", "additionalProperties": false })));
        let inner = json!({ "type": "object", "properties": { "x": {} }, "additionalProperties": false });
        for name in ["default", "enum", "const", "examples", "required", "description"] {
            assert!(has_closed_object(&json!({ "properties": { name: inner } })), "{name}");
            assert!(has_closed_object(&json!({ "$defs": { name: inner } })), "{name}");
            assert!(!has_closed_object(&json!({ name: inner })), "{name} is data");
        }
        assert!(has_unknown_name(&schema, "{"));
    }
}
