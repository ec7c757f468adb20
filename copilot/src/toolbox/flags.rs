//! The options of the command line for the arguments of a tool. Pure.

use serde_json::{Map, Value};

use crate::tools::Tool;

/// An option for an argument, or for a member of an argument that is an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flag {
    /// The names from the arguments object to the value.
    pub(super) path: Vec<String>,
    pub(super) kind: Kind,
    /// Whether the argument is required, and each object that it is in.
    pub(super) required: bool,
    /// The description, with the default and the limits.
    pub(super) help: String,
    /// The valid texts; empty for any.
    pub(super) choices: Vec<String>,
}

/// The type of an option's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    Json,
    /// Given once for each element.
    List(Box<Kind>),
}

impl Flag {
    /// Returns the name of the argument, such as `trip.days`.
    pub(super) fn name(&self) -> String {
        self.path.join(".")
    }

    /// Returns the name of the option, such as `trip.max-days`.
    pub(super) fn long(&self) -> String {
        self.name().replace('_', "-")
    }
}

impl Kind {
    /// Returns the placeholder in the help.
    pub(super) fn placeholder(&self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Integer => "INTEGER",
            Self::Number => "NUMBER",
            Self::Boolean => "BOOL",
            Self::Json => "JSON",
            Self::List(kind) => kind.placeholder(),
        }
    }

    /// Converts the text of an option. A text that is not of this type stays a text, which the tool reports as it reports
    /// it to a model.
    pub(super) fn value(&self, text: &str) -> Value {
        let parsed = serde_json::from_str(text);
        match (self, parsed) {
            (Self::Integer | Self::Number, Ok(value @ (Value::Number(_) | Value::Null)))
            | (Self::Boolean, Ok(value @ (Value::Bool(_) | Value::Null)))
            | (Self::Json, Ok(value)) => value,
            (Self::List(kind), _) => kind.value(text),
            _ => Value::String(text.to_owned()),
        }
    }
}

/// Returns the options for the arguments of a tool; none for a tool whose schema is unusable.
pub(super) fn of(tool: &Tool) -> Vec<Flag> {
    let schema = tool.schema().ok().flatten();
    let schema = schema.and_then(|schema| serde_json::from_str(schema.get()).ok()).unwrap_or_default();
    flags(&schema)
}

/// Returns the options for a schema, required ones first.
fn flags(schema: &Value) -> Vec<Flag> {
    let mut flags = Vec::new();
    collect(schema, schema, &mut Vec::new(), true, 0, &mut flags);
    flags.sort_by_key(|flag| !flag.required);
    flags
}

/// The depth to which objects have an option for each member; deeper ones are JSON.
const DEPTH: usize = 4;

fn collect(
    root: &Value,
    object: &Value,
    path: &mut Vec<String>,
    required: bool,
    depth: usize,
    out: &mut Vec<Flag>,
) {
    let names = object.get("required").and_then(Value::as_array);
    let is_required = |name: &str| names.is_some_and(|names| names.iter().any(|required| required == name));
    for (name, schema) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let required = required && is_required(name);
        path.push(name.clone());
        let resolved = resolved(root, schema);
        let has_members =
            resolved.get("properties").and_then(Value::as_object).is_some_and(|all| !all.is_empty());
        if has_members && depth < DEPTH {
            collect(root, &resolved, path, required, depth + 1, out);
        } else {
            out.push(flag(root, &resolved, path.clone(), required));
        }
        path.pop();
    }
}

fn flag(root: &Value, schema: &Value, path: Vec<String>, required: bool) -> Flag {
    let mut kind = kind(schema);
    let mut choices = choices(schema);
    if let Kind::List(inner) = &mut kind {
        let items = resolved(root, schema.get("items").unwrap_or(&Value::Null));
        **inner = self::kind(&items);
        choices = self::choices(&items);
    }
    let mut help = schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut note = |text: String| {
        if !help.is_empty() {
            help.push(' ');
        }
        help.push_str(&text);
    };
    let limit = |names: [&str; 2]| names.iter().find_map(|name| schema.get(*name)).map(ToString::to_string);
    match (limit(["minimum", "exclusiveMinimum"]), limit(["maximum", "exclusiveMaximum"])) {
        (Some(least), Some(most)) => note(format!("[{least} to {most}]")),
        (Some(least), None) => note(format!("[at least {least}]")),
        (None, Some(most)) => note(format!("[at most {most}]")),
        (None, None) => {}
    }
    match schema.get("default") {
        Some(Value::String(text)) => note(format!("[default: {text}]")),
        Some(Value::Null) | None => {}
        Some(value) => note(format!("[default: {value}]")),
    }
    if matches!(kind, Kind::List(_)) {
        note("[repeat for more]".to_owned());
    }
    Flag { path, kind, required, help, choices }
}

