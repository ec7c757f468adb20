//! The comparison of two JSON schemas, rule by rule.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::ChangeKind;
use crate::sorted::sorted;

/// Rules that a larger number makes narrower.
const LOWER_LIMITS: [&str; 5] = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];

/// Rules that a smaller number makes narrower.
const UPPER_LIMITS: [&str; 5] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];

/// Other rules that only restrict, so that a schema with one allows fewer values than without it.
const RESTRICTIONS: [&str; 13] = [
    "allOf",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "dependentRequired",
    "dependentSchemas",
    "format",
    "maxContains",
    "multipleOf",
    "not",
    "pattern",
    "propertyNames",
    "uniqueItems",
];

/// Members that restrict nothing, or that are compared elsewhere.
const OTHERS: [&str; 20] = [
    "$comment",
    "$defs",
    "$id",
    "$ref",
    "$schema",
    "additionalProperties",
    "anyOf",
    "const",
    "default",
    "definitions",
    "deprecated",
    "description",
    "enum",
    "examples",
    "items",
    "oneOf",
    "properties",
    "required",
    "title",
    "type",
];

/// Compares two schemas. `add` receives each difference with its path.
pub(super) fn compare(old: &Value, new: &Value, add: &mut dyn FnMut(String, ChangeKind)) {
    let mut comparison = Comparison { old_root: old, new_root: new, open: Vec::new(), add };
    comparison.schemas(old, new, "");
}

/// Returns the text about a rule whose value differs.
pub(super) fn was_and_is(rule: &str, was: Option<&Value>, is: Option<&Value>) -> String {
    let shown = |value: Option<&Value>| value.map_or_else(|| "absent".to_owned(), ToString::to_string);
    format!("`{rule}` was {} and is {}", shown(was), shown(is))
}

struct Comparison<'a> {
    old_root: &'a Value,
    new_root: &'a Value,
    /// The pairs of references that are being compared, for schemas that contain themselves.
    open: Vec<(String, String)>,
    add: &'a mut dyn FnMut(String, ChangeKind),
}

