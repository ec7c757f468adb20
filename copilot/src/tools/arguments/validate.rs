//! Validates arguments against a schema and corrects safe mistakes.
//!
//! The slow path of a call: it runs when deserialization has failed, or when the schema is stricter than the types. It
//! reports every problem. Pure.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use regex_lite::Regex;
use serde_json::{Map, Value};

use crate::tools::arguments::expected::{alternatives, expected, shortened};
use crate::tools::arguments::format::{finite_in_words, integer_range, is_finite, is_within};
use crate::tools::arguments::node::{Node, Step};
use crate::tools::arguments::number::Decimal;
use crate::tools::arguments::report::{Problem, ProblemKind};
use crate::tools::arguments::suggest::restyled;

/// A schema to validate values against, with the settings.
pub(crate) struct Validator<'s> {
    pub(crate) schema: &'s Value,
    /// Whether safe mistakes are corrected.
    pub(crate) coerce: bool,
    /// The compiled patterns of the schema. Patterns that are not in the map are not checked.
    pub(crate) patterns: &'s HashMap<String, Regex>,
    /// The size of the largest integers: 128 bits for types, 64 for a `serde_json::Value`.
    pub(crate) integers: Integers,
    /// Whether a `null` stays where the type takes it and the schema does not.
    pub(crate) keeps_null: bool,
}

/// The keyword of a schema without `null` whose type takes `null`, perhaps with another meaning than absence. It is not
/// sent.
pub(crate) const TAKES_NULL: &str = "x-copilot-takes-null";

/// The integers that the receiver of the arguments can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Integers {
    /// As the type of each argument says.
    Typed,
    /// Those of a `serde_json::Value`.
    Json,
}

/// The result of a validation.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// Whether a value was corrected.
    pub(crate) corrected: bool,
    pub(crate) problems: Vec<Problem>,
}

impl Validator<'_> {
    /// Validates `value` and corrects it in place.
    pub(crate) fn check(&self, value: &mut Node) -> Checked {
        self.check_against(self.schema, value)
    }

    /// As [`check`](Self::check), against a part of the schema.
    pub(crate) fn check_against(&self, part: &Value, value: &mut Node) -> Checked {
        let budget = Cell::new(LEAST_BUDGET + BUDGET_PER_VALUE * value.count());
        let mut validation = Validation {
            validator: self,
            budget: &budget,
            is_trial: false,
            path: Vec::new(),
            problems: Vec::new(),
            corrected: false,
            depth: 0,
        };
        validation.value(part, value);
        Checked { corrected: validation.corrected, problems: validation.problems }
    }
}

/// Compiles the patterns of a schema. Patterns that `regex_lite` does not support are omitted.
pub(crate) fn patterns(schema: &Value) -> HashMap<String, Regex> {
    fn compile(pattern: &str, found: &mut HashMap<String, Regex>) {
        if let Ok(regex) = Regex::new(pattern) {
            found.insert(pattern.to_owned(), regex);
        }
    }
    let mut found = HashMap::new();
    let mut rest = vec![schema];
    while let Some(value) = rest.pop() {
        match value {
            Value::Object(object) => {
                if let Some(pattern) = object.get("pattern").and_then(Value::as_str) {
                    compile(pattern, &mut found);
                }
                let by_pattern = object.get("patternProperties").and_then(Value::as_object);
                by_pattern.into_iter().flatten().for_each(|(pattern, _)| compile(pattern, &mut found));
                rest.extend(object.values());
            }
            Value::Array(items) => rest.extend(items),
            _ => {}
        }
    }
    found
}

/// Returns the mistakes of a value that must not be corrected.
pub(crate) fn mismatches(schema: &Value, value: &Value) -> Vec<String> {
    let Ok(mut node) = Node::parse(&value.to_string()) else { return vec!["not JSON".to_owned()] };
    let patterns = &patterns(schema);
    let validator = Validator { schema, coerce: false, patterns, integers: Integers::Json, keeps_null: true };
    validator.check(&mut node).problems.iter().map(ToString::to_string).collect()
}

pub(super) struct Validation<'s> {
    pub(super) validator: &'s Validator<'s>,
    /// The number of values that nested trials of alternatives may still copy.
    pub(super) budget: &'s Cell<usize>,
    /// Whether this validates a copy, to try an alternative.
    pub(super) is_trial: bool,
    pub(super) path: Vec<Step>,
    pub(super) problems: Vec<Problem>,
    pub(super) corrected: bool,
    /// The number of schemas that the current value is validated against.
    pub(super) depth: usize,
}

/// The number of values that nested trials of alternatives may copy, whatever the size of the arguments.
///
/// Alternatives that contain alternatives are tried again for each of those around them, so that the work doubles with
/// each level of a recursive type.
const LEAST_BUDGET: usize = 100_000;
/// The same for each value in the arguments.
const BUDGET_PER_VALUE: usize = 500;

