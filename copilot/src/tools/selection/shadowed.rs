//! Untagged enums whose earlier variant takes the values of a later one. Pure.
//!
//! serde takes the first variant that fits, and a variant ignores members that it does not have: these are lost, although
//! the schema of the later variant has them.

use serde_json::{Map, Value};

use crate::tools::arguments::validate::resolve;

/// Returns the notes on the alternatives of a schema, as types describe them, at a path in the arguments.
pub(super) fn notes(root: &Value, part: &Value, path: &str) -> Vec<String> {
    let branches = part.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    let objects = branches.filter_map(|branch| Variant::of(root, branch)).collect::<Vec<_>>();
    let mut notes = Vec::new();
    for (index, later) in objects.iter().enumerate() {
        for earlier in &objects[..index] {
            let lost = earlier.lost_of(later);
            if !lost.is_empty() && earlier.takes(root, later) {
                notes.push(format!(
                    "`{path}` is an untagged enum whose variant with {} takes the values of the later one with {}, and \
                     loses {}; put the later one first, or add `#[serde(deny_unknown_fields)]`",
                    listed(earlier.properties.keys().map(String::as_str)),
                    listed(later.properties.keys().map(String::as_str)),
                    listed(lost.into_iter()),
                ));
            }
        }
    }
    notes
}

/// A variant that is an object with named members.
struct Variant<'s> {
    properties: &'s Map<String, Value>,
    required: Vec<&'s str>,
    /// Whether the type ignores other members.
    ignores: bool,
}

impl<'s> Variant<'s> {
    fn of(root: &'s Value, branch: &'s Value) -> Option<Self> {
        let object = resolve(root, branch)?;
        let required = object.get("required").and_then(Value::as_array).into_iter().flatten();
        Some(Self {
            properties: object.get("properties")?.as_object()?,
            required: required.filter_map(Value::as_str).collect(),
            ignores: ["additionalProperties", "unevaluatedProperties", "patternProperties"]
                .iter()
                .all(|keyword| !object.contains_key(*keyword)),
        })
    }

    /// Returns the members of a later variant that this one would ignore.
    fn lost_of(&self, later: &Variant<'s>) -> Vec<&'s str> {
        let lost = later.properties.keys().filter(|name| !self.properties.contains_key(*name));
        lost.map(String::as_str).filter(|_| self.ignores).collect()
    }

    /// Returns whether this variant may fit a value of a later one, as far as the types of the members show.
    fn takes(&self, root: &Value, later: &Variant<'s>) -> bool {
        let has_all = self.required.iter().all(|name| later.properties.contains_key(*name));
        let is_always = |name: &str| self.required.contains(&name) || later.required.contains(&name);
        let mut both = self.properties.iter().filter_map(|(name, own)| {
            let other = later.properties.get(name)?;
            is_always(name).then_some((own, other))
        });
        has_all && both.all(|(own, other)| !are_disjoint(root, own, other))
    }
}

/// Returns whether no value fits both schemas, as far as their types and constants show.
fn are_disjoint(root: &Value, one: &Value, other: &Value) -> bool {
    let (Some(one), Some(other)) = (resolve(root, one), resolve(root, other)) else { return false };
    if let (Some(one), Some(other)) = (constants(one), constants(other)) {
        return !one.iter().any(|value| other.contains(value));
    }
    let (one, other) = (types(one), types(other));
    let is_number = |name: &str| name == "integer" || name == "number";
    let fits = |one: &str, other: &str| one == other || (is_number(one) && is_number(other));
    !one.is_empty() && !other.is_empty() && !one.iter().any(|one| other.iter().any(|other| fits(one, other)))
}

fn constants(schema: &Map<String, Value>) -> Option<Vec<&Value>> {
    match (schema.get("const"), schema.get("enum")) {
        (Some(only), _) => Some(vec![only]),
        (None, Some(Value::Array(values))) => Some(values.iter().collect()),
        _ => None,
    }
}

fn types(schema: &Map<String, Value>) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "no members".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;

    use crate::tools::selection::providers::notes;
    use crate::tools::{DynTool, Tool};

    macro_rules! untagged {
        ($($(#[$attr:meta])* $name:ident { $($variants:tt)* })*) => {$(
            #[derive(Deserialize, JsonSchema)]
            #[serde(untagged)]
            $(#[$attr])*
            #[expect(dead_code, reason = "only the schemas are read")]
            enum $name { $($variants)* }
        )*};
    }

    untagged! {
        Lossy { A { x: u8, y: Option<u8> }, B { x: u8, z: u8 } }
        Ordered { B { x: u8, z: u8 }, A { x: u8, y: Option<u8> } }
        #[serde(deny_unknown_fields)]
        Denied { A { x: u8, y: Option<u8> }, B { x: u8, z: u8 } }
        Typed { A { x: u8 }, B { x: String, z: u8 }, C { x: bool, z: u8 } }
        Open { A { x: Option<u8>, #[serde(flatten)] rest: serde_json::Map<String, serde_json::Value> }, B { z: u8 } }
        Empty { A { x: Option<u8> }, B { z: f64 } }
        Missing { A { x: u8 }, B { z: u8 } }
        Numbers { A { x: f64 }, Text(String), B { x: i8, z: u8 } }
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only the schema is read")]
    struct Nested<T> {
        /// All of them.
        all: Vec<T>,
        more: Option<u8>,
    }

    fn tool<T: for<'de> Deserialize<'de> + JsonSchema + Send + 'static>() -> Tool {
        DynTool::new("t", "Do it.").typed(|_: Nested<T>, _| async {})
    }

    #[test]
    fn a_variant_that_takes_the_values_of_a_later_one_is_noted() {
        for (tool, expected) in [
            (
                tool::<Lossy>(),
                "`all[]` is an untagged enum whose variant with `x`, `y` takes the values of the later one with `x`, \
                 `z`, and loses `z`; put the later one first, or add `#[serde(deny_unknown_fields)]`",
            ),
            (
                tool::<Empty>(),
                "`all[]` is an untagged enum whose variant with `x` takes the values of the later one with `z`, and \
                 loses `z`; put the later one first, or add `#[serde(deny_unknown_fields)]`",
            ),
            (
                tool::<Numbers>(),
                "`all[]` is an untagged enum whose variant with `x` takes the values of the later one with `x`, `z`, and \
                 loses `z`; put the later one first, or add `#[serde(deny_unknown_fields)]`",
            ),
        ] {
            assert_eq!(notes(&tool), [expected]);
        }
        for tool in [
            tool::<Ordered>(),
            tool::<Denied>(),
            tool::<Typed>(),
            tool::<Open>(),
            tool::<Missing>(),
            // A tool with a schema as JSON reads the value as it is.
            DynTool::new("t", "Do it.")
                .schema(json!({ "type": "object", "properties": { "a": { "anyOf": [
                    { "type": "object", "properties": { "x": {} } },
                    { "type": "object", "properties": { "z": {} } },
                ] } } }))
                .unwrap()
                .declare(),
        ] {
            assert_eq!(notes(&tool), [""; 0], "{:?}", tool.schema());
        }
    }
}