impl Comparison<'_> {
    fn schemas(&mut self, old: &Value, new: &Value, path: &str) {
        let references = (reference(old), reference(new));
        let pair = (references.0.unwrap_or_default().to_owned(), references.1.unwrap_or_default().to_owned());
        let is_reference = references.0.is_some() || references.1.is_some();
        if is_reference {
            if self.open.contains(&pair) {
                return;
            }
            self.open.push(pair);
        }
        let (old, new) = (resolved(self.old_root, old), resolved(self.new_root, new));
        self.rules(&old, &new, path);
        if is_reference {
            self.open.pop();
        }
    }

    fn rules(&mut self, old: &Map<String, Value>, new: &Map<String, Value>, path: &str) {
        if old.get("description") != new.get("description") {
            self.add(path, ChangeKind::Description);
        }
        if old.get("default") != new.get("default") {
            let change = was_and_is("default", old.get("default"), new.get("default"));
            self.add(path, ChangeKind::Default(change));
        }
        self.types(old, new, path);
        self.values(old, new, path);
        self.limits(old, new, path);
        self.properties(old, new, path);
        let nothing = Value::Object(Map::new());
        if old.contains_key("items") || new.contains_key("items") {
            let (old, new) = (old.get("items").unwrap_or(&nothing), new.get("items").unwrap_or(&nothing));
            self.schemas(old, new, &format!("{path}[]"));
        }
        for rule in ["anyOf", "oneOf"] {
            self.branches(rule, old.get(rule), new.get(rule), path);
        }
    }

    fn types(&mut self, old: &Map<String, Value>, new: &Map<String, Value>, path: &str) {
        let (was, is) = (types(old), types(new));
        let within = |few: &[&str], many: &[&str]| {
            many.is_empty()
                || !few.is_empty()
                    && few
                        .iter()
                        .all(|name| many.contains(name) || (*name == "integer" && many.contains(&"number")))
        };
        self.sets("type", within(&was, &is), within(&is, &was), (old.get("type"), new.get("type")), path);
    }

    fn values(&mut self, old: &Map<String, Value>, new: &Map<String, Value>, path: &str) {
        let (was, is) = (values(old), values(new));
        let within = |few: &Option<Vec<Value>>, many: &Option<Vec<Value>>| match (few, many) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(few), Some(many)) => few.iter().all(|value| many.contains(value)),
        };
        let (more, less) = (within(&was, &is), within(&is, &was));
        let (was, is) = (was.map(Value::Array), is.map(Value::Array));
        self.sets("enum", more, less, (was.as_ref(), is.as_ref()), path);
    }

    /// Reports a rule that allows a set. `more` is whether the new set has all of the old one, `less` the reverse.
    fn sets(
        &mut self,
        rule: &str,
        more: bool,
        less: bool,
        (was, is): (Option<&Value>, Option<&Value>),
        path: &str,
    ) {
        match (more, less) {
            (true, true) => {}
            (true, false) => self.add(path, ChangeKind::Widened(was_and_is(rule, was, is))),
            (false, true) => self.add(path, ChangeKind::Narrowed(was_and_is(rule, was, is))),
            (false, false) => self.add(path, ChangeKind::Changed(was_and_is(rule, was, is))),
        }
    }

    fn limits(&mut self, old: &Map<String, Value>, new: &Map<String, Value>, path: &str) {
        let rules = sorted(old.keys().chain(new.keys()).map(String::as_str));
        for rule in rules.into_iter().filter(|rule| !OTHERS.contains(rule)) {
            let (was, is) = (old.get(rule), new.get(rule));
            // `false` is the default of `uniqueItems`, the one rule that is a flag.
            let (was, is) = (was.filter(|value| **value != false), is.filter(|value| **value != false));
            if was == is || rule.starts_with("x-") {
                continue;
            }
            let text = was_and_is(rule, was, is);
            let (is_lower, is_upper) = (LOWER_LIMITS.contains(&rule), UPPER_LIMITS.contains(&rule));
            let order = match (was, is) {
                // The effect of a rule that is not known may depend on the rules beside it.
                (None, _) | (_, None) if !is_lower && !is_upper && !RESTRICTIONS.contains(&rule) => None,
                (Some(_), None) => Some(Ordering::Less),
                (None, _) => Some(Ordering::Greater),
                // Which of two patterns allows more cannot be decided.
                (Some(was), Some(is)) => match was.as_f64().zip(is.as_f64()) {
                    Some((was, is)) if is_lower => is.partial_cmp(&was),
                    Some((was, is)) if is_upper => was.partial_cmp(&is),
                    _ => None,
                },
            };
            match order {
                Some(Ordering::Less) => self.add(path, ChangeKind::Widened(text)),
                Some(Ordering::Greater) => self.add(path, ChangeKind::Narrowed(text)),
                Some(Ordering::Equal) => {}
                None => self.add(path, ChangeKind::Changed(text)),
            }
        }
    }

    fn properties(&mut self, old: &Map<String, Value>, new: &Map<String, Value>, path: &str) {
        let is_required = |schema: &Map<String, Value>, name: &str| {
            let required = schema.get("required").and_then(Value::as_array);
            required.is_some_and(|names| names.iter().any(|required| required == name))
        };
        let nothing = Map::new();
        let (was, is) = (properties(old, &nothing), properties(new, &nothing));
        for name in sorted(was.keys().chain(is.keys()).map(String::as_str)) {
            let inner = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            match (was.get(name), is.get(name)) {
                (Some(_), None) => self.add(&inner, ChangeKind::Removed),
                (None, _) => self.add(&inner, ChangeKind::Added { required: is_required(new, name) }),
                (Some(before), Some(after)) => {
                    match (is_required(old, name), is_required(new, name)) {
                        (false, true) => self.add(&inner, ChangeKind::Required),
                        (true, false) => self.add(&inner, ChangeKind::Optional),
                        _ => {}
                    }
                    self.schemas(before, after, &inner);
                }
            }
        }
        let others = |schema: &Map<String, Value>| schema.get("additionalProperties").cloned();
        match (others(old), others(new)) {
            (was, is) if was == is => {}
            (Some(was @ Value::Object(_)), Some(is @ Value::Object(_))) => {
                self.schemas(&was, &is, &format!("{path}{{}}"));
            }
            (was, is) => {
                // The object of a tool without arguments has no other member before and after.
                let openness = |value: &Option<Value>| match value {
                    Some(Value::Bool(false)) => 0,
                    Some(Value::Object(_)) => 1,
                    _ => 2,
                };
                let text = was_and_is("additionalProperties", was.as_ref(), is.as_ref());
                match openness(&was).cmp(&openness(&is)) {
                    Ordering::Less => self.add(path, ChangeKind::Widened(text)),
                    Ordering::Greater => self.add(path, ChangeKind::Narrowed(text)),
                    Ordering::Equal => {}
                }
            }
        }
    }

    /// Compares alternatives: each old one has to fit a new one, and the reverse.
    fn branches(&mut self, rule: &str, old: Option<&Value>, new: Option<&Value>, path: &str) {
        if old == new {
            return;
        }
        let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned();
        let (was, is) = (list(old), list(new));
        let (old_root, new_root) = (self.old_root, self.new_root);
        let (more, less) = match (&was, &is) {
            (_, None) => (true, old.is_none()),
            (None, Some(_)) => (false, true),
            (Some(was), Some(is)) => {
                let more = was.iter().all(|was| is.iter().any(|is| fits(old_root, was, new_root, is)));
                let less = is.iter().all(|is| was.iter().any(|was| fits(new_root, is, old_root, was)));
                (more, less)
            }
        };
        self.sets(rule, more, less, (old, new), path);
    }

    fn add(&mut self, path: &str, kind: ChangeKind) {
        (self.add)(path.to_owned(), kind);
    }
}

