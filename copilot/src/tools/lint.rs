//! What is worth a second look at a tool before a model meets it. Nothing here stops a session.

use serde_json::Value;

use super::def::Tool;
use super::registry::{self, ToolSet};
use super::walk::Checker;
use crate::error::Result;

/// Everything that is wrong with the tools that are linked into the program.
pub(crate) fn problems() -> Vec<String> {
    let mut problems = Vec::new();
    if let Err(error) = registry::unique(registry::linked()) {
        problems.push(error.to_string());
    }
    let mut tools = registry::linked();
    tools.sort_by(|a, b| a.name().cmp(b.name()));
    for tool in &tools {
        problems.extend(
            problems_of(tool)
                .into_iter()
                .map(|problem| format!("tool `{}` at {}: {problem}", tool.name(), tool.location())),
        );
    }
    problems.dedup();
    problems
}

/// Every linked tool, whatever state it needs.
pub(crate) fn linked_set() -> Result<ToolSet> {
    ToolSet::without_states(registry::linked())
}

fn problems_of(tool: &Tool) -> Vec<String> {
    let compiled = match tool.compiled() {
        Ok(compiled) => compiled,
        Err(error) => return vec![error.to_string()],
    };
    let mut problems = Vec::new();
    let properties = compiled.schema["properties"].as_object();
    for (name, schema) in properties.into_iter().flatten() {
        if schema.get("description").is_none() {
            problems.push(format!("argument `{name}` has no description"));
        }
        let checker = Checker { schema: &compiled.schema, coerce: false, patterns: &compiled.patterns };
        let shown = schema.get("examples").and_then(Value::as_array).into_iter().flatten();
        for value in schema.get("default").into_iter().chain(shown) {
            if let Err(wrong) = checker.check_against(schema, &mut value.clone()) {
                problems.extend(
                    wrong.iter().map(|wrong| format!("argument `{name}`: a default or example: {wrong}")),
                );
            }
        }
    }
    problems
}