fn kind(schema: &Value) -> Kind {
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect()
        }
        _ => Vec::new(),
    };
    match types[..] {
        ["string"] => Kind::Text,
        ["integer"] => Kind::Integer,
        ["number"] => Kind::Number,
        ["boolean"] => Kind::Boolean,
        ["array"] => Kind::List(Box::new(Kind::Json)),
        [] if !choices(schema).is_empty() => Kind::Text,
        _ => Kind::Json,
    }
}

/// Returns the texts of an enum: an `enum`, or alternatives with a `const` each.
fn choices(schema: &Value) -> Vec<String> {
    let texts = |values: &mut dyn Iterator<Item = &Value>| -> Option<Vec<String>> {
        values.filter(|value| !value.is_null()).map(|value| value.as_str().map(str::to_owned)).collect()
    };
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return texts(&mut values.iter()).unwrap_or_default();
    }
    let branches = ["oneOf", "anyOf"].iter().find_map(|rule| schema.get(*rule)).and_then(Value::as_array);
    let Some(branches) = branches else { return Vec::new() };
    let of_branch = |branch: &Value| match (branch.get("const"), branch.get("enum").and_then(Value::as_array))
    {
        (Some(only), _) => texts(&mut [only].into_iter()),
        (None, Some(values)) => texts(&mut values.iter()),
        (None, None) => None,
    };
    let all: Option<Vec<Vec<String>>> = branches.iter().map(of_branch).collect();
    all.map(|all| all.concat()).unwrap_or_default()
}

/// Returns a schema without its reference and without the alternative `null`. Members beside the reference win.
fn resolved(root: &Value, schema: &Value) -> Value {
    let mut members: Map<String, Value> = schema.as_object().cloned().unwrap_or_default();
    for _ in 0..16 {
        let next = if let Some(target) = members.remove("$ref") {
            let pointer = target.as_str().and_then(|target| target.strip_prefix('#'));
            pointer.and_then(|pointer| root.pointer(pointer)).cloned()
        } else {
            let only = ["anyOf", "oneOf", "allOf"].iter().find_map(|rule| {
                let branches = members.get(*rule)?.as_array()?;
                let mut rest =
                    branches.iter().filter(|branch| branch.get("type").is_none_or(|name| name != "null"));
                let only = rest.next()?.clone();
                rest.next().is_none().then_some((*rule, only))
            });
            only.map(|(rule, only)| {
                members.remove(rule);
                only
            })
        };
        let Some(Value::Object(next)) = next else { break };
        for (name, value) in next {
            members.entry(name).or_insert(value);
        }
    }
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_option_for_each_value() {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "The city."},
                "days": {"type": "integer", "minimum": 1, "maximum": 14, "default": 3},
                "max_wind": {"type": ["number", "null"]},
                "unit": {"$ref": "#/$defs/Unit"},
                "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
                "trip": {"anyOf": [{"$ref": "#/$defs/Trip"}, {"type": "null"}]},
                "map": {"type": "object", "additionalProperties": {"type": "integer"}},
                "quick": {"type": "boolean"},
            },
            "required": ["city"],
            "$defs": {
                "Unit": {"oneOf": [{"const": "C", "description": "Celsius"}, {"const": "F"}]},
                "Trip": {"type": "object", "properties": {"to": {"type": "string"}, "next": {"$ref": "#/$defs/Trip"}},
                    "required": ["to"]},
            },
        });
        let flags = flags(&schema);
        let shown = |flag: &Flag| format!("{} {}", flag.long(), flag.kind.placeholder());
        let names: Vec<String> = flags.iter().map(shown).collect();
        for expected in [
            "city TEXT",
            "days INTEGER",
            "max-wind NUMBER",
            "unit TEXT",
            "tags TEXT",
            "trip.to TEXT",
            "trip.next.to TEXT",
            "map JSON",
            "quick BOOL",
        ] {
            assert!(names.iter().any(|name| name == expected), "{expected}: {names:?}");
        }
        assert!(
            flags[0].required
                && flags[0].long() == "city"
                && flags.iter().filter(|flag| flag.required).count() == 1
        );
        let of = |name: &str| flags.iter().find(|flag| flag.name() == name).unwrap();
        assert_eq!(of("days").help, "[1 to 14] [default: 3]");
        assert_eq!(
            (&of("unit").choices[..], &of("tags").choices[..]),
            (&["C".to_owned(), "F".to_owned()][..], &["a".to_owned(), "b".to_owned()][..])
        );
        assert!(names.iter().filter(|name| name.starts_with("trip.")).count() < 10, "{names:?}");
    }

    #[test]
    fn texts_of_another_type_stay_texts() {
        assert_eq!(Kind::Integer.value("3"), json!(3));
        assert_eq!(Kind::Integer.value("three"), json!("three"));
        assert_eq!(Kind::Text.value("3"), json!("3"));
        assert_eq!(Kind::Boolean.value("true"), json!(true));
        assert_eq!(Kind::Json.value("[1]"), json!([1]));
        assert_eq!(Kind::Number.value("18446744073709551615"), json!(u64::MAX));
    }
}
