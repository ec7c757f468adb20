//! The keywords of JSON schemas that the validation does not check. Pure.

use std::fmt;

use regex_lite::Regex;
use serde_json::{Map, Value};

use crate::tools::arguments::validate::refer;

/// A keyword that the validation does not check, with its place in the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unchecked {
    keyword: String,
    /// A JSON pointer; empty for the root.
    place: String,
    reason: String,
}

impl Unchecked {
    /// Returns whether the keyword is a pattern.
    #[cfg(any(test, feature = "testing", feature = "toolbox"))]
    pub(crate) fn is_pattern(&self) -> bool {
        self.keyword == "pattern" || self.keyword == "patternProperties"
    }
}

impl fmt::Display for Unchecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keyword, place, reason } = self;
        match &**place {
            "" => write!(f, "`{keyword}` at the root {reason}"),
            place => write!(f, "`{keyword}` at `{place}` {reason}"),
        }
    }
}

/// Keywords that restrict values and are not checked. Unknown keywords are notes, as JSON Schema says.
const REFUSED: &[&str] = &[
    "$dynamicRef",
    "$recursiveRef",
    "additionalItems",
    "contains",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "maxContains",
    "minContains",
    "not",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Returns the keywords of a schema that the validation does not check.
pub(crate) fn unchecked(schema: &Value) -> Vec<Unchecked> {
    let mut search = Search { root: schema, place: String::new(), found: Vec::new() };
    search.schema(schema);
    search.found
}

struct Search<'s> {
    root: &'s Value,
    place: String,
    found: Vec<Unchecked>,
}

