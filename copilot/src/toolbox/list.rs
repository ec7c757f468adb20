//! The commands `list` and `schema`.

use anstyle::Style;
use serde_json::{Value, json};

use super::Toolbox;
use super::exit::{Exit, Outcome};
use super::table::{Cell, rendered};
use super::terminal::{BOLD, DIM, RED, columns, print};
use crate::tools::context::CalledTool as _;
use crate::tools::{SchemaProfile, Tool};

/// Prints all tools.
pub(super) fn list(toolbox: &Toolbox, tools: &[Tool], is_json: bool) -> Outcome {
    let mut tools: Vec<&Tool> = tools.iter().collect();
    tools.sort_by(|a, b| a.name().cmp(b.name()));
    if is_json {
        let entries: Vec<Value> = tools.iter().map(|tool| entry(toolbox, tool)).collect();
        print(&format!("{:#}\n", Value::Array(entries)))?;
        return Ok(Exit::Success);
    }
    let titles = ["NAME", "GROUP", "HINTS", "STATE", "TOKENS", "SOURCE"];
    let rows: Vec<Vec<Cell>> = tools.iter().map(|tool| row(toolbox, tool)).collect();
    print(&rendered(&titles, &rows, columns()))?;
    Ok(Exit::Success)
}

fn row(toolbox: &Toolbox, tool: &Tool) -> Vec<Cell> {
    let states = states(toolbox, tool);
    let is_missing = states.iter().any(|(_, is_set)| !is_set);
    let state =
        |(name, is_set): &(String, bool)| if *is_set { name.clone() } else { format!("{name} (missing)") };
    let states: Vec<String> = states.iter().map(state).collect();
    let tokens = tokens(tool).map_or_else(|_| "error".to_owned(), |tokens| format!("~{tokens}"));
    vec![
        Cell::new(tool.name(), BOLD),
        Cell::new(tool.group().unwrap_or_default(), Style::new()),
        Cell::new(hints(tool).join(", "), if tool.is_destructive() { RED } else { Style::new() }),
        Cell::new(states.join(", "), if is_missing { RED } else { Style::new() }),
        Cell::new(tokens, Style::new()),
        Cell::new(tool.location().to_string(), DIM),
    ]
}

fn entry(toolbox: &Toolbox, tool: &Tool) -> Value {
    let states: Vec<Value> = states(toolbox, tool)
        .into_iter()
        .map(|(name, is_set)| json!({"type": name, "set": is_set}))
        .collect();
    let location = tool.location();
    json!({
        "name": tool.name(),
        "description": tool.description(),
        "title": tool.title(),
        "group": tool.group(),
        "tags": tool.tags().collect::<Vec<_>>(),
        "hints": hints(tool),
        "states": states,
        "tokens": tokens(tool).ok(),
        "source": {"module": location.module, "file": location.file, "line": location.line},
    })
}

fn hints(tool: &Tool) -> Vec<&'static str> {
    let def = tool.def();
    [
        (def.read_only, "read only"),
        (def.destructive, "destructive"),
        (def.idempotent, "idempotent"),
        (def.open_world, "open world"),
        (tool.decides_approval(), "needs approval"),
        (tool.is_declared_only(), "declared only"),
    ]
    .into_iter()
    .filter_map(|(is_set, hint)| is_set.then_some(hint))
    .collect()
}

/// Returns the short names of the states that the tool needs, and whether each is set.
fn states(toolbox: &Toolbox, tool: &Tool) -> Vec<(String, bool)> {
    let is_set = |need: &_| toolbox.states.contains(need);
    let state = |need: &crate::tools::state::Need| {
        (short(need.type_name), is_set(need) || tool.bound_value(need.type_id).is_some())
    };
    tool.needs().iter().map(state).collect()
}

/// Returns the name of a type without the paths of modules.
fn short(type_name: &str) -> String {
    let mut short = String::new();
    for character in type_name.chars() {
        short.push(character);
        if short.ends_with("::") {
            let start =
                short[..short.len() - 2].rfind(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            short.truncate(start.map_or(0, |start| start + 1));
        }
    }
    short
}

/// Returns the estimated number of tokens of the tool in a prompt. English and JSON have about four bytes per token.
fn tokens(tool: &Tool) -> crate::Result<usize> {
    tool.wire(SchemaProfile::Portable).map(|wire| wire.get().len() / 4)
}

/// Prints the schema of a tool's arguments, or of its result.
pub(super) fn schema(tools: &[Tool], name: &str, of_output: bool) -> Outcome {
    let tool =
        tools.iter().find(|tool| tool.name() == name).ok_or_else(|| format!("there is no tool `{name}`"))?;
    let schema = if of_output {
        tool.output_schema().ok_or_else(|| format!("the result of `{name}` has no schema"))?
    } else {
        match tool.schema()? {
            Some(schema) => serde_json::from_str(schema.get())?,
            None => json!({"type": "object", "properties": {}}),
        }
    };
    print(&format!("{schema:#}\n"))?;
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_short_names() {
        for (long, expected) in [
            ("alloc::string::String", "String"),
            ("std::sync::Mutex<alloc::vec::Vec<acme::Item>>", "Mutex<Vec<Item>>"),
            ("dyn acme::Store", "dyn Store"),
            ("(u8, acme::B)", "(u8, B)"),
            ("u32", "u32"),
        ] {
            assert_eq!(short(long), expected);
        }
    }
}
