//! Adds the rules of `#[arg(..)]` to the schema of a parameter's type. Pure.

use serde_json::{Map, Value};

use crate::tools::arguments::param_def::{ParamDef, Scalar};

/// Adds the rules of a parameter to its schema. The error names a rule that does not apply to the type.
///
/// Returns whether there is a rule that the type does not enforce.
pub(crate) fn apply(param: &ParamDef, schema: &mut Map<String, Value>) -> Result<bool, String> {
    let kind = Kind::of(schema);
    let mut any = false;
    let mut set = |schema: &mut Map<String, Value>, keyword: &str, value: Value| {
        schema.insert(keyword.to_owned(), value);
        any = true;
    };
    let refuse = |option: &str, wanted: &str| {
        Err(format!(
            "`{option}` of argument `{}` applies to {wanted}, but the argument is {}",
            param.name,
            kind.noun()
        ))
    };
    for (option, keyword, bound) in [("min", "minimum", param.min), ("max", "maximum", param.max)] {
        match (bound, kind) {
            (None, _) => {}
            (Some(bound), _) if !bound.is_number() => {
                return Err(format!(
                    "`{option}` of argument `{}` is not finite, or beyond 64 bits",
                    param.name
                ));
            }
            (Some(bound), Kind::Integer | Kind::Number) => set(schema, keyword, bound.into()),
            (Some(_), _) => return refuse(option, "numbers"),
        }
    }
    for (option, bound) in [("min_len", param.min_len), ("max_len", param.max_len)] {
        let Some(bound) = bound else { continue };
        let least = option == "min_len";
        let keyword = match kind {
            Kind::Text => ["maxLength", "minLength"][usize::from(least)],
            Kind::List => ["maxItems", "minItems"][usize::from(least)],
            Kind::Object => ["maxProperties", "minProperties"][usize::from(least)],
            _ => return refuse(option, "text, lists and maps"),
        };
        set(schema, keyword, bound.into());
    }
    if let Some(pattern) = param.pattern {
        if kind != Kind::Text {
            return refuse("pattern", "text");
        }
        regex_lite::Regex::new(pattern).map_err(|error| {
            format!("`pattern` of argument `{}` is not a regular expression: {error}", param.name)
        })?;
        set(schema, "pattern", pattern.into());
    }
    if !param.one_of.is_empty() {
        if let Some(odd) = param.one_of.iter().find(|value| !kind.takes(value)) {
            let message = "`one_of` of argument `{}` has a value of another type";
            return Err(format!("{}: {}", message.replace("{}", param.name), Value::from(*odd)));
        }
        set(schema, "enum", param.one_of.iter().map(|value| Value::from(*value)).collect());
    }
    if !param.examples.is_empty() {
        if let Some(odd) = param.examples.iter().find(|value| !kind.takes(value)) {
            return Err(format!(
                "`example` of argument `{}` is of another type: {}",
                param.name,
                Value::from(*odd)
            ));
        }
        let examples = param.examples.iter().map(|value| Value::from(*value)).collect();
        schema.insert("examples".to_owned(), examples);
    }
    Ok(any)
}

/// The type of a schema, as far as the rules distinguish types.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Number,
    Text,
    Bool,
    List,
    Object,
    Other,
}

impl Kind {
    fn of(schema: &Map<String, Value>) -> Self {
        let name = match schema.get("type") {
            Some(Value::String(name)) => Some(name.as_str()),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
            _ => None,
        };
        match name {
            Some("integer") => Self::Integer,
            Some("number") => Self::Number,
            Some("string") => Self::Text,
            Some("boolean") => Self::Bool,
            Some("array") => Self::List,
            Some("object") => Self::Object,
            _ => Self::Other,
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Text => "text",
            Self::Bool => "a bool",
            Self::List => "a list",
            Self::Object => "an object",
            Self::Other => "of another type",
        }
    }

    fn takes(self, value: &Scalar) -> bool {
        match value {
            Scalar::Text(_) => matches!(self, Self::Text | Self::Other),
            Scalar::Int(_) => matches!(self, Self::Integer | Self::Number | Self::Other),
            Scalar::Float(_) | Scalar::Single(_) => matches!(self, Self::Number | Self::Other),
            Scalar::Bool(_) => matches!(self, Self::Bool | Self::Other),
        }
    }
}
