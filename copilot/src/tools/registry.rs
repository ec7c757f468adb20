//! Which tools a session has: those that the linker collected, those that were named, and whether they fit together.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Serialize, Serializer};

use super::def::{Location, Registered, Tool};
use super::state::StateMap;
use crate::error::{Error, ErrorKind, Result};

/// The tools of a session, sorted by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct ToolSet(Vec<Tool>);

impl ToolSet {
    /// The tool of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Tool> {
        let index = self.0.binary_search_by(|tool| tool.name().cmp(name)).ok()?;
        self.0.get(index)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tool> {
        self.0.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// As the wire has it.
impl Serialize for ToolSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Whoever made the set has described each tool, so that there is no error left.
        serializer
            .collect_seq(self.0.iter().filter_map(|tool| tool.compiled().ok()).map(|compiled| &compiled.wire))
    }
}

/// What the builder of a session was told about tools.
#[derive(Clone, Debug, Default)]
pub(crate) struct ToolSelection {
    linked: bool,
    added: Vec<Tool>,
}

impl ToolSelection {
    /// Adds every tool that is linked into the program.
    pub(crate) fn all(&mut self) {
        self.linked = true;
    }

    /// Adds single tools.
    pub(crate) fn add(&mut self, tools: impl IntoIterator<Item = Tool>) {
        self.added.extend(tools);
    }

    /// Works out the tools, and everything that is wrong with them.
    pub(crate) fn resolve(&self, states: &StateMap) -> Result<ToolSet> {
        let mut tools = self.added.clone();
        if self.linked {
            let linked = linked();
            if linked.is_empty() {
                return Err(nothing_linked());
            }
            tools.extend(linked);
        }
        tools.retain(|tool| tool.def().enabled.is_none_or(|enabled| enabled()));
        let tools = unique(tools)?;
        check_schemas(&tools)?;
        check_states(&tools, states)?;
        Ok(ToolSet(tools))
    }
}

/// Every tool that the linker collected.
pub(crate) fn linked() -> Vec<Tool> {
    inventory::iter::<Registered>.into_iter().map(|registered| registered.0.clone()).collect()
}

fn nothing_linked() -> Error {
    Error::new(
        ErrorKind::Tools,
        "`with_all_tools()` found no tool in this program: either no function has `#[copilot::tool]`, or the tools \
         are in a crate that no line of this program names, which the linker leaves out; name it with \
         `use that_crate as _;`, or list the tools with `with_tools([that_crate::some_tool::TOOL])`",
    )
}

/// Sorts by name and drops identical copies; two tools of one name are an error.
fn unique(mut tools: Vec<Tool>) -> Result<Vec<Tool>> {
    let order = |tool: &Tool| -> (String, Location) { (tool.name().to_owned(), tool.location()) };
    tools.sort_by_cached_key(|tool| {
        let (name, location) = order(tool);
        (name, location.file, location.line)
    });
    // A crate that is linked twice, as the library of a test is, registers each of its tools twice.
    tools.dedup_by(|a, b| a.name() == b.name() && a.location() == b.location());
    let mut clashes = String::new();
    for pair in tools.windows(2) {
        if let [first, second] = pair
            && first.name() == second.name()
        {
            write!(
                clashes,
                "\n  `{}`: at {} and at {}",
                first.name(),
                described(&first.location()),
                described(&second.location()),
            )
            .expect("writing to a string cannot fail");
        }
    }
    if clashes.is_empty() {
        return Ok(tools);
    }
    Err(Error::new(
        ErrorKind::Tools,
        format!(
            "several tools have one name; rename one with `#[copilot::tool(name = \"..\")]`, or leave it out:{clashes}"
        ),
    ))
}

fn described(location: &Location) -> String {
    format!("{location} (in `{}`)", location.module)
}

/// One error with every schema that cannot be made.
fn check_schemas(tools: &[Tool]) -> Result<()> {
    let errors: Vec<Error> = tools.iter().filter_map(|tool| tool.compiled().err()).collect();
    match &errors[..] {
        [] => Ok(()),
        [only] => Err(only.clone()),
        several => {
            let texts: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(Error::new(ErrorKind::Tools, texts.join("\n")))
        }
    }
}

/// One error with every state that is missing and every tool that needs it.
fn check_states(tools: &[Tool], states: &StateMap) -> Result<()> {
    let mut missing: BTreeMap<&str, Vec<&Tool>> = BTreeMap::new();
    for tool in tools {
        for need in tool.compiled()?.needs.iter().filter(|need| !states.contains(need)) {
            let needing = missing.entry(need.type_name).or_default();
            if needing.last().is_none_or(|last| last.name() != tool.name()) {
                needing.push(tool);
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let mut message = String::from("the tools of this session need state that was not given to it:");
    for (state, tools) in missing {
        write!(message, "\n  `{state}` is needed by").expect("writing to a string cannot fail");
        for tool in tools {
            write!(message, "\n    `{}` at {}", tool.name(), tool.location())
                .expect("writing to a string cannot fail");
        }
    }
    message.push_str(
        "\ngive each to the session's builder with `.state(value)`, or choose tools that need less",
    );
    Err(Error::new(ErrorKind::Tools, message))
}
