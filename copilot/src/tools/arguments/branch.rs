//! The validation of alternatives. Pure.

use serde_json::{Map, Value};

use crate::sorted::SortedMap;
use crate::tools::arguments::expected::{alternatives, expected};
use crate::tools::arguments::node::{Node, Step};
use crate::tools::arguments::object::names;
use crate::tools::arguments::report::{Problem, ProblemKind};
use crate::tools::arguments::suggest::{restyled, suggest};
use crate::tools::arguments::validate::{Integers, Validation};

impl<'s> Validation<'s> {
    /// Validates against alternatives: the first that accepts the value, preferably without a correction. If none does,
    /// reports the problems of the intended alternative.
    ///
    /// `single` is set if no second one may accept it. Types decide by their first, so it applies to JSON only.
    pub(super) fn branches(&mut self, branches: &'s [Value], value: &mut Node, single: bool) {
        if let Node::Object(object) = value {
            if let Some(tag) = self.tag(branches) {
                return self.tagged(branches, tag, value);
            }
            if self.renamed_variant(branches, object) {
                return;
            }
        }
        let counts_all = single && self.validator.integers == Integers::Json;
        let mut tries = Vec::with_capacity(branches.len());
        for branch in branches {
            let (copy, problems) = self.try_branch(branch, value);
            if self.budget.get() == 0 {
                // Alternatives below report the same, but this one is shorter.
                let message = "its alternatives nest too deeply to be checked; nest them less";
                return self.problem(ProblemKind::Other(message.to_owned()));
            }
            let is_exact = problems.is_empty() && copy == *value;
            tries.push((copy, problems));
            if is_exact && !counts_all {
                break;
            }
        }
        let fits = tries
            .iter()
            .position(|(copy, problems)| problems.is_empty() && copy == value)
            .or_else(|| tries.iter().position(|(_, problems)| problems.is_empty()));
        if counts_all {
            let exact = tries.iter().filter(|(copy, problems)| problems.is_empty() && copy == value).count();
            if exact > 1 {
                return self.wrong(format!("a value that fits one alternative instead of {exact}"), value);
            }
        }
        if let Some(index) = fits {
            let copy = tries.swap_remove(index).0;
            self.corrected |= copy != *value;
            *value = copy;
            return;
        }
        // The intended branch is the one whose variant is named, or the only one whose own type matches.
        let named = branches.iter().position(|branch| self.names_variant(branch, value));
        let deep: Vec<_> = (0..tries.len())
            .filter(|&index| tries[index].1.iter().all(|problem| problem.path != self.path))
            .collect();
        let meant = named.or(if let [only] = deep[..] { Some(only) } else { None });
        if let Some(index) = meant {
            let (copy, mut problems) = tries.swap_remove(index);
            *value = copy;
            self.problems.append(&mut problems);
        } else {
            let forms = branches.iter().filter_map(|branch| self.resolve(branch)).map(expected);
            self.wrong(alternatives(forms), value);
        }
    }

