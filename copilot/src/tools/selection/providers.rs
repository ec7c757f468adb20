//! Tools that a provider of models refuses. Each refusal breaks every request of a session.

use std::fmt::Write as _;

use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::tools::compiled::Compiled;
use crate::tools::selection::shadowed;
use crate::tools::tool::Tool;

/// The number of tools that OpenAI accepts in a request.
const MOST_TOOLS: usize = 128;
/// The length of a tool's description that OpenAI accepts, in characters.
const LONGEST_DESCRIPTION: usize = 1_024;

/// Returns the errors of a tool whose name or arguments a provider refuses.
pub(crate) fn errors(tool: &Tool) -> impl Iterator<Item = Error> {
    let error = move |problem: String| {
        let (name, location) = (tool.name(), tool.location());
        Error::new(ErrorKind::Tools, format!("tool `{name}` at {location}: {problem}"))
    };
    let name = (!starts_as_name(tool.name())).then(|| {
        let renamed = tool.is_renamed().then(|| format!(" (it is defined as `{}`)", tool.defined_name()));
        error(format!(
            "its name starts with a digit or `-`, which Gemini refuses; start it with a letter or `_`{}",
            renamed.unwrap_or_default()
        ))
    });
    let properties = tool.compiled().ok().and_then(|compiled| compiled.arguments.schema.get("properties"));
    let properties = properties.and_then(Value::as_object).into_iter().flatten();
    let refused = properties.filter(|(name, _)| !is_property_name(name)).map(move |(name, _)| {
        error(format!(
            "Anthropic refuses the argument name `{name}`: a name has 1 to 64 ASCII letters, digits, `_`, `.` and `-`; \
             rename it with `#[arg(name = \"..\")]`, or with `#[serde(rename = \"..\")]` if it is a field"
        ))
    });
    name.into_iter().chain(refused)
}

/// Returns notes on a tool: what a provider refuses, what changes when an argument is added, and what a type loses.
pub(crate) fn notes(tool: &Tool) -> Vec<String> {
    let mut notes = Vec::new();
    let length = tool.description().chars().count();
    if length > LONGEST_DESCRIPTION {
        notes.push(format!(
            "its description has {length} characters; OpenAI refuses more than {LONGEST_DESCRIPTION}"
        ));
    }
    if let Ok(Compiled { arguments, .. }) = tool.compiled() {
        let schema = &arguments.schema;
        parts(schema, "", &mut |part, path| {
            if !path.is_empty() && part.get("prefixItems").is_some() {
                notes.push(format!(
                    "`{path}` is a tuple (`prefixItems`), which OpenAI's strict mode and some models of Gemini refuse; \
                     a struct with named fields is accepted"
                ));
            }
            for name in
                part.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name)
            {
                if !path.is_empty() && !is_property_name(name) {
                    notes.push(format!(
                        "`{path}` has a property `{name}`; Anthropic refuses names other than 1 to 64 ASCII letters, \
                         digits, `_`, `.` and `-`"
                    ));
                }
            }
        });
        if let Some(name) = arguments.spread {
            notes.push(format!(
                "the fields of `{name}` are the arguments; a second argument would move them below `{name}`, which \
                 `#[arg(nest)]` does already"
            ));
        }
    }
    if let Some(types) = tool.type_schema() {
        parts(&types, "", &mut |part, path| notes.extend(shadowed::notes(&types, part, path)));
    }
    notes.sort();
    notes.dedup();
    notes
}

/// Returns a note on the number of a session's tools.
pub(crate) fn note_on_number(tools: usize) -> Option<String> {
    (tools > MOST_TOOLS).then(|| format!("{tools} tools are more than the {MOST_TOOLS} that OpenAI accepts"))
}

/// Visits the schemas of a tool, each with its path in the arguments.
fn parts(schema: &Value, path: &str, visit: &mut dyn FnMut(&Value, &str)) {
    visit(schema, path);
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for keyword in ["properties", "patternProperties", "$defs"] {
        for (name, part) in schema.get(keyword).and_then(Value::as_object).into_iter().flatten() {
            parts(part, &below(name), visit);
        }
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(part) = schema.get(keyword) {
            let mut items = path.to_owned();
            write!(items, "[]").expect("writing to a string cannot fail");
            parts(part, &items, visit);
        }
    }
    for keyword in ["anyOf", "oneOf", "allOf", "prefixItems"] {
        for part in schema.get(keyword).and_then(Value::as_array).into_iter().flatten() {
            parts(part, path, visit);
        }
    }
}

fn starts_as_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit() || first == '-')
}

fn is_property_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::schema::SchemaProfile;
    use crate::tools::selection::registry::ToolSet;
    use crate::tools::{DynTool, StateMap};

    fn tool(name: &str, schema: Value) -> Tool {
        DynTool::new(name, "Do it.").schema(schema).unwrap().declare()
    }

    fn started(tools: Vec<Tool>, profile: SchemaProfile) -> Result<ToolSet, String> {
        let set = ToolSet::new(tools, &StateMap::default()).and_then(|set| set.in_profile(profile));
        set.map_err(|error| error.to_string())
    }

    #[test]
    fn names_that_a_provider_refuses_are_an_error_in_all_profiles_but_verbatim() {
        let nested = json!({ "type": "object", "properties": { "$nested": {} } });
        let filter =
            json!({ "type": "object", "properties": { "$filter": {}, "a.b-c_D1": {}, "in": nested } });
        let tools = || vec![tool("2go", filter.clone()), tool("-x", json!({ "type": "object" }))];
        let text = started(tools(), SchemaProfile::Portable).unwrap_err();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("tool `-x` at ") && lines[0].contains("which Gemini refuses"), "{text}");
        assert!(
            lines[1].starts_with("tool `2go` at ") && lines[1].contains("which Gemini refuses"),
            "{text}"
        );
        assert!(lines[2].contains("Anthropic refuses the argument name `$filter`"), "{text}");
        assert_eq!(lines.len(), 3, "{text}");
        assert!(started(tools(), SchemaProfile::Verbatim).is_ok());
        let long = json!({ "type": "object", "properties": { "x".repeat(65): {}, "": {}, "größe": {} } });
        assert_eq!(started(vec![tool("x", long)], SchemaProfile::Portable).unwrap_err().lines().count(), 3);
    }

    #[test]
    fn a_note_names_the_provider_that_refuses_a_tool() {
        let schema = json!({
            "type": "object",
            "properties": {
                "pair": { "type": "array", "prefixItems": [{}, {}] },
                "list": { "type": "array", "items": { "type": "object", "properties": { "$eq": {} } } },
            },
        });
        let long = DynTool::new("long", "é".repeat(1_025)).schema(schema).unwrap().declare();
        let notes = notes(&long);
        assert_eq!(notes.len(), 3, "{notes:?}");
        for (note, start) in notes.iter().zip([
            "`list[]` has a property `$eq`; Anthropic refuses",
            "`pair` is a tuple (`prefixItems`), which OpenAI's strict mode",
            "its description has 1025 characters; OpenAI refuses more than 1024",
        ]) {
            assert!(note.starts_with(start), "{note}");
        }
        assert!(super::notes(&DynTool::new("short", "é".repeat(1_024)).declare()).is_empty());
        assert_eq!(note_on_number(128), None);
        assert_eq!(note_on_number(129).unwrap(), "129 tools are more than the 128 that OpenAI accepts");
    }
}