/// Returns whether every value of `old` is a value of `new`, as far as the rules show.
fn fits(old_root: &Value, old: &Value, new_root: &Value, new: &Value) -> bool {
    let mut fits = true;
    let mut add = |_, kind| {
        use ChangeKind::{Added, Changed, Narrowed, Removed, Required};
        fits &= !matches!(kind, Narrowed(_) | Changed(_) | Removed | Required | Added { required: true });
    };
    Comparison { old_root, new_root, open: Vec::new(), add: &mut add }.schemas(old, new, "");
    fits
}

fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()
}

/// Returns a schema with its reference resolved; members beside the reference win. A reference that leads nowhere, or in
/// a circle, restricts nothing.
fn resolved(root: &Value, schema: &Value) -> Map<String, Value> {
    let mut members = schema.as_object().cloned().unwrap_or_default();
    let mut left = 16;
    while let Some(target) = members.remove("$ref") {
        left -= 1;
        let pointer = target.as_str().and_then(|target| target.strip_prefix('#'));
        let Some(Value::Object(found)) = pointer.and_then(|pointer| root.pointer(pointer)) else { break };
        if left == 0 {
            break;
        }
        for (name, value) in found {
            members.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    members
}

fn properties<'a>(schema: &'a Map<String, Value>, nothing: &'a Map<String, Value>) -> &'a Map<String, Value> {
    schema.get("properties").and_then(Value::as_object).unwrap_or(nothing)
}

/// Returns the names of the allowed types; empty for all.
fn types(schema: &Map<String, Value>) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name.as_str()],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Returns the allowed values; `None` for all.
fn values(schema: &Map<String, Value>) -> Option<Vec<Value>> {
    match (schema.get("const"), schema.get("enum")) {
        (Some(only), _) => Some(vec![only.clone()]),
        (None, Some(Value::Array(values))) => Some(values.clone()),
        _ => None,
    }
}
