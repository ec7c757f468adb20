//! What is worth a second look at a tool before a model meets it. Nothing here stops a session.

use serde_json::Value;

use super::compiled::Compiled;
use super::def::Tool;
use super::registry::{self, ToolSet};
use super::validate::Validator;
use crate::error::Result;

/// Everything that is wrong with the tools that are linked into the program.
pub(crate) fn problems() -> Vec<String> {
    let mut problems = Vec::new();
    if let Err(error) = registry::unique(registry::linked()) {
        problems.push(error.to_string());
    }
    let mut tools = registry::linked();
    tools.sort_by(|a, b| a.name().cmp(b.name()));
    problems.extend(tools.iter().flat_map(problems_of));
    problems.dedup();
    problems
}

/// Every linked tool, whatever state it needs.
pub(crate) fn linked_set() -> Result<ToolSet> {
    ToolSet::without_states(registry::linked())
}

/// What is wrong with a tool, each with the tool's name and place.
fn problems_of(tool: &Tool) -> Vec<String> {
    match tool.compiled() {
        Ok(compiled) => {
            let told = |problem| format!("tool `{}` at {}: {problem}", tool.name(), tool.location());
            problems_of_arguments(compiled).into_iter().map(told).collect()
        }
        // It says which tool it is by itself.
        Err(error) => vec![error.to_string()],
    }
}

fn problems_of_arguments(compiled: &Compiled) -> Vec<String> {
    let mut problems = Vec::new();
    let properties = compiled.arguments.schema["properties"].as_object();
    for (name, schema) in properties.into_iter().flatten() {
        if schema.get("description").is_none() {
            problems.push(format!("argument `{name}` has no description"));
        }
        let validator =
            Validator { schema: &compiled.arguments.schema, coerce: false, patterns: &compiled.patterns };
        let shown = schema.get("examples").and_then(Value::as_array).into_iter().flatten();
        for value in schema.get("default").into_iter().chain(shown) {
            if let Err(wrong) = validator.check_against(schema, &mut value.clone()) {
                problems.extend(
                    wrong.iter().map(|wrong| format!("argument `{name}`: a default or example: {wrong}")),
                );
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::def::{ParamDef, Shape, ToolDef};
    use crate::tools::expansion::{Probe, ProbeValue as _, Started, Visitor};

    /// Visits one argument, a text.
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
            let told = problems_of(&tool);
            assert!(told.len() == 1 && told[0].contains(problem), "{told:?}");
            assert_eq!(told[0].matches(&format!("tool `{}` at", tool.name())).count(), 1, "{told:?}");
        }
    }
}
