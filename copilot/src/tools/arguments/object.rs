//! The validation of objects: their names, and their properties. Pure.

use serde_json::{Map, Value};

use crate::sorted::SortedMap;
use crate::tools::arguments::expected::expected;
use crate::tools::arguments::node::{Node, Step};
use crate::tools::arguments::report::ProblemKind;
use crate::tools::arguments::suggest::{restyled, suggest};
use crate::tools::arguments::validate::{Validation, resolve};

impl<'s> Validation<'s> {
    pub(super) fn object(&mut self, schema: &'s Map<String, Value>, object: &mut SortedMap<Node>) {
        let closed = is_closed(schema);
        let known = if closed { names(self.validator.schema, schema) } else { own_names(schema) };
        self.restyle(schema, &known, closed, object);
        self.drop_nulls(schema, object);
        let properties = schema.get("properties").and_then(Value::as_object);
        let by_pattern = schema.get("patternProperties").and_then(Value::as_object);
        let additional = schema.get("additionalProperties").filter(|additional| additional.is_object());
        let mut unknown = Vec::new();
        for (name, value) in object.iter_mut() {
            let property = properties.and_then(|properties| properties.get(name));
            let mut found = property.is_some();
            if let Some(property) = property {
                self.below(Step::Name(name.clone()), |validation| validation.value(property, value));
            }
            for (pattern, property) in by_pattern.into_iter().flatten() {
                if self.matches(pattern, name) {
                    found = true;
                    self.below(Step::Name(name.clone()), |validation| validation.value(property, value));
                }
            }
            if found {
                continue;
            }
            if let Some(additional) = additional {
                self.below(Step::Name(name.clone()), |validation| validation.value(additional, value));
            } else if closed && !known.contains(&name.as_str()) {
                unknown.push(name.clone());
            }
        }
        if let Some(of_names) = schema.get("propertyNames") {
            for name in object.keys() {
                if !self.try_branch(of_names, &Node::Text(name.clone())).1.is_empty() {
                    let expected = self.resolve(of_names).map(expected).unwrap_or_default();
                    self.below(Step::Name(name.clone()), |validation| {
                        validation
                            .problem(ProblemKind::InvalidName { reason: format!("expected {expected}") });
                    });
                }
            }
        }
        let length = object.len() as u64;
        let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_u64);
        if bound("minProperties").is_some_and(|min| length < min)
            || bound("maxProperties").is_some_and(|max| length > max)
        {
            let unit = if length == 1 { "entry" } else { "entries" };
            let expected = expected(schema);
            self.problem(ProblemKind::Invalid { expected, got: format!("{length} {unit}") });
        }
        let absent = |name: &str| !object.contains_key(name);
        for name in unknown {
            // A property that is present is not a candidate.
            let suggestion = suggest(&name, known.iter().copied().filter(|known| absent(known)));
            let suggestion = suggestion.map(str::to_owned);
            let pattern = by_pattern.and_then(|patterns| patterns.keys().next()).cloned();
            let known = known.iter().map(|name| (*name).to_owned()).collect();
            self.below(Step::Name(name), |validation| {
                validation.problem(ProblemKind::UnknownName { suggestion, known, pattern });
            });
        }
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let Some(name) = name.as_str().filter(|name| absent(name)) else { continue };
            let property = properties.and_then(|properties| properties.get(name));
            self.missing(name, property);
        }
    }

    /// Reports a property that is missing.
    pub(super) fn missing(&mut self, name: &str, property: Option<&'s Value>) {
        let property = property.and_then(|property| self.resolve(property));
        let expected = property.map_or_else(|| "a value".to_owned(), expected);
        let description = property.and_then(|property| property.get("description")).and_then(Value::as_str);
        let description = description.unwrap_or_default().to_owned();
        self.below(Step::Name(name.to_owned()), |validation| {
            validation.problem(ProblemKind::Missing { expected, description });
        });
    }

    /// Corrects names that differ from an absent property in nothing but the case style. In an open object, where
    /// every name is valid, only a required property is searched for.
    fn restyle(
        &mut self,
        schema: &'s Map<String, Value>,
        known: &[&str],
        closed: bool,
        object: &mut SortedMap<Node>,
    ) {
        if !self.validator.coerce || object.keys().all(|name| known.contains(&name.as_str())) {
            return;
        }
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|each| each == name));
        let absent: Vec<&str> = known
            .iter()
            .copied()
            .filter(|name| !object.contains_key(name) && (closed || is_required(name)))
            .collect();
        for name in absent {
            let foreign = object.keys().map(String::as_str).filter(|given| !known.contains(given));
            // Another property may have the same name in another style.
            let given =
                restyled(name, foreign).filter(|given| restyled(given, known.iter().copied()).is_some());
            if let Some(value) = given.map(str::to_owned).and_then(|given| object.remove(&given)) {
                object.insert(name.to_owned(), value);
                self.corrected = true;
            }
        }
    }

    /// Removes `null` values of optional properties whose types do not take `null`. Models send them, and the strict
    /// profile requires it.
    fn drop_nulls(&mut self, schema: &'s Map<String, Value>, object: &mut SortedMap<Node>) {
        let Some(known) = schema.get("properties").and_then(Value::as_object) else { return };
        let required = schema.get("required").and_then(Value::as_array);
        let length = object.len();
        object.retain(|name, value| {
            let required = || required.is_some_and(|names| names.iter().any(|each| each == name));
            let Some(property) = known.get(name).filter(|_| *value == Node::Null && !required()) else {
                return true;
            };
            self.try_branch(property, value).1.is_empty()
        });
        self.corrected |= object.len() != length;
    }
}

/// Returns whether an object has no properties but the named ones.
pub(crate) fn is_closed(schema: &Map<String, Value>) -> bool {
    let no = Some(&Value::Bool(false));
    schema.get("additionalProperties") == no || schema.get("unevaluatedProperties") == no
}

/// The names of an object's own properties.
fn own_names(schema: &Map<String, Value>) -> Vec<&str> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

/// The names of an object's properties, those of its alternatives included.
pub(super) fn names<'s>(root: &'s Value, schema: &'s Map<String, Value>) -> Vec<&'s str> {
    let mut names = own_names(schema);
    if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        for keyword in ["anyOf", "oneOf", "allOf"] {
            for branch in schema.get(keyword).and_then(Value::as_array).into_iter().flatten() {
                names.extend(resolve(root, branch).into_iter().flat_map(|branch| self::names(root, branch)));
            }
        }
        names.sort_unstable();
        names.dedup();
    }
    names
}
