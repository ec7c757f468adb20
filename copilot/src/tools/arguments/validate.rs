//! Validates arguments against a schema and corrects safe mistakes.
//!
//! The slow path of a call: it runs when deserialization has failed, or when the schema is stricter than the types. It
//! reports every problem. Pure.

use std::collections::HashMap;

use regex_lite::Regex;
use serde_json::{Map, Value};

use crate::tools::arguments::coerce::{coerce, fits, is_multiple};
use crate::tools::arguments::expected::{alternatives, expected, shortened};
use crate::tools::arguments::report::{Problem, ProblemKind};
use crate::tools::arguments::suggest::suggest;

/// A schema to validate values against, with the settings.
pub(crate) struct Validator<'s> {
    pub(crate) schema: &'s Value,
    /// Whether safe mistakes are corrected.
    pub(crate) coerce: bool,
    /// The compiled patterns of the schema. Patterns that are not in the map are not checked.
    pub(crate) patterns: &'s HashMap<String, Regex>,
}

impl Validator<'_> {
    /// Validates `value` and corrects it in place. Returns whether it was corrected; the error lists all problems.
    pub(crate) fn check(&self, value: &mut Value) -> Result<bool, Vec<Problem>> {
        self.check_against(self.schema, value)
    }

    /// As [`check`](Self::check), against a part of the schema.
    pub(crate) fn check_against(&self, part: &Value, value: &mut Value) -> Result<bool, Vec<Problem>> {
        let mut validation = Validation {
            validator: self,
            path: String::new(),
            problems: Vec::new(),
            corrected: false,
            depth: 0,
        };
        validation.value(part, value);
        if validation.problems.is_empty() { Ok(validation.corrected) } else { Err(validation.problems) }
    }
}

/// Compiles the patterns of a schema. Patterns that `regex_lite` does not support are omitted.
pub(crate) fn patterns(schema: &Value) -> HashMap<String, Regex> {
    let mut found = HashMap::new();
    let mut rest = vec![schema];
    while let Some(value) = rest.pop() {
        match value {
            Value::Object(object) => {
                if let Some(pattern) = object.get("pattern").and_then(Value::as_str)
                    && let Ok(regex) = Regex::new(pattern)
                {
                    found.insert(pattern.to_owned(), regex);
                }
                rest.extend(object.values());
            }
            Value::Array(items) => rest.extend(items),
            _ => {}
        }
    }
    found
}

struct Validation<'s> {
    validator: &'s Validator<'s>,
    path: String,
    problems: Vec<Problem>,
    corrected: bool,
    depth: usize,
}

/// The limit of recursion. Recursive types end with the value; this ends schemas that refer only to themselves.
const MAX_DEPTH: usize = 128;

impl<'s> Validation<'s> {
    fn value(&mut self, schema: &'s Value, value: &mut Value) {
        let Some(schema) = self.resolve(schema) else { return };
        if self.depth >= MAX_DEPTH {
            return;
        }
        self.depth += 1;
        self.schema(schema, value);
        self.depth -= 1;
    }