    /// Returns the alternatives that may be meant. The last one of an optional flattened enum has no rules, for an object
    /// without a variant; it is not meant where the object has a property of another one.
    pub(super) fn meant(
        &self,
        schema: &'s Map<String, Value>,
        branches: &'s [Value],
        value: &Node,
    ) -> &'s [Value] {
        let own = schema.get("properties").and_then(Value::as_object);
        let (Node::Object(object), Some(own), Some((last, variants))) = (value, own, branches.split_last())
        else {
            return branches;
        };
        let root = self.validator.schema;
        let of_variant = |name: &str| {
            let mut variants = variants.iter().filter_map(|variant| self.resolve(variant));
            !own.contains_key(name) && variants.any(|variant| names(root, variant).contains(&name))
        };
        let is_flattened =
            self.validator.integers == Integers::Typed && last.as_object().is_some_and(Map::is_empty);
        if is_flattened && object.keys().any(|name| of_variant(name)) { variants } else { branches }
    }

    /// Validates a copy of the value. Returns the corrected copy and the problems.
    pub(super) fn try_branch(&self, branch: &'s Value, value: &Node) -> (Node, Vec<Problem>) {
        if self.is_trial {
            self.budget.set(self.budget.get().saturating_sub(value.count()));
            if self.budget.get() == 0 {
                return (Node::Removed, Vec::new());
            }
        }
        let mut copy = value.clone();
        let mut validation = Validation {
            validator: self.validator,
            budget: self.budget,
            is_trial: true,
            corrected: false,
            path: self.path.clone(),
            problems: Vec::new(),
            depth: self.depth,
        };
        validation.value(branch, &mut copy);
        (copy, validation.problems)
    }

    /// Returns the tag of alternatives: a property that each of them has with values that no other has.
    fn tag(&self, branches: &'s [Value]) -> Option<&'s str> {
        let first = branches.first().filter(|_| branches.len() > 1)?;
        let distinct = |name: &str| {
            let mut all = Vec::new();
            for branch in branches {
                let values = self.values_of(branch, name);
                if values.is_empty() || values.iter().any(|value| all.contains(&value)) {
                    return false;
                }
                all.extend(values);
            }
            true
        };
        self.properties(first)?.keys().map(String::as_str).find(|name| distinct(name))
    }

    /// Validates an object against alternatives with a tag.
    fn tagged(&mut self, branches: &'s [Value], tag: &'s str, value: &mut Node) {
        let Node::Object(object) = &mut *value else { return };
        if self.validator.coerce && !object.contains_key(tag) {
            let given = restyled(tag, object.keys().map(String::as_str)).map(str::to_owned);
            if let Some(given) = given.and_then(|given| object.remove(&given)) {
                object.insert(tag.to_owned(), given);
                self.corrected = true;
            }
        }
        let tags: Vec<&[Value]> = branches.iter().map(|branch| self.values_of(branch, tag)).collect();
        let allowed: Vec<Value> = tags.iter().copied().flatten().cloned().collect();
        let Some(given) = object.get_mut(tag) else {
            let expected = alternatives(allowed.iter().map(Value::to_string));
            return self.below(Step::Name(tag.to_owned()), |validation| {
                validation.problem(ProblemKind::Missing { expected, description: String::new() });
            });
        };
        let mut known = false;
        self.below(Step::Name(tag.to_owned()), |validation| known = validation.one_of(&allowed, given));
        if !known {
            return;
        }
        let given = given.clone();
        let intended = tags.iter().position(|values| values.iter().any(|value| given.is(value)));
        if let Some(intended) = intended {
            self.value(&branches[intended], value);
        }
    }

    /// The values of a constant property of an alternative; empty if it is not constant.
    fn values_of(&self, branch: &'s Value, name: &str) -> &'s [Value] {
        self.properties(branch).and_then(|properties| properties.get(name)).map_or(&[], constants)
    }

    /// Corrects or reports the name of a variant: the only member of an object. Returns whether it is reported.
    fn renamed_variant(&mut self, branches: &'s [Value], object: &mut SortedMap<Node>) -> bool {
        let variants: Vec<&str> = branches.iter().filter_map(|branch| self.variant(branch)).collect();
        let others = branches.iter().filter_map(|branch| self.resolve(branch));
        let objects = others.filter(|branch| branch.get("type").is_none_or(|of| of == "object")).count();
        if variants.len() < objects || variants.is_empty() || object.len() != 1 {
            return false;
        }
        let Some(given) = object.keys().next().cloned() else { return false };
        if variants.contains(&given.as_str()) {
            return false;
        }
        if self.validator.coerce
            && let Some(name) = restyled(&given, variants.iter().copied())
            && let Some(value) = object.remove(&given)
        {
            object.insert(name.to_owned(), value);
            self.corrected = true;
            return false;
        }
        let suggestion = suggest(&given, variants.iter().copied()).map(str::to_owned);
        let known = variants.iter().map(|name| (*name).to_owned()).collect();
        self.below(Step::Name(given), |validation| {
            validation.problem(ProblemKind::UnknownName { suggestion, known, pattern: None });
        });
        true
    }

    /// Returns the name of a variant that has the form of an object with the name as its only property.
    fn variant(&self, branch: &'s Value) -> Option<&'s str> {
        let schema = self.resolve(branch)?;
        let required = schema.get("required")?.as_array()?;
        match (&required[..], self.properties(branch)) {
            ([Value::String(name)], Some(properties)) if properties.len() == 1 => Some(name),
            _ => None,
        }
    }

    fn names_variant(&self, branch: &'s Value, value: &Node) -> bool {
        let Node::Object(object) = value else { return false };
        self.variant(branch).is_some_and(|name| object.contains_key(name))
    }

    fn properties(&self, branch: &'s Value) -> Option<&'s Map<String, Value>> {
        self.resolve(branch)?.get("properties")?.as_object()
    }
}

/// The only values of a constant property.
fn constants(schema: &Value) -> &[Value] {
    match (schema.get("const"), schema.get("enum")) {
        (Some(value), _) => std::slice::from_ref(value),
        (None, Some(Value::Array(values))) => values,
        _ => &[],
    }
}