/// The limit of schemas for one value. It ends schemas that refer only to themselves.
const MAX_DEPTH: usize = 128;

impl<'s> Validation<'s> {
    pub(super) fn value(&mut self, schema: &'s Value, value: &mut Node) {
        if *schema == Value::Bool(false) {
            return self.wrong("no value here".to_owned(), value);
        }
        let Some(schema) = schema.as_object().filter(|_| self.depth < MAX_DEPTH) else { return };
        if self.validator.keeps_null && *value == Node::Null && schema.contains_key(TAKES_NULL) {
            return;
        }
        self.depth += 1;
        if let Some(target) = schema.get("$ref").and_then(|target| refer(self.validator.schema, target)) {
            self.value(target, value);
        }
        self.schema(schema, value);
        self.depth -= 1;
    }

    fn schema(&mut self, schema: &'s Map<String, Value>, value: &mut Node) {
        if let Some(constant) = schema.get("const")
            && !self.one_of(std::slice::from_ref(constant), value)
        {
            return;
        }
        let allowed = schema.get("enum").and_then(Value::as_array);
        if allowed.is_some_and(|allowed| allowed.iter().any(|allowed| value.is(allowed))) {
            self.one_of(allowed.map_or(&[], Vec::as_slice), value);
            return;
        }
        // The value that the model sent, for the report.
        let mut given = None;
        if let Some(types) = schema.get("type") {
            let allowed = |name: &str| is_type(types, name);
            if !fits(&allowed, value) {
                let corrected = self.validator.coerce.then(|| coerced(&allowed, value)).flatten();
                let Some(corrected) = corrected else { return self.wrong(expected(schema), value) };
                given = Some(std::mem::replace(value, corrected));
                self.corrected = true;
            }
            if !allowed("number") {
                self.write_as_integer(value);
            }
        }
        if let Some(allowed) = allowed {
            self.one_of(allowed, value);
            return;
        }
        match value {
            Node::Object(object) => self.object(schema, object),
            Node::List(items) => self.list(schema, items),
            Node::Text(_) | Node::Number(_) => {
                if let Some(expected) = self.out_of_bounds(schema, value) {
                    self.wrong(expected, given.as_ref().unwrap_or(value));
                }
            }
            Node::Null | Node::Bool(_) | Node::Removed => {}
        }
        for branch in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.value(branch, value);
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(Value::Array(branches)) = schema.get(keyword) {
                let meant = self.meant(schema, branches, value);
                self.branches(meant, value, keyword == "oneOf");
            }
        }
    }

    fn list(&mut self, schema: &'s Map<String, Value>, items: &mut [Node]) {
        let first = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let rest = schema.get("items");
        let length = items.len() as u64;
        let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_u64);
        if bound("minItems").is_some_and(|min| length < min)
            || bound("maxItems").is_some_and(|max| length > max)
        {
            let unit = if length == 1 { "item" } else { "items" };
            self.problem(ProblemKind::Invalid {
                expected: expected(schema),
                got: format!("{length} {unit}"),
            });
        }
        for (index, item) in items.iter_mut().enumerate() {
            if let Some(schema) = first.get(index).or(rest) {
                self.below(Step::Index(index), |validation| validation.value(schema, item));
            }
        }
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
            let mut seen = HashSet::new();
            let twice = items.iter().position(|item| !seen.insert(item.text()));
            if let Some(index) = twice {
                let expected = "each item once".to_owned();
                self.problem(ProblemKind::Invalid {
                    expected,
                    got: format!("{} twice", shortened(&items[index])),
                });
            }
        }
    }

    /// Returns the expected range of text or a number that is out of bounds; `None` if it is within.
    fn out_of_bounds(&self, schema: &Map<String, Value>, value: &Node) -> Option<String> {
        let within = match value {
            Node::Number(text) => {
                let format = schema.get("format").and_then(Value::as_str);
                if let Some(range) = self.out_of_type(schema, format, text) {
                    return Some(range);
                }
                let number = Decimal::parse(text)?;
                let bound = |keyword: &str| Decimal::parse(&schema.get(keyword)?.to_string());
                bound("minimum").is_none_or(|min| number >= min)
                    && bound("maximum").is_none_or(|max| number <= max)
                    && bound("exclusiveMinimum").is_none_or(|min| number > min)
                    && bound("exclusiveMaximum").is_none_or(|max| number < max)
                    && schema.get("multipleOf").is_none_or(|step| is_multiple(text, &step.to_string()))
            }
            Node::Text(text) => {
                let length = text.chars().count() as u64;
                let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_u64);
                bound("minLength").is_none_or(|min| length >= min)
                    && bound("maxLength").is_none_or(|max| length <= max)
                    && schema
                        .get("pattern")
                        .and_then(Value::as_str)
                        .is_none_or(|pattern| self.matches(pattern, text))
            }
            _ => true,
        };
        (!within).then(|| expected(schema))
    }

    /// Returns the range of a number's type if the type cannot hold the number.
    fn out_of_type(&self, schema: &Map<String, Value>, format: Option<&str>, text: &str) -> Option<String> {
        if !has_type(schema, "integer") || has_type(schema, "number") {
            return (!is_finite(format, text)).then(|| finite_in_words(format));
        }
        let of_format = format.and_then(integer_range);
        let range = of_format.or_else(|| match self.validator.integers {
            Integers::Typed => None,
            Integers::Json => Some((i64::MIN.to_string(), u64::MAX.to_string())),
        })?;
        // The bounds of the schema are closer to what the model should send.
        if is_within(text, &range) || schema.contains_key("minimum") && schema.contains_key("maximum") {
            return None;
        }
        Some(format!("an integer from {} to {}", range.0, range.1))
    }

    pub(super) fn matches(&self, pattern: &str, text: &str) -> bool {
        self.validator.patterns.get(pattern).is_none_or(|regex| regex.is_match(text))
    }

    /// Validates against a list of values. Returns whether the value is one, perhaps after a correction.
    pub(super) fn one_of(&mut self, allowed: &[Value], value: &mut Node) -> bool {
        let coerce = self.validator.coerce;
        let same = allowed.iter().find(|allowed| value.is(allowed)).or_else(|| {
            let Node::Text(text) = &*value else { return None };
            let style = restyled(text, allowed.iter().filter_map(Value::as_str))?;
            allowed.iter().find(|allowed| coerce && *allowed == style)
        });
        // A number for the same text, and the other way round.
        let same = same.or_else(|| {
            let text = |allowed: &Value| allowed.as_str().map_or_else(|| allowed.to_string(), str::to_owned);
            let given = match &*value {
                Node::Text(text) => text.as_str(),
                Node::Number(text) => text,
                _ => return None,
            };
            allowed.iter().find(|allowed| coerce && !allowed.is_null() && text(allowed) == given)
        });
        let Some(same) = same else {
            self.wrong(alternatives(allowed.iter().map(Value::to_string)), value);
            return false;
        };
        let same = Node::from(same);
        if same != *value {
            *value = same;
            self.corrected = true;
        }
        true
    }

    /// Writes a whole number as types read integers: `3` for `3.0`.
    fn write_as_integer(&mut self, value: &mut Node) {
        if let Node::Number(text) = value
            && text.contains(['.', 'e', 'E'])
            && let Some(integer) = Decimal::parse(text).and_then(|number| number.integer())
        {
            *text = integer.into();
            self.corrected = true;
        }
    }

    pub(super) fn resolve(&self, schema: &'s Value) -> Option<&'s Map<String, Value>> {
        resolve(self.validator.schema, schema)
    }

    /// Validates a part of the current value.
    pub(super) fn below(&mut self, step: Step, check: impl FnOnce(&mut Self)) {
        self.path.push(step);
        let depth = std::mem::take(&mut self.depth);
        check(self);
        self.depth = depth;
        self.path.pop();
    }

    pub(super) fn wrong(&mut self, expected: String, value: &Node) {
        self.problem(ProblemKind::Invalid { expected, got: shortened(value) });
    }

    pub(super) fn problem(&mut self, kind: ProblemKind) {
        self.problems.push(Problem { path: self.path.clone(), kind });
    }
}