    fn schema(&mut self, schema: &'s Map<String, Value>, value: &mut Value) {
        if let Some(expected) = schema.get("const")
            && value != expected
        {
            return self.wrong(expected.to_string(), value);
        }
        if let Some(Value::Array(allowed)) = schema.get("enum")
            && allowed.contains(value)
        {
            return;
        }
        if let Some(types) = schema.get("type") {
            let allowed = |name: &str| {
                types == name || types.as_array().is_some_and(|all| all.iter().any(|t| t == name))
            };
            if !fits(&allowed, value) {
                if !self.validator.coerce || !coerce(&allowed, value) {
                    return self.wrong(expected(schema), value);
                }
                self.corrected = true;
            }
        }
        if let Some(Value::Array(allowed)) = schema.get("enum") {
            return self.one_of(allowed, value);
        }
        match value {
            Value::Object(object) => self.object(schema, object),
            Value::Array(items) => self.array(schema, items),
            Value::String(_) | Value::Number(_) => self.bounds(schema, value),
            Value::Null | Value::Bool(_) => {}
        }
        for branch in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.value(branch, value);
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(Value::Array(branches)) = schema.get(keyword) {
                self.branches(branches, value);
            }
        }
    }

    fn object(&mut self, schema: &'s Map<String, Value>, object: &mut Map<String, Value>) {
        let empty = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object);
        let additional = schema.get("additionalProperties");
        let known = properties.unwrap_or(&empty);
        self.drop_nulls(schema, object);
        let mut unknown = Vec::new();
        for (name, value) in object.iter_mut() {
            if let Some(property) = properties.and_then(|properties| properties.get(name)) {
                self.at(name, |validation| validation.value(property, value));
            } else if additional == Some(&Value::Bool(false)) {
                unknown.push(name.clone());
            } else if let Some(additional) = additional {
                self.at(name, |validation| validation.value(additional, value));
            }
        }
        let length = object.len() as u64;
        let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_u64);
        if bound("minProperties").is_some_and(|min| length < min)
            || bound("maxProperties").is_some_and(|max| length > max)
        {
            self.problem(ProblemKind::Invalid {
                expected: expected(schema),
                got: format!("{length} entries"),
            });
        }
        let absent = |name: &str| !object.contains_key(name);
        for name in unknown {
            // A property that is present is not a candidate.
            let candidates = known.keys().map(String::as_str).filter(|known| absent(known));
            let suggestion = suggest(&name, candidates).map(str::to_owned);
            let known = known.keys().cloned().collect();
            self.at(&name, |validation| validation.problem(ProblemKind::UnknownName { suggestion, known }));
        }
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let Some(name) = name.as_str().filter(|name| absent(name)) else { continue };
            let property = known.get(name).and_then(|property| self.resolve(property));
            let expected = property.map_or_else(|| "a value".to_owned(), expected);
            let description =
                property.and_then(|property| property.get("description")).and_then(Value::as_str);
            let description = description.unwrap_or_default().to_owned();
            self.at(name, |validation| validation.problem(ProblemKind::Missing { expected, description }));
        }
    }

    /// Removes `null` values of optional properties that do not accept `null`. Models send them, and the strict profile
    /// requires it.
    fn drop_nulls(&mut self, schema: &'s Map<String, Value>, object: &mut Map<String, Value>) {
        let Some(known) = schema.get("properties").and_then(Value::as_object) else { return };
        let required = schema.get("required").and_then(Value::as_array);
        let length = object.len();
        object.retain(|name, value| {
            let required = || required.is_some_and(|names| names.iter().any(|each| each == name));
            let Some(property) = known.get(name).filter(|_| value.is_null() && !required()) else {
                return true;
            };
            self.try_branch(property, value).1.is_empty()
        });
        self.corrected |= object.len() != length;
    }

    fn array(&mut self, schema: &'s Map<String, Value>, items: &mut [Value]) {
        let first = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let rest = schema.get("items");
        let length = items.len() as u64;
        let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_u64);
        if bound("minItems").is_some_and(|min| length < min)
            || bound("maxItems").is_some_and(|max| length > max)
        {
            self.problem(ProblemKind::Invalid { expected: expected(schema), got: format!("{length} items") });
        }
        for (index, item) in items.iter_mut().enumerate() {
            if let Some(schema) = first.get(index).or(rest) {
                self.index(index, |validation| validation.value(schema, item));
            }
        }
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
            let twice = (1..items.len()).find(|&index| items[..index].contains(&items[index]));
            if let Some(index) = twice {
                let expected = "each item once".to_owned();
                self.problem(ProblemKind::Invalid {
                    expected,
                    got: format!("{} twice", shortened(&items[index])),
                });
            }
        }
    }

    fn bounds(&mut self, schema: &'s Map<String, Value>, value: &Value) {
        let within = match value {
            Value::Number(number) => {
                let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
                let number = number.as_f64().unwrap_or(f64::NAN);
                bound("minimum").is_none_or(|min| number >= min)
                    && bound("maximum").is_none_or(|max| number <= max)
                    && bound("exclusiveMinimum").is_none_or(|min| number > min)
                    && bound("exclusiveMaximum").is_none_or(|max| number < max)
                    && bound("multipleOf").is_none_or(|step| is_multiple(number, step))
            }
            Value::String(text) => {
                let length = text.chars().count() as u64;
                let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_u64);
                bound("minLength").is_none_or(|min| length >= min)
                    && bound("maxLength").is_none_or(|max| length <= max)
                    && self.matches(schema, text)
            }
            _ => true,
        };
        if !within {
            self.wrong(expected(schema), value);
        }
    }

    fn matches(&self, schema: &Map<String, Value>, text: &str) -> bool {
        let pattern = schema.get("pattern").and_then(Value::as_str);
        pattern
            .and_then(|pattern| self.validator.patterns.get(pattern))
            .is_none_or(|regex| regex.is_match(text))
    }

    fn one_of(&mut self, allowed: &[Value], value: &mut Value) {
        if allowed.contains(value) {
            return;
        }
        // Corrects the case if exactly one value matches.
        if let (Value::String(text), true) = (&*value, self.validator.coerce) {
            let mut same =
                allowed.iter().filter(|v| v.as_str().is_some_and(|v| v.eq_ignore_ascii_case(text)));
            if let (Some(only), None) = (same.next(), same.next()) {
                *value = only.clone();
                self.corrected = true;
                return;
            }
        }
        self.wrong(alternatives(allowed.iter().map(Value::to_string)), value);
    }

    /// Validates against alternatives: the first that accepts the value, preferably without a correction. If none does,
    /// reports the problems of the intended alternative.
    fn branches(&mut self, branches: &'s [Value], value: &mut Value) {
        let mut tries: Vec<_> = branches
            .iter()
            .map(|branch| {
                let (copy, problems) = self.try_branch(branch, value);
                (branch, copy, problems)
            })
            .collect();
        let fits = tries
            .iter()
            .position(|(_, copy, problems)| problems.is_empty() && copy == value)
            .or_else(|| tries.iter().position(|(_, _, problems)| problems.is_empty()));
        if let Some(index) = fits {
            let copy = tries.swap_remove(index).1;
            self.corrected |= copy != *value;
            *value = copy;
            return;
        }
        // The intended branch is the one whose tag matches, or the only one whose own type matches.
        let tagged = tries.iter().position(|(branch, _, _)| self.has_tag_of(branch, value));
        let deep: Vec<_> = (0..tries.len())
            .filter(|&index| tries[index].2.iter().all(|problem| problem.path != self.path))
            .collect();
        let meant = tagged.or(if let [only] = deep[..] { Some(only) } else { None });
        if let Some(index) = meant {
            self.problems.append(&mut tries[index].2);
        } else {
            let forms = branches.iter().filter_map(|branch| self.resolve(branch)).map(expected);
            self.wrong(alternatives(forms), value);
        }
    }

    /// Validates a copy of the value. Returns the corrected copy and the problems.
    fn try_branch(&self, branch: &'s Value, value: &Value) -> (Value, Vec<Problem>) {
        let mut copy = value.clone();
        let mut validation = Validation {
            validator: self.validator,
            corrected: false,
            path: self.path.clone(),
            problems: Vec::new(),
            depth: self.depth,
        };
        validation.value(branch, &mut copy);
        (copy, validation.problems)
    }

    /// Returns whether the value has the tag of a branch: a property with the same constant, or its only property.
    fn has_tag_of(&self, branch: &'s Value, value: &Value) -> bool {
        let properties =
            self.resolve(branch).and_then(|branch| branch.get("properties")).and_then(Value::as_object);
        properties.into_iter().flatten().any(|(name, schema)| {
            value.get(name).is_some_and(|value| schema.get("const") == Some(value))
                || (schema.get("const").is_none()
                    && properties.is_some_and(|properties| properties.len() == 1)
                    && value.get(name).is_some())
        })
    }

    fn resolve(&self, schema: &'s Value) -> Option<&'s Map<String, Value>> {
        let mut schema = schema;
        for _ in 0..MAX_DEPTH {
            let object = schema.as_object()?;
            let Some(target) = object.get("$ref").and_then(Value::as_str) else { return Some(object) };
            schema = if target == "#" {
                self.validator.schema
            } else {
                self.validator.schema.pointer(target.strip_prefix('#')?)?
            };
        }
        None
    }

    fn at(&mut self, name: &str, check: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        check(self);
        self.path.truncate(length);
    }

    fn index(&mut self, index: usize, check: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(&format!("[{index}]"));
        check(self);
        self.path.truncate(length);
    }

    fn wrong(&mut self, expected: String, value: &Value) {
        self.problem(ProblemKind::Invalid { expected, got: shortened(value) });
    }

    fn problem(&mut self, kind: ProblemKind) {
        self.problems.push(Problem { path: self.path.clone(), kind });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(schema: &Value, mut value: Value, expected: &[&str]) -> Value {
        let validator = Validator { schema, coerce: true, patterns: &patterns(schema) };
        let problems: Vec<_> =
            validator.check(&mut value).err().unwrap_or_default().iter().map(ToString::to_string).collect();
        assert_eq!(problems, expected);
        value
    }

    #[test]
    fn all_problems_are_reported_together() {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": { "type": "string", "description": "City name." },
                "days": { "type": "integer", "minimum": 1, "maximum": 14 },
                "unit": { "enum": ["celsius", "fahrenheit"] },
                "stops": { "type": "array", "items": { "type": "object", "properties": { "at": { "type": "string" } } } },
            },
            "required": ["city"],
            "additionalProperties": false,
        });
        check(
            &schema,
            json!({ "citty": "Oslo", "days": 20, "unit": "kelvin", "stops": [{ "at": "a" }, { "at": 5 }], "x": 1 }),
            &[
                "`days`: expected an integer from 1 to 14, got 20",
                "`stops[1].at`: expected a string, got 5",
                "`unit`: expected \"celsius\" or \"fahrenheit\", got \"kelvin\"",
                "`citty` is not known; did you mean `city`?",
                "`x` is not known; known are `city`, `days`, `stops`, `unit`",
                "`city` is missing: expected a string. City name.",
            ],
        );
    }

    #[test]
    fn safe_mistakes_are_corrected() {
        let schema = json!({
            "type": "object",
            "properties": {
                "n": { "type": "integer" }, "b": { "type": "boolean" }, "o": { "type": "object" },
                "a": { "type": "array", "items": { "type": "integer" } }, "e": { "enum": ["Low", "High"] },
            },
        });
        let value =
            check(&schema, json!({ "n": "3", "b": "true", "o": "{\"x\":1}", "a": "7", "e": "low" }), &[]);
        assert_eq!(value, json!({ "n": 3, "b": true, "o": { "x": 1 }, "a": [7], "e": "Low" }));
        check(&schema, json!({ "n": "3.5" }), &["`n`: expected an integer, got \"3.5\""]);
    }

    #[test]
    fn the_problems_of_the_intended_alternative_are_reported() {
        let schema = json!({ "oneOf": [
            { "type": "object", "properties": { "kind": { "const": "circle" }, "r": { "type": "number" } }, "required": ["kind", "r"] },
            { "type": "object", "properties": { "kind": { "const": "square" }, "side": { "type": "number" } }, "required": ["kind", "side"] },
        ] });
        check(&schema, json!({ "kind": "square" }), &["`side` is missing: expected a number"]);
        check(
            &schema,
            json!("round"),
            &[
                "`the arguments`: expected an object with `kind`, `r` or an object with `kind`, `side`, got \"round\"",
            ],
        );
    }

    #[test]
    fn each_rule_accepts_what_it_says_and_nothing_else() {
        let shared = json!({"$defs": {"n": {"type": "integer"}}, "type": "object",
            "properties": {"n": {"$ref": "#/$defs/n"}, "next": {"$ref": "#"}}});
        for (schema, fitting, failing) in [
            (json!({"type": "object", "minProperties": 1}), json!([{"a": 1}]), json!([{}])),
            (json!({"type": "object", "maxProperties": 1}), json!([{}, {"a": 1}]), json!([{"a": 1, "b": 2}])),
            (json!({"type": "array", "minItems": 1}), json!([[1], [1, 2]]), json!([[]])),
            (json!({"type": "array", "maxItems": 1}), json!([[], [1]]), json!([[1, 2]])),
            (json!({"minimum": 1, "maximum": 3}), json!([1, 2, 3]), json!([0.5, 4])),
            (json!({"exclusiveMinimum": 1, "exclusiveMaximum": 3}), json!([1.5, 2]), json!([1, 3, 0, 4])),
            (json!({"multipleOf": 0.5}), json!([1.5, 2, 0, -1]), json!([1.25, 1.75, 0.2])),
            (json!({"multipleOf": 2}), json!([0, 4]), json!([3])),
            (json!({"type": "integer"}), json!([3, 3.0, 8.0e15]), json!([3.5, 9.0e15, "3"])),
            (json!({"minLength": 2, "maxLength": 3}), json!(["ab", "äöü"]), json!(["a", "abcd"])),
            (json!({"anyOf": [{"pattern": "^a+$"}]}), json!(["a", "aa"]), json!(["b"])),
            (shared, json!([{"n": 1}, {"next": {"n": 1}}]), json!([{"n": "x"}, {"next": {"n": "x"}}])),
        ] {
            let fits = |value: &Value| {
                let validator = Validator { schema: &schema, coerce: false, patterns: &patterns(&schema) };
                validator.check(&mut value.clone()).is_ok()
            };
            for value in fitting.as_array().unwrap() {
                assert!(fits(value), "{schema} {value}");
            }
            for value in failing.as_array().unwrap() {
                assert!(!fits(value), "{schema} {value}");
            }
        }
        let many = [vec![json!(1); 300], vec![json!("x")]].concat();
        let schema = json!({"items": {"type": "integer"}});
        check(&schema, many.into(), &["`[300]`: expected an integer, got \"x\""]);
    }

    #[test]
    fn an_alternative_that_needs_no_correction_is_preferred() {
        let schema = json!({"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "boolean"}]});
        let checked = |schema: &Value, mut value: Value| {
            let corrected = Validator { schema, coerce: true, patterns: &patterns(schema) }.check(&mut value);
            (corrected.unwrap(), value)
        };
        assert_eq!(checked(&schema, json!("3")), (false, json!("3")));
        let schema = json!({"anyOf": [{"type": "boolean"}, {"type": "integer"}]});
        assert_eq!(checked(&schema, json!("3")), (true, json!(3)));
        assert_eq!(checked(&schema, json!(3)), (false, json!(3)));
        // A text is not the absence of a value.
        let schema = json!({"type": ["integer", "null"]});
        check(&schema, json!("null"), &["`the arguments`: expected an integer or null, got \"null\""]);
    }

    #[test]
    fn the_intended_alternative_is_known_by_its_tag_or_by_its_type() {
        let variant = |name: &str| {
            let inner = json!({"type": "object", "properties": {"r": {"type": "number"}}, "required": ["r"]});
            json!({"type": "object", "properties": {name: inner}, "required": [name]})
        };
        let external = json!({"oneOf": [variant("Circle"), variant("Square")]});
        check(&external, json!({"Square": {}}), &["`Square.r` is missing: expected a number"]);
        let tagged = |kind: &str, member: &str| {
            json!({"type": "object", "properties": {"kind": {"const": kind}, member: {"type": "number"}},
                   "required": ["kind", member]})
        };
        let internal = json!({"oneOf": [tagged("circle", "r"), tagged("square", "side")]});
        check(&internal, json!({"kind": "square", "r": 1}), &["`side` is missing: expected a number"]);
        let counted = json!({"n": {"type": "integer"}, "m": {"type": "integer"}});
        let by_type = json!({"anyOf": [{"type": "boolean"}, {"type": "object", "properties": counted}]});
        check(&by_type, json!({"n": "x"}), &["`n`: expected an integer, got \"x\""]);
    }

    #[test]
    fn a_schema_is_described_in_words() {
        for (schema, words) in [
            (json!({"type": "array", "minItems": 2, "maxItems": 2}), "an array of 2 items"),
            (json!({"type": "array", "minItems": 1}), "an array of at least 1 item"),
            (json!({"type": "object", "minProperties": 1}), "an object of at least 1 entry"),
            (json!({"type": "object", "maxProperties": 2}), "an object of at most 2 entries"),
            (json!({"type": "object", "required": ["a", "b"]}), "an object with `a`, `b`"),
            (json!({"type": "string", "minLength": 1, "maxLength": 1}), "a string of 1 character"),
            (json!({"type": "string", "minLength": 1, "maxLength": 3}), "a string of 1 to 3 characters"),
            (json!({"type": ["integer", "null"]}), "an integer or null"),
            (json!({"enum": ["a"]}), r#""a""#),
            (json!({"enum": ["a", "b", "c"]}), r#""a", "b" or "c""#),
        ] {
            assert_eq!(expected(schema.as_object().unwrap()), words);
        }
    }
}
