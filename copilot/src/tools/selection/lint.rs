//! Checks of tools for tests. A session starts in spite of most of these problems.

use serde_json::Value;

#[cfg(any(test, feature = "testing"))]
use crate::error::Result;
use crate::tools::arguments::node::Node;
use crate::tools::arguments::validate::{Integers, Validator};
use crate::tools::compiled::Compiled;
use crate::tools::schema;
use crate::tools::selection::providers;
use crate::tools::selection::registry;
#[cfg(any(test, feature = "testing"))]
use crate::tools::selection::registry::ToolSet;
use crate::tools::tool::Tool;

/// Returns all problems of tools, each once.
pub(crate) fn problems(mut tools: Vec<Tool>) -> Vec<String> {
    let mut problems = Vec::new();
    if let Err(error) = registry::unique(tools.clone()) {
        problems.push(error.to_string());
    }
    problems.extend(registry::wrong_names(&tools).iter().map(ToString::to_string));
    tools.sort_by(|a, b| a.name().cmp(b.name()));
    problems.extend(tools.iter().flat_map(problems_of));
    problems.dedup();
    problems
}

/// Returns notes on tools, which are not problems: a provider that refuses a tool, and an argument whose fields are the
/// arguments.
pub(crate) fn notes(mut tools: Vec<Tool>) -> Vec<String> {
    tools.sort_by(|a, b| a.name().cmp(b.name()));
    let number = providers::note_on_number(tools.len());
    number.into_iter().chain(tools.iter().flat_map(notes_of)).collect()
}

/// Returns the notes on a tool, each with the tool's name and location.
fn notes_of(tool: &Tool) -> Vec<String> {
    let located = |note| format!("tool `{}` at {}: {note}", tool.name(), tool.location());
    providers::notes(tool).into_iter().map(located).collect()
}

/// Returns all tools that are linked into the program.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn linked() -> Vec<Tool> {
    registry::linked()
}

/// Returns tools as a set, without a check of their states.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn set(tools: Vec<Tool>) -> Result<ToolSet> {
    ToolSet::without_states(tools)
}

/// Returns the problems of a tool, each with the tool's name and location.
fn problems_of(tool: &Tool) -> Vec<String> {
    match tool.compiled() {
        Ok(compiled) => {
            let located = |problem| format!("tool `{}` at {}: {problem}", tool.name(), tool.location());
            let refused = providers::errors(tool).map(|error| error.to_string());
            problems_of_arguments(compiled).into_iter().map(located).chain(refused).collect()
        }
        // The error names the tool.
        Err(error) => vec![error.to_string()],
    }
}

fn problems_of_arguments(compiled: &Compiled) -> Vec<String> {
    let mut problems = Vec::new();
    // Types may have patterns and other rules that only they check.
    let unchecked = schema::unchecked(&compiled.arguments.schema);
    problems.extend(unchecked.iter().filter(|unchecked| unchecked.is_pattern()).map(ToString::to_string));
    let properties = compiled.arguments.schema["properties"].as_object();
    for (name, schema) in properties.into_iter().flatten() {
        if schema.get("description").is_none() {
            problems.push(format!("argument `{name}` has no description"));
        }
        let validator = Validator {
            schema: &compiled.arguments.schema,
            coerce: false,
            patterns: &compiled.patterns,
            integers: Integers::Typed,
            keeps_null: true,
        };
        let examples = schema.get("examples").and_then(Value::as_array).into_iter().flatten();
        for value in schema.get("default").into_iter().chain(examples) {
            let wrong = validator.check_against(schema, &mut Node::from(value)).problems;
            problems.extend(
                wrong
                    .iter()
                    .map(|wrong| format!("argument `{name}` has an invalid default or example: {wrong}")),
            );
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::arguments::param_def::{ParamDef, Shape};
    use crate::tools::def::ToolDef;
    use crate::tools::expansion::{Probe, ProbeValue as _, Started, Visitor};

    /// The shim of a tool with one argument of type `String`.
    fn text(visitor: &mut Visitor<'_>) -> Option<Started> {
        visitor.visit(0, Probe::<String>::NEW.kind());
        visitor.ready()?;
        None
    }

    #[test]
    fn a_problem_names_the_tool_once() {
        const TEXT: ParamDef = ParamDef { name: "words", ..ParamDef::BASE };
        static UNDESCRIBED: ToolDef = ToolDef { name: "sing", params: &[TEXT], shim: text, ..ToolDef::BASE };
        const FLAT: ParamDef = ParamDef { shape: Shape::Flatten, ..TEXT };
        static BROKEN: ToolDef = ToolDef { name: "hum", params: &[FLAT], shim: text, ..ToolDef::BASE };
        for (tool, problem) in [
            (Tool::new(&UNDESCRIBED), "argument `words` has no description"),
            (Tool::new(&BROKEN), "cannot be described"),
        ] {
            let problems = problems_of(&tool);
            assert!(problems.len() == 1 && problems[0].contains(problem), "{problems:?}");
            assert_eq!(problems[0].matches(&format!("tool `{}` at", tool.name())).count(), 1, "{problems:?}");
        }
    }
}