/// Resolves the references of a part of a schema.
pub(crate) fn resolve<'s>(root: &'s Value, part: &'s Value) -> Option<&'s Map<String, Value>> {
    let mut part = part;
    for _ in 0..MAX_DEPTH {
        let object = part.as_object()?;
        let Some(target) = object.get("$ref") else { return Some(object) };
        part = refer(root, target)?;
    }
    None
}

/// Returns the target of a reference within the schema; `None` for others.
pub(crate) fn refer<'s>(root: &'s Value, target: &Value) -> Option<&'s Value> {
    root.pointer(target.as_str()?.strip_prefix('#')?)
}

fn has_type(schema: &Map<String, Value>, name: &str) -> bool {
    schema.get("type").is_some_and(|types| is_type(types, name))
}

fn is_type(types: &Value, name: &str) -> bool {
    types == name || types.as_array().is_some_and(|all| all.iter().any(|each| each == name))
}

/// Returns whether a value has one of the allowed types.
fn fits(allowed: &dyn Fn(&str) -> bool, value: &Node) -> bool {
    match value {
        Node::Null => allowed("null"),
        Node::Bool(_) => allowed("boolean"),
        Node::Text(_) => allowed("string"),
        Node::List(_) => allowed("array"),
        Node::Object(_) => allowed("object"),
        Node::Number(text) => {
            allowed("number")
                || allowed("integer") && Decimal::parse(text).and_then(|number| number.integer()).is_some()
        }
        Node::Removed => true,
    }
}

