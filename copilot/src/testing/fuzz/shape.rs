//! Flattens a schema to alternatives without references and combinations. Pure.

use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::tools::checked::refer;

/// A schema without `$ref`, `allOf`, `anyOf` and `oneOf` at its root.
pub(super) type Flat = Map<String, Value>;

/// The limit of references from one value, which ends schemas that refer only to themselves.
const MAX_REFERENCES: usize = 8;

/// The limit of alternatives of one value.
const MAX_ALTERNATIVES: usize = 256;

/// The height of a value that does not end.
const ENDLESS: usize = 1_000;

/// The keywords that combine schemas.
const COMBINATIONS: [&str; 6] = ["$ref", "allOf", "anyOf", "oneOf", "$defs", "definitions"];

/// Reads the schemas of one root.
pub(super) struct Shapes<'s> {
    root: &'s Value,
    /// The heights of references, by the number of further references that were allowed.
    heights: RefCell<HashMap<(String, usize), usize>>,
}

impl<'s> Shapes<'s> {
    pub(super) fn new(root: &'s Value) -> Self {
        Self { root, heights: RefCell::default() }
    }

    /// Returns the alternatives of a schema; none for a schema that no value fits.
    pub(super) fn alternatives(&self, schema: &Value) -> Vec<Flat> {
        self.flatten(schema, MAX_REFERENCES)
    }

    fn flatten(&self, schema: &Value, references: usize) -> Vec<Flat> {
        let Some(object) = schema.as_object() else {
            return if *schema == Value::Bool(false) { Vec::new() } else { vec![Flat::new()] };
        };
        let mut own = object.clone();
        own.retain(|keyword, _| !COMBINATIONS.contains(&keyword.as_str()));
        let mut all = vec![own];
        if let Some(target) = object.get("$ref") {
            let target = refer(self.root, target).filter(|_| references > 0);
            all = product(&all, &target.map_or_else(Vec::new, |target| self.flatten(target, references - 1)));
        }
        for branch in object.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            all = product(&all, &self.flatten(branch, references));
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(branches) = object.get(keyword).and_then(Value::as_array) {
                let branches: Vec<Flat> =
                    branches.iter().flat_map(|branch| self.flatten(branch, references)).collect();
                all = product(&all, &branches);
            }
        }
        all
    }

    /// Returns the least number of levels below a value of an alternative.
    pub(super) fn height_of(&self, flat: &Flat) -> usize {
        self.own_height(flat, MAX_REFERENCES)
    }

    fn height(&self, schema: &Value, references: usize) -> usize {
        let Some(object) = schema.as_object() else { return 0 };
        let mut height = self.own_height(object, references);
        if let Some(target) = object.get("$ref") {
            height = height.max(self.height_of_reference(target, references));
        }
        for branch in object.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            height = height.max(self.height(branch, references));
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(branches) = object.get(keyword).and_then(Value::as_array) {
                let least = branches.iter().map(|branch| self.height(branch, references)).min();
                height = height.max(least.unwrap_or(ENDLESS));
            }
        }
        height
    }

    fn height_of_reference(&self, target: &Value, references: usize) -> usize {
        let Some(schema) = refer(self.root, target).filter(|_| references > 0) else { return ENDLESS };
        let key = (target.to_string(), references);
        if let Some(known) = self.heights.borrow().get(&key) {
            return *known;
        }
        let height = self.height(schema, references - 1);
        self.heights.borrow_mut().insert(key, height);
        height
    }

    /// The height that the required parts of a value need.
    fn own_height(&self, object: &Flat, references: usize) -> usize {
        if object.contains_key("enum") || object.contains_key("const") {
            return 0;
        }
        let names = object.get("required").and_then(Value::as_array).into_iter().flatten();
        let required = names.filter_map(|name| object.get("properties")?.get(name.as_str()?));
        let has_items = object.get("minItems").and_then(Value::as_u64).is_some_and(|least| least > 0);
        let first = object.get("prefixItems").and_then(Value::as_array).into_iter().flatten();
        let items = object.get("items").into_iter().chain(first).filter(|_| has_items);
        required.chain(items).map(|part| self.height(part, references) + 1).max().unwrap_or(0)
    }
}