impl Search<'_> {
    fn schema(&mut self, schema: &Value) {
        let Some(object) = schema.as_object() else {
            if !schema.is_boolean() {
                self.refuse("schema", "is not an object");
            }
            return;
        };
        for (keyword, value) in object {
            self.keyword(keyword, value);
        }
    }

    fn keyword(&mut self, keyword: &str, value: &Value) {
        match (keyword, value) {
            (refused, _) if REFUSED.contains(&refused) => self.refuse(keyword, "is not checked"),
            ("$ref", target) => match refer(self.root, target) {
                Some(_) => {}
                None => self.refuse(
                    keyword,
                    &format!("refers to {target}, and only references within the schema are resolved, as in `#/$defs/a`"),
                ),
            },
            ("pattern", pattern) => self.pattern(keyword, pattern.as_str()),
            ("exclusiveMinimum" | "exclusiveMaximum", Value::Bool(_)) => {
                self.refuse(keyword, "is a boolean, as in draft 4; write the bound as a number");
            }
            ("items", Value::Array(_)) => {
                self.refuse(keyword, "is a list, as in draft 7; write `prefixItems`");
            }
            ("type", types) => self.types(types),
            ("properties" | "patternProperties" | "$defs" | "definitions", Value::Object(schemas)) => {
                self.named(keyword, schemas);
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(schemas)) => {
                for (index, schema) in schemas.iter().enumerate() {
                    self.at(&[keyword, &index.to_string()], schema);
                }
            }
            ("items" | "additionalProperties" | "propertyNames", schema) => self.at(&[keyword], schema),
            _ => {}
        }
    }

    fn named(&mut self, keyword: &str, schemas: &Map<String, Value>) {
        for (name, schema) in schemas {
            if keyword == "patternProperties" {
                self.pattern(keyword, Some(name));
            }
            self.at(&[keyword, &name.replace('~', "~0").replace('/', "~1")], schema);
        }
    }

    fn pattern(&mut self, keyword: &str, pattern: Option<&str>) {
        let Some(pattern) = pattern else { return self.refuse(keyword, "is not text") };
        if let Err(error) = Regex::new(pattern) {
            let reason =
                format!("is `{pattern}`, which cannot be checked: {error}; look-around is not supported");
            self.refuse(keyword, &reason);
        }
    }

    fn types(&mut self, types: &Value) {
        const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
        let all = types.as_array().map_or_else(|| std::slice::from_ref(types), Vec::as_slice);
        for name in all {
            if !TYPES.iter().any(|known| name == known) {
                self.refuse("type", &format!("is {name}, which is not a type of JSON Schema"));
            }
        }
    }

    fn at(&mut self, steps: &[&str], schema: &Value) {
        let length = self.place.len();
        for step in steps {
            self.place.push('/');
            self.place.push_str(step);
        }
        self.schema(schema);
        self.place.truncate(length);
    }

    fn refuse(&mut self, keyword: &str, reason: &str) {
        self.found.push(Unchecked {
            keyword: keyword.to_owned(),
            place: self.place.clone(),
            reason: reason.to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_keyword_that_is_not_checked_is_named_with_its_place() {
        for (part, expected) in [
            (
                json!({ "pattern": "^(?=a)" }),
                "`pattern` at `/properties/a` is `^(?=a)`, which cannot be checked: ",
            ),
            (
                json!({ "pattern": "(?<!a)b" }),
                "`pattern` at `/properties/a` is `(?<!a)b`, which cannot be checked: ",
            ),
            (json!({ "if": {}, "then": {} }), "`if` at `/properties/a` is not checked"),
            (json!({ "else": {} }), "`else` at `/properties/a` is not checked"),
            (
                json!({ "items": [{}, {}] }),
                "`items` at `/properties/a` is a list, as in draft 7; write `prefixItems`",
            ),
            (json!({ "additionalItems": false }), "`additionalItems` at `/properties/a` is not checked"),
            (
                json!({ "$ref": "https://example.com/a.json" }),
                "`$ref` at `/properties/a` refers to \"https://example.com/a.json\", and only references within the \
                 schema are resolved, as in `#/$defs/a`",
            ),
            (json!({ "$ref": "#/$defs/absent" }), "`$ref` at `/properties/a` refers to \"#/$defs/absent\""),
            (json!({ "$dynamicRef": "#a" }), "`$dynamicRef` at `/properties/a` is not checked"),
            (json!({ "not": {} }), "`not` at `/properties/a` is not checked"),
            (json!({ "items": { "contains": {} } }), "`contains` at `/properties/a/items` is not checked"),
            (
                json!({ "anyOf": [{}, { "minContains": 1 }] }),
                "`minContains` at `/properties/a/anyOf/1` is not",
            ),
            (json!({ "dependentRequired": {} }), "`dependentRequired` at `/properties/a` is not checked"),
            (json!({ "dependencies": {} }), "`dependencies` at `/properties/a` is not checked"),
            (
                json!({ "unevaluatedProperties": false }),
                "`unevaluatedProperties` at `/properties/a` is not checked",
            ),
            (
                json!({ "exclusiveMinimum": true }),
                "`exclusiveMinimum` at `/properties/a` is a boolean, as in draft 4",
            ),
            (
                json!({ "patternProperties": { "(?!a)": {} } }),
                "`patternProperties` at `/properties/a` is `(?!a)`",
            ),
            (
                json!({ "properties": { "x/y": { "if": {} } } }),
                "`if` at `/properties/a/properties/x~1y` is not",
            ),
            (
                json!({ "type": ["int"] }),
                "`type` at `/properties/a` is \"int\", which is not a type of JSON Schema",
            ),
            (json!({ "allOf": [3] }), "`schema` at `/properties/a/allOf/0` is not an object"),
        ] {
            let found = unchecked(&json!({ "type": "object", "properties": { "a": part } }));
            let first = found.first().map(ToString::to_string).unwrap_or_default();
            assert!(first.starts_with(expected), "{part}: {first}");
        }
        let definition = unchecked(&json!({ "type": "object", "$defs": { "A": { "not": {} } }, "if": {} }));
        let texts: Vec<String> = definition.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["`not` at `/$defs/A` is not checked", "`if` at the root is not checked"]);
    }

    #[test]
    fn keywords_that_are_checked_or_are_notes_are_accepted() {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#", "$id": "https://example.com/a", "title": "A",
            "type": "object", "description": "If not.", "minProperties": 1, "maxProperties": 9,
            "properties": {
                "if": { "type": "string", "pattern": "^[a-z]+$", "minLength": 1, "maxLength": 5, "format": "email" },
                "not": { "$ref": "#/definitions/Item", "description": "An item." },
                "then": { "enum": ["if", { "not": 1 }], "default": { "if": 1 }, "examples": [{ "not": 1 }] },
                "list": { "type": "array", "items": true, "minItems": 1, "maxItems": 2, "uniqueItems": true },
                "pair": { "prefixItems": [{}, { "const": { "if": 1 } }], "items": false },
                "map": { "patternProperties": { "^a": {} }, "propertyNames": { "maxLength": 3 } },
                "any": { "oneOf": [{ "type": ["integer", "null"] }, { "allOf": [{ "multipleOf": 2 }] }] },
                "x": { "nullable": true, "x-order": 1, "deprecated": true, "readOnly": true, "$comment": "c" },
            },
            "required": ["if"], "additionalProperties": { "type": "number", "minimum": 1, "exclusiveMaximum": 3 },
            "definitions": { "Item": { "anyOf": [{ "$ref": "#" }, {}] } },
        });
        assert_eq!(unchecked(&schema), []);
    }
}
