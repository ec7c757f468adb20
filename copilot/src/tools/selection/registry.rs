//! The tools that the linker collects, and the checks of a session's tools.

use std::fmt::Write as _;

use serde::{Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::tools::context::CalledTool as _;
use crate::tools::schema::SchemaProfile;
use crate::tools::selection::providers;
use crate::tools::state::StateMap;
use crate::tools::tool::{Registered, Tool};

/// The tools of a session, sorted by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct ToolSet {
    tools: Vec<Tool>,
    profile: SchemaProfile,
}

impl ToolSet {
    /// Creates a set of tools. The error lists all conflicts and missing states.
    pub(crate) fn new(tools: Vec<Tool>, states: &StateMap) -> Result<Self> {
        let set = Self::without_states(tools)?;
        check_states(&set.tools, states)?;
        Ok(set)
    }

    /// As [`new`](Self::new), without a check of the states.
    pub(crate) fn without_states(tools: Vec<Tool>) -> Result<Self> {
        let tools = unique(tools)?;
        check_names(&tools)?;
        check_options(&tools)?;
        check_schemas(&tools)?;
        Ok(Self { tools, profile: SchemaProfile::Portable })
    }

    /// Sets the schema profile. The error lists all schemas that the profile cannot express, and all names that a
    /// provider refuses.
    pub(crate) fn in_profile(self, profile: SchemaProfile) -> Result<Self> {
        let mut errors: Vec<Error> = self.tools.iter().filter_map(|tool| tool.wire(profile).err()).collect();
        if profile != SchemaProfile::Verbatim {
            errors.extend(self.tools.iter().flat_map(providers::errors));
        }
        one_error(&errors)?;
        Ok(Self { profile, ..self })
    }

    pub(crate) fn profile(&self) -> SchemaProfile {
        self.profile
    }

    /// Returns the tool of that name; `None` if another client answers its calls.
    pub(crate) fn get(&self, name: &str) -> Option<&Tool> {
        let index = self.tools.binary_search_by(|tool| tool.name().cmp(name)).ok()?;
        self.tools.get(index).filter(|tool| !tool.is_declared_only())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tool> {
        self.tools.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }
}

/// The array of tools on the wire.
impl Serialize for ToolSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // `without_states` and `in_profile` have checked the wire form of each tool.
        serializer.collect_seq(self.tools.iter().filter_map(|tool| tool.wire(self.profile).ok()))
    }
}

/// Returns all tools that the linker collected.
pub(crate) fn linked() -> Vec<Tool> {
    inventory::iter::<Registered>.into_iter().map(|registered| registered.0.clone()).collect()
}

/// Sorts by name and removes copies of the same definition. Two definitions of one name are an error.
pub(crate) fn unique(mut tools: Vec<Tool>) -> Result<Vec<Tool>> {
    fn key(tool: &Tool) -> (&str, &str, u32) {
        let location = tool.location();
        (tool.name(), location.file, location.line)
    }
    tools.sort_by(|a, b| key(a).cmp(&key(b)));
    tools.dedup_by(|a, b| a.is(b));
    let mut clashes = String::new();
    for pair in tools.windows(2) {
        if let [first, second] = pair
            && first.name() == second.name()
        {
            write!(clashes, "\n  `{}`: at {} and at {}", first.name(), described(first), described(second))
                .expect("writing to a string cannot fail");
        }
    }
    if clashes.is_empty() {
        return Ok(tools);
    }
    Err(Error::new(
        ErrorKind::Tools,
        format!(
            "several tools have the same name; rename one in the session, with \
             `.with_tools([path::of::the_tool::TOOL.renamed(\"..\")])` or with \
             `ToolOptions::prefix(\"..\", [copilot::tools::module(\"its_crate\")])`; or rename it with \
             `#[copilot::tool(name = \"..\")]`, or remove it with `.except([path::of::the_tool::TOOL])`:{clashes}"
        ),
    ))
}

fn described(tool: &Tool) -> String {
    let location = tool.location();
    let mut text = match location.module {
        "" => location.to_string(),
        module => format!("{location} (in `{module}`)"),
    };
    if tool.is_renamed() {
        write!(text, ", defined as `{}`", tool.defined_name()).expect("writing to a string cannot fail");
    }
    text
}

/// Checks that the options of dynamic tools do not contradict each other. The macros check all others.
fn check_options(tools: &[Tool]) -> Result<()> {
    let errors: Vec<Error> = tools
        .iter()
        .filter(|tool| tool.dynamic().is_some())
        .flat_map(|tool| {
            let error = |problem| {
                let message = format!("the tool `{}` at {}: {problem}", tool.name(), tool.location());
                Error::new(ErrorKind::Tools, message)
            };
            contradictions(tool).into_iter().map(error).collect::<Vec<_>>()
        })
        .collect();
    one_error(&errors)
}