/// Corrects common type mistakes of models that are unambiguous.
fn coerced(allowed: &dyn Fn(&str) -> bool, value: &Node) -> Option<Node> {
    match value {
        Node::Text(text) => {
            let parsed = Node::parse(text.trim()).ok();
            let parsed = parsed.filter(|parsed| !matches!(parsed, Node::Null | Node::Text(_)));
            if let Some(parsed) = parsed.filter(|parsed| fits(allowed, parsed)) {
                return Some(parsed);
            }
        }
        Node::Number(text) if allowed("string") => return Some(Node::Text(text.to_string())),
        Node::Number(_) | Node::Bool(_) => {}
        Node::Null | Node::List(_) | Node::Object(_) | Node::Removed => return None,
    }
    allowed("array").then(|| Node::List(vec![value.clone()]))
}

/// Returns whether a number is a multiple of another one: exactly for integers, else within the precision of `f64`.
fn is_multiple(number: &str, step: &str) -> bool {
    if let (Some(number), Some(step)) = (Decimal::parse(number), Decimal::parse(step))
        && let Some(rest) = number.remainder(&step)
    {
        return rest == 0;
    }
    let (Ok(number), Ok(step)) = (number.parse::<f64>(), step.parse::<f64>()) else { return false };
    let quotient = number / step;
    (quotient - quotient.round()).abs() < 1e-9
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(schema: &Value, coerce: bool, value: &Value) -> (Checked, Value) {
        let patterns = patterns(schema);
        let mut node = Node::from(value);
        let integers = Integers::Typed;
        let validator = Validator { schema, coerce, patterns: &patterns, integers, keeps_null: true };
        let checked = validator.check(&mut node);
        (checked, node.to_value())
    }

    #[expect(clippy::needless_pass_by_value, reason = "shorter calls")]
    fn check(schema: &Value, value: Value, expected: &[&str]) -> Value {
        let (checked, value) = checked(schema, true, &value);
        let problems: Vec<_> = checked.problems.iter().map(ToString::to_string).collect();
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
            json!({ "citty": "Oslo", "days": 20, "unit": "kelvin", "stops": [{ "at": "a" }, { "at": true }], "x": 1 }),
            &[
                "`days`: expected an integer from 1 to 14, got 20",
                "`stops[1].at`: expected a string, got true",
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
                "the arguments: expected an object with `kind`, `r` or an object with `kind`, `side`, got \"round\"",
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
            (json!({"type": "integer"}), json!([3, 3.0, 8.0e15, 1e18]), json!([3.5, 1e40, "3"])),
            (json!({"minLength": 2, "maxLength": 3}), json!(["ab", "äöü"]), json!(["a", "abcd"])),
            (json!({"anyOf": [{"pattern": "^a+$"}]}), json!(["a", "aa"]), json!(["b"])),
            (shared, json!([{"n": 1}, {"next": {"n": 1}}]), json!([{"n": "x"}, {"next": {"n": "x"}}])),
        ] {
            let fits = |value: &Value| checked(&schema, false, value).0.problems.is_empty();
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
        let checked = |schema: &Value, value: Value| {
            let (checked, value) = checked(schema, true, &value);
            assert!(checked.problems.is_empty());
            (checked.corrected, value)
        };
        assert_eq!(checked(&schema, json!("3")), (false, json!("3")));
        let schema = json!({"anyOf": [{"type": "boolean"}, {"type": "integer"}]});
        assert_eq!(checked(&schema, json!("3")), (true, json!(3)));
        assert_eq!(checked(&schema, json!(3)), (false, json!(3)));
        // A text is not the absence of a value.
        let schema = json!({"type": ["integer", "null"]});
        check(&schema, json!("null"), &["the arguments: expected an integer or null, got \"null\""]);
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
            (
                json!({"type": "integer", "exclusiveMinimum": 0, "multipleOf": 2}),
                "an integer above 0 that is a multiple of 2",
            ),
            (
                json!({"type": "number", "minimum": 0, "exclusiveMaximum": 1}),
                "a number of at least 0 below 1",
            ),
            (json!({"maxLength": 2}), "a string of at most 2 characters"),
            (json!({"type": "string", "format": "date"}), "a date, such as \"2026-01-31\""),
            (json!({"enum": ["a"]}), r#""a""#),
            (json!({"enum": ["a", "b", "c"]}), r#""a", "b" or "c""#),
        ] {
            assert_eq!(expected(schema.as_object().unwrap()), words);
        }
    }
}