/// Returns each alternative of one list combined with each of another one.
fn product(left: &[Flat], right: &[Flat]) -> Vec<Flat> {
    let mut all = Vec::new();
    for left in left {
        for right in right {
            if all.len() == MAX_ALTERNATIVES {
                return all;
            }
            all.extend(merged(left, right));
        }
    }
    all
}

/// Combines two schemas that both apply to a value; `None` if no value fits both types or constants. Other contradictions
/// remain.
fn merged(left: &Flat, right: &Flat) -> Option<Flat> {
    let mut both = left.clone();
    for (keyword, new) in right {
        let Some(old) = both.get(keyword) else {
            both.insert(keyword.clone(), new.clone());
            continue;
        };
        let value = match keyword.as_str() {
            "properties" | "patternProperties" => properties(old, new),
            "required" => union(old, new),
            "type" => types(old, new)?,
            "enum" => intersection(old, new)?,
            "const" if old != new => return None,
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" => {
                if old.as_f64() >= new.as_f64() { old.clone() } else { new.clone() }
            }
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" => {
                if old.as_f64() <= new.as_f64() { old.clone() } else { new.clone() }
            }
            "additionalProperties" | "items" => json!({ "allOf": [old, new] }),
            _ => old.clone(),
        };
        both.insert(keyword.clone(), value);
    }
    Some(both)
}

fn properties(old: &Value, new: &Value) -> Value {
    let mut all = old.as_object().cloned().unwrap_or_default();
    for (name, schema) in new.as_object().into_iter().flatten() {
        let schema = match all.get(name) {
            Some(other) if other != schema => json!({ "allOf": [other, schema] }),
            _ => schema.clone(),
        };
        all.insert(name.clone(), schema);
    }
    all.into()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

fn union(old: &Value, new: &Value) -> Value {
    let mut all = list(old);
    all.extend(list(new).into_iter().filter(|name| !list(old).contains(name)));
    all.into()
}

fn intersection(old: &Value, new: &Value) -> Option<Value> {
    let new = list(new);
    let both: Vec<Value> = list(old).into_iter().filter(|value| new.contains(value)).collect();
    (!both.is_empty()).then(|| both.into())
}

fn types(old: &Value, new: &Value) -> Option<Value> {
    let narrowed = |wide: &Value, narrow: &Value| {
        list(narrow).contains(&json!("integer")) && list(wide).contains(&json!("number"))
    };
    if narrowed(old, new) || narrowed(new, old) {
        return Some(json!("integer"));
    }
    intersection(old, new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_become_alternatives() {
        let root = json!({
            "$defs": { "n": { "type": "integer", "minimum": 1 } },
            "allOf": [{ "$ref": "#/$defs/n" }, { "minimum": 3, "maximum": 9 }],
            "anyOf": [{ "type": "number", "title": "a" }, { "type": "string" }, { "const": 4 }],
        });
        let all = Shapes::new(&root).alternatives(&root);
        let expected = [
            json!({ "type": "integer", "minimum": 3, "maximum": 9, "title": "a" }),
            json!({ "type": "integer", "minimum": 3, "maximum": 9, "const": 4 }),
        ];
        assert_eq!(Value::from_iter(all), json!(expected));
    }

    #[test]
    fn schemas_that_refer_to_themselves_end() {
        let root = json!({ "$ref": "#" });
        assert!(Shapes::new(&root).alternatives(&root).is_empty());
        let root = json!({ "anyOf": [{ "$ref": "#" }, { "type": "null" }] });
        assert!(!Shapes::new(&root).alternatives(&root).is_empty());
    }

    #[test]
    fn the_height_is_that_of_the_required_parts() {
        let root = json!({
            "$defs": { "sum": { "oneOf": [
                { "type": "object", "properties": { "l": { "$ref": "#/$defs/sum" } }, "required": ["l"] },
                { "type": "array", "items": { "type": "integer" }, "minItems": 1 },
                { "type": "integer" },
            ] } },
            "$ref": "#/$defs/sum",
        });
        let shapes = Shapes::new(&root);
        let heights: Vec<usize> =
            shapes.alternatives(&root).iter().map(|flat| shapes.height_of(flat)).collect();
        assert_eq!(heights, [1, 1, 0]);
    }
}