/// Returns the contradictions in the options of a tool, in the words of the macro.
fn contradictions(tool: &Tool) -> Vec<&'static str> {
    let def = tool.def();
    let rules = [
        (
            tool.description().trim().is_empty(),
            "it has no description, which the model reads to decide when to call it",
        ),
        (def.read_only && def.destructive, "`destructive` contradicts `read_only`; remove one of them"),
        (
            def.skip_permission && def.destructive,
            "`destructive` contradicts `skip_permission`: a tool that may destroy something needs a permission; \
             remove one of them",
        ),
        (
            def.skip_permission && tool.decides_approval(),
            "`needs_approval` contradicts `skip_permission`, which disables the permission request; remove one of \
             them",
        ),
        (
            def.retries > 0 && !def.read_only && !def.idempotent,
            "`retries` requires `read_only` or `idempotent`: running a tool twice must be safe",
        ),
        (
            def.overrides_builtin && !BUILTINS.contains(&tool.defined_name()),
            "the CLI has no built-in tool of this name to replace; remove `overrides_builtin`",
        ),
        (def.timeout_ms == Some(0), "`timeout` must be at least one millisecond"),
        (def.max_output == Some(0), "`max_output` must be above 0"),
        (def.concurrency == Some(0), "`concurrency` must be above 0"),
        (def.budget == Some(0), "`budget` must be above 0"),
    ];
    rules.into_iter().filter_map(|(wrong, problem)| wrong.then_some(problem)).collect()
}

/// Checks the names. The macros check those of functions too, except names that are constants.
fn check_names(tools: &[Tool]) -> Result<()> {
    one_error(&wrong_names(tools))
}

/// Returns the error of each name that is not valid, or that a built-in tool of the CLI has.
pub(crate) fn wrong_names(tools: &[Tool]) -> Vec<Error> {
    let error = |tool: &Tool| {
        let (name, location) = (tool.name(), tool.location());
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let is_valid = (1..=64).contains(&name.len()) && name.bytes().all(fits);
        let is_builtin = BUILTINS.contains(&name);
        let message = match tool.is_renamed() {
            _ if !is_valid => format!(
                "{} is not a valid tool name: a name has 1 to 64 ASCII letters, digits, `_` and `-`",
                if tool.is_renamed() {
                    format!("`{name}`, to which the tool `{}` at {location} is renamed,", tool.defined_name())
                } else {
                    format!("`{name}` at {location}")
                }
            ),
            true if is_builtin => format!(
                "the tool `{}` at {location} is renamed to `{name}`, but the CLI has a built-in tool of that name; \
                 choose another one",
                tool.defined_name()
            ),
            false if is_builtin && !tool.def().overrides_builtin => format!(
                "the CLI has a built-in tool `{name}`; rename the one at {location}, or add `overrides_builtin` to \
                 replace it"
            ),
            _ => return None,
        };
        Some(Error::new(ErrorKind::Tools, message))
    };
    tools.iter().filter_map(error).collect()
}

/// The names of the CLI's built-in tools.
const BUILTINS: &[&str] = &copilot_macros::builtin_tools!();

/// Checks the schemas. The error lists every schema that cannot be built.
fn check_schemas(tools: &[Tool]) -> Result<()> {
    one_error(&tools.iter().filter_map(|tool| tool.compiled().err()).collect::<Vec<_>>())
}

fn one_error(errors: &[Error]) -> Result<()> {
    match errors {
        [] => Ok(()),
        [only] => Err(only.clone()),
        several => {
            let texts: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(Error::new(ErrorKind::Tools, texts.join("\n")))
        }
    }
}

/// Checks the states. The error lists every missing state and the tools that need it.
fn check_states(tools: &[Tool], states: &StateMap) -> Result<()> {
    let mut missing: Vec<(&str, Vec<&Tool>)> = Vec::new();
    for tool in tools {
        for need in tool
            .compiled()?
            .arguments
            .needs
            .iter()
            .filter(|need| !states.contains(need) && tool.bound_value(need.type_id).is_none())
        {
            let at = missing.iter().position(|(state, _)| *state == need.type_name).unwrap_or_else(|| {
                missing.push((need.type_name, Vec::new()));
                missing.len() - 1
            });
            let needing = &mut missing[at].1;
            if needing.last().is_none_or(|last| last.name() != tool.name()) {
                needing.push(tool);
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    missing.sort_unstable_by_key(|(state, _)| *state);
    let trait_object = missing.iter().map(|(state, _)| *state).find(|state| state.starts_with("dyn "));
    let mut message = String::from("the session lacks state that its tools need:");
    for (state, tools) in missing {
        write!(message, "\n  `{state}` is needed by").expect("writing to a string cannot fail");
        for tool in tools {
            write!(message, "\n    `{}` at {}", tool.name(), tool.location())
                .expect("writing to a string cannot fail");
        }
    }
    message.push_str(
        "\nadd each to the session's builder with `.state(value)`, or with `.shared_state(value)` if it is in an `Arc`, \
         or select tools that do not need it",
    );
    if let Some(state) = trait_object {
        write!(
            message,
            "\na trait object is set with the type parameter of the setter: \
             `.shared_state::<{state}>(Arc::new(value))`"
        )
        .expect("writing to a string cannot fail");
    }
    Err(Error::new(ErrorKind::Tools, message))
}
