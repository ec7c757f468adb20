//! The selection of a session's tools, and the report on it.

#[cfg(any(test, feature = "testing", feature = "toolbox"))]
pub(crate) mod lint;
mod providers;
pub(crate) mod registry;
mod shadowed;
#[cfg(any(test, feature = "testing", feature = "toolbox"))]
pub(crate) mod snapshot;
pub(crate) mod toolset;

use std::fmt::{self, Write as _};
use std::sync::Arc;

use crate::contain::UserValue;
use crate::error::{Error, ErrorKind, Result};
use crate::sorted::sorted;
use crate::tools::arguments::suggest::suggest;
use crate::tools::def::Location;
use crate::tools::schema;
use crate::tools::schema::SchemaProfile;
use crate::tools::selection::registry::ToolSet;
use crate::tools::selection_context::SelectionContext;
use crate::tools::tool::Tool;

/// A list of tools: an array, a `Vec` or any other iterator of [`Tool`]s.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of tools",
    label = "expected the constants of tools, as in `[search::TOOL]`",
    note = "`#[copilot::tool]` on a function `search` makes the constant `search::TOOL`; `toolset![search, order]` \
            lists tools by the names of their functions"
)]
pub trait ToolList: IntoIterator<Item = Tool> {}

#[diagnostic::do_not_recommend]
impl<T: IntoIterator<Item = Tool>> ToolList for T {}

/// A criterion that selects tools: [`group`], [`tag`], a name, or a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    by: By,
    may_be_absent: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum By {
    Name(String),
    Tool { defined: String, location: Location, renamed: Option<String> },
    Group(String),
    Tag(String),
    Module(String),
}

/// Selects the tools of a group.
pub fn group(name: impl Into<String>) -> Choice {
    Choice::new(By::Group(name.into()))
}

/// Selects the tools of a module and its submodules. The name of a crate, with underscores, selects all of its tools.
///
/// # Examples
///
/// Two crates have a tool `search`:
///
/// ```
/// use copilot::tool_filter::ToolOptions;
/// use copilot::{Session, tools};
///
/// let names = ToolOptions::new().prefix("acme_", [tools::module("acme_tools")]);
/// let builder = Session::builder().with_all_tools().tool_options(names);
/// # drop(builder);
/// ```
pub fn module(path: impl Into<String>) -> Choice {
    Choice::new(By::Module(path.into()))
}

/// Selects the tools with a tag.
pub fn tag(name: impl Into<String>) -> Choice {
    Choice::new(By::Tag(name.into()))
}

impl From<&str> for Choice {
    fn from(name: &str) -> Self {
        Self::new(By::Name(name.to_owned()))
    }
}

impl From<String> for Choice {
    fn from(name: String) -> Self {
        Self::new(By::Name(name))
    }
}

/// Selects this tool under every name, and no other tool of that name; a renamed tool under this name only.
impl From<Tool> for Choice {
    fn from(tool: Tool) -> Self {
        Self::new(By::Tool {
            defined: tool.defined_name().to_owned(),
            location: tool.location(),
            renamed: tool.is_renamed().then(|| tool.name().to_owned()),
        })
    }
}

impl Choice {
    fn new(by: By) -> Self {
        Self { by, may_be_absent: false }
    }

    /// Allows the choice to match no tool, which is an error otherwise: for tools behind a Cargo feature, and for tools of
    /// a crate that is not always linked.
    ///
    /// ```
    /// use copilot::{Session, group};
    ///
    /// let session = Session::builder().with_all_tools().only([group("issues"), group("admin").if_present()]);
    /// ```
    pub fn if_present(self) -> Self {
        Self { may_be_absent: true, ..self }
    }

    fn takes(&self, tool: &Tool) -> bool {
        match &self.by {
            By::Name(name) => tool.name() == name,
            By::Tool { defined, location, renamed } => {
                tool.defined_name() == defined
                    && tool.location() == *location
                    && renamed.as_ref().is_none_or(|renamed| tool.name() == renamed)
            }
            By::Group(group) => tool.group() == Some(group),
            By::Tag(tag) => tool.tags().any(|own| own == tag),
            By::Module(path) => {
                let rest = tool.location().module.strip_prefix(path.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            }
        }
    }

    /// Returns the valid names of this kind, for a choice that selects nothing.
    fn alternatives<'t>(&self, tools: &'t [Tool]) -> Vec<&'t str> {
        let of = |tool: &'t Tool| -> Vec<&'t str> {
            match &self.by {
                By::Name(_) | By::Tool { .. } => vec![tool.name()],
                By::Group(_) => tool.group().into_iter().collect(),
                By::Tag(_) => tool.tags().collect(),
                By::Module(_) => vec![tool.location().module],
            }
        };
        sorted(tools.iter().flat_map(of))
    }

    fn name(&self) -> &str {
        match &self.by {
            By::Name(name) | By::Group(name) | By::Tag(name) | By::Module(name) => name,
            By::Tool { defined, renamed, .. } => renamed.as_ref().unwrap_or(defined),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.by {
            By::Name(_) | By::Tool { .. } => "tool",
            By::Group(_) => "group",
            By::Tag(_) => "tag",
            By::Module(_) => "module",
        };
        write!(f, "{kind} `{}`", self.name())
    }
}

/// Prefixes of names, each with the choice of its tools.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prefixes(pub(crate) Vec<(String, Vec<Choice>)>);

/// The selection of tools in a session's builder.
#[derive(Clone, Default)]
pub(crate) struct ToolSelection {
    linked: bool,
    added: Vec<Tool>,
    pub(crate) prefixes: Prefixes,
    rules: Vec<Rule>,
    crates: Vec<String>,
    pub(crate) profile: SchemaProfile,
}

#[derive(Clone)]
enum Rule {
    Only(Vec<Choice>),
    Except(Vec<Choice>),
    Filter(Arc<dyn Fn(&Tool) -> bool + Send + Sync>),
}

impl ToolSelection {
    /// Adds every tool that is linked into the program.
    pub(crate) fn all(&mut self) {
        self.linked = true;
    }

    pub(crate) fn add(&mut self, tools: impl IntoIterator<Item = Tool>) {
        self.added.extend(tools);
    }

    /// Keeps the tools that one of the choices selects.
    pub(crate) fn only(&mut self, choices: impl IntoIterator<Item = Choice>) {
        self.rules.push(Rule::Only(choices.into_iter().collect()));
    }

    /// Removes the tools that one of the choices selects.
    pub(crate) fn except(&mut self, choices: impl IntoIterator<Item = Choice>) {
        self.rules.push(Rule::Except(choices.into_iter().collect()));
    }

    /// Keeps the tools for which the function returns `true`.
    pub(crate) fn filter(&mut self, keep: impl Fn(&Tool) -> bool + Send + Sync + 'static) {
        let keep = UserValue::new(keep);
        self.rules.push(Rule::Filter(Arc::new(move |tool| keep(tool))));
    }

    /// Makes `resolve` fail if the linker collected no tool of one of these crates.
    pub(crate) fn expect_from(&mut self, crates: impl IntoIterator<Item = String>) {
        self.crates.extend(crates);
    }

    /// Returns the selected tools. The error lists all problems.
    pub(crate) fn resolve(&self, context: &SelectionContext<'_>) -> Result<ToolSet> {
        let tools = self.named()?;
        self.check_choices(&tools)?;
        let (kept, dropped) = self.apply(tools, context);
        let set = ToolSet::new(kept.clone(), context.states).and_then(|set| set.in_profile(self.profile));
        if std::env::var_os("COPILOT_TOOLS").is_some_and(|value| value == "report") {
            eprint!("{}", report(&kept, &dropped));
        }
        set
    }

    /// Rejects groups that no tool of the session and no linked tool has, which are probably misspelled.
    pub(crate) fn check_groups<'g>(&self, groups: impl IntoIterator<Item = &'g str>) -> Result<()> {
        let linked = registry::linked();
        let known = sorted(self.added.iter().chain(&linked).filter_map(Tool::group));
        match groups.into_iter().find(|group| !known.contains(group)) {
            None => Ok(()),
            Some(group) => {
                let hint = match suggest(group, known.iter().copied()) {
                    Some(suggestion) => format!("; did you mean `{suggestion}`?"),
                    None => String::new(),
                };
                let message = format!("`ToolOptions::group_timeout`: no tool has the group `{group}`{hint}");
                Err(Error::new(ErrorKind::Tools, message))
            }
        }
    }

    /// Returns the selected tools, unchecked: also those that clash.
    #[cfg(any(test, feature = "testing", feature = "toolbox"))]
    pub(crate) fn selected(&self, context: &SelectionContext<'_>) -> Result<Vec<Tool>> {
        let tools = self.named()?;
        self.check_choices(&tools)?;
        Ok(self.apply(tools, context).0)
    }

    /// Returns the tools to select from, under the names that they have in the session.
    fn named(&self) -> Result<Vec<Tool>> {
        let mut tools = self.added.clone();
        if self.linked {
            let linked = registry::linked();
            if linked.is_empty() {
                return Err(nothing_linked());
            }
            // A tool that is added with another name, or bound to a value, takes the place of the linked one.
            let is_added = |tool: &Tool| self.added.iter().any(|added| added.is_from(tool));
            tools.extend(linked.into_iter().filter(|tool| !is_added(tool)));
        }
        self.check_crates(&tools)?;
        for (prefix, choices) in &self.prefixes.0 {
            check_matches(choices, &tools)?;
            for tool in &mut tools {
                if choices.iter().any(|choice| choice.takes(tool)) {
                    *tool = tool.clone().prefixed(prefix);
                }
            }
        }
        Ok(tools)
    }

    /// Splits the tools into selected ones, and removed ones with the reason.
    fn apply(&self, tools: Vec<Tool>, context: &SelectionContext<'_>) -> (Vec<Tool>, Vec<(Tool, String)>) {
        let mut dropped = Vec::new();
        let kept = tools
            .into_iter()
            .filter(|tool| {
                let reason = self.reason(tool, context);
                dropped.extend(reason.clone().map(|reason| (tool.clone(), reason)));
                reason.is_none()
            })
            .collect();
        (kept, dropped)
    }

    /// Returns the reason why a tool is removed; `None` if it is selected.
    fn reason(&self, tool: &Tool, context: &SelectionContext<'_>) -> Option<String> {
        if !tool.is_enabled(context) {
            return Some("not enabled".to_owned());
        }
        self.rules.iter().find_map(|rule| match rule {
            Rule::Only(choices) if !choices.iter().any(|choice| choice.takes(tool)) => {
                let choices: Vec<String> = choices.iter().map(ToString::to_string).collect();
                Some(format!("only {}", choices.join(", ")))
            }
            Rule::Except(choices) => {
                choices.iter().find(|choice| choice.takes(tool)).map(|choice| format!("except {choice}"))
            }
            Rule::Filter(keep) if !keep(tool) => Some("filter".to_owned()),
            Rule::Only(_) | Rule::Filter(_) => None,
        })
    }

    /// Rejects choices that select nothing, which are probably misspelled.
    fn check_choices(&self, tools: &[Tool]) -> Result<()> {
        let choices = self.rules.iter().flat_map(|rule| match rule {
            Rule::Only(choices) | Rule::Except(choices) => &choices[..],
            Rule::Filter(_) => &[],
        });
        check_matches(choices, tools)
    }

    fn check_crates(&self, tools: &[Tool]) -> Result<()> {
        let missing: Vec<&str> = self
            .crates
            .iter()
            .map(String::as_str)
            .filter(|krate| !tools.iter().any(|tool| tool.location().krate() == krate.replace('-', "_")))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let message = format!(
            "no tool of these crates is linked into the program: {}; refer to each with a line such as \
             `copilot::link!({});`",
            missing.join(", "),
            missing[0].replace('-', "_"),
        );
        Err(Error::new(ErrorKind::Tools, message))
    }
}

impl fmt::Debug for ToolSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolSelection")
            .field("linked", &self.linked)
            .field("added", &self.added)
            .field("rules", &self.rules.len())
            .finish_non_exhaustive()
    }
}

/// Rejects choices that select nothing, which are probably misspelled.
fn check_matches<'c>(choices: impl IntoIterator<Item = &'c Choice>, tools: &[Tool]) -> Result<()> {
    let mut message = String::new();
    let required = choices.into_iter().filter(|choice| !choice.may_be_absent);
    for choice in required.filter(|choice| !tools.iter().any(|tool| choice.takes(tool))) {
        let known = choice.alternatives(tools);
        let hint = match suggest(choice.name(), known.iter().copied()) {
            Some(suggestion) => format!("did you mean `{suggestion}`?"),
            None if known.is_empty() => "no tool has one".to_owned(),
            None => format!("valid names are {}", known.join(", ")),
        };
        let separator = if message.is_empty() { "" } else { "\n" };
        write!(message, "{separator}{choice} matches no tool; {hint}")
            .expect("writing to a string cannot fail");
    }
    if message.is_empty() {
        return Ok(());
    }
    message +=
        "\nA choice that may match no tool, for example with a Cargo feature off, needs `.if_present()`";
    Err(Error::new(ErrorKind::Tools, message))
}

fn nothing_linked() -> Error {
    Error::new(
        ErrorKind::Tools,
        "`with_all_tools()` found no tool in this program: either no function has `#[copilot::tool]`, or the tools \
         are in a crate that the program never refers to, which the linker omits; refer to it with \
         `copilot::link!(that_crate);`, to all crates of the workspace with `copilot::link_all!();`, or list the tools with `with_tools([that_crate::some_tool::TOOL])`",
    )
}

/// Returns a human-readable report: one line per tool, followed by the notes on its schema.
pub(crate) fn report(kept: &[Tool], dropped: &[(Tool, String)]) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    let all = kept.iter().map(|tool| (tool, None)).chain(dropped.iter().map(|(tool, why)| (tool, Some(why))));
    for (tool, why) in all {
        let mut line = format!("{:<32} {} ({})", tool.name(), tool.location(), tool.location().krate());
        if tool.is_renamed() {
            write!(line, " defined as {}", tool.defined_name()).expect("writing to a string cannot fail");
        }
        if let Some(group) = tool.group() {
            write!(line, " group {group}").expect("writing to a string cannot fail");
        }
        match tool.compiled().and_then(|compiled| Ok((compiled, tool.wire(SchemaProfile::Portable)?))) {
            Ok((compiled, wire)) => {
                // English and JSON have about four bytes per token.
                write!(line, " ~{} tokens", wire.get().len() / 4).expect("writing to a string cannot fail");
                for need in &compiled.arguments.needs {
                    write!(line, " needs {}", need.type_name).expect("writing to a string cannot fail");
                }
                let sent = compiled.arguments.parameters.as_deref();
                let sent = sent.and_then(|sent| serde_json::from_str(sent.get()).ok()).unwrap_or_default();
                for note in schema::notes(&sent) {
                    write!(line, "\n    {note}").expect("writing to a string cannot fail");
                }
                for note in providers::notes(tool) {
                    write!(line, "\n    {note}").expect("writing to a string cannot fail");
                }
            }
            Err(error) => write!(line, " error: {error}").expect("writing to a string cannot fail"),
        }
        if let Some(why) = why {
            write!(line, " left out: {why}").expect("writing to a string cannot fail");
        }
        lines.push((tool.name().to_owned(), line));
    }
    lines.sort();
    let mut text = format!("{} of {} tools:\n", kept.len(), lines.len());
    if let Some(note) = providers::note_on_number(kept.len()) {
        writeln!(text, "{note}").expect("writing to a string cannot fail");
    }
    for (_, line) in lines {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// Creates an array of the tools of several functions: `toolset![weather, forecast::rain]`. A repeated tool does not
/// compile.
#[macro_export]
macro_rules! toolset {
    ($($tool:path),* $(,)?) => {
        const { $crate::__private::distinct([$(<$tool>::TOOL),*]) }
    };
}

/// Refers to crates, so that the linker keeps their tools: `copilot::link!(my_tools, more_tools);`.
/// [`link_all!`](crate::link_all) finds those of a workspace.
#[macro_export]
macro_rules! link {
    ($($krate:ident),+ $(,)?) => {
        $(extern crate $krate as _;)+
    };
}

/// Checks during constant evaluation that no tool is listed twice.
///
/// # Panics
///
/// Panics if a tool is listed twice.
pub const fn distinct<const N: usize>(tools: [Tool; N]) -> [Tool; N] {
    let mut first = 0;
    while first < N {
        let mut second = first + 1;
        while second < N {
            assert!(
                !same(tools[first].const_name(), tools[second].const_name()),
                "`toolset![..]` lists a tool twice"
            );
            second += 1;
        }
        first += 1;
    }
    tools
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::DynTool;
    use crate::tools::StateMap;

    /// A pear.
    #[crate::tool(group = "fruit", tags("green"))]
    async fn pear() {}

    /// An apple.
    #[crate::tool(group = "fruit", tags("red", "green"))]
    async fn apple() {}

    /// A carrot.
    #[crate::tool(group = "roots")]
    async fn carrot() {}

    fn chosen(rules: impl FnOnce(&mut ToolSelection)) -> Result<Vec<String>> {
        let mut selection = ToolSelection::default();
        selection.add(toolset![pear, apple, carrot]);
        rules(&mut selection);
        Ok(selection
            .resolve(&SelectionContext::of_test(&StateMap::default()))?
            .iter()
            .map(|tool| tool.name().to_owned())
            .collect())
    }

    #[test]
    fn tools_are_selected_by_group_tag_name_module_and_function() {
        let check = |rules: fn(&mut ToolSelection), expected: &[&str]| {
            assert_eq!(chosen(rules).unwrap(), expected);
        };
        check(|_| {}, &["apple", "carrot", "pear"]);
        check(|s| s.only([group("fruit")]), &["apple", "pear"]);
        check(|s| s.only([tag("red"), "carrot".into()]), &["apple", "carrot"]);
        check(|s| s.except([pear::TOOL.into()]), &["apple", "carrot"]);
        check(|s| s.filter(|tool| tool.name().len() > 4), &["apple", "carrot"]);
        check(|s| s.only([module("copilot::tools::selection")]), &["apple", "carrot", "pear"]);
        check(|s| s.expect_from(["copilot".to_owned()]), &["apple", "carrot", "pear"]);
    }

    #[test]
    fn a_choice_that_selects_nothing_is_an_error() {
        let refused = |rules: fn(&mut ToolSelection)| chosen(rules).unwrap_err().to_string();
        assert_eq!(
            refused(|s| s.only([group("fruits"), "peer".into()])),
            "group `fruits` matches no tool; did you mean `fruit`?\n\
             tool `peer` matches no tool; did you mean `pear`?\n\
             A choice that may match no tool, for example with a Cargo feature off, needs `.if_present()`"
        );
        assert_eq!(
            chosen(|s| s.only([group("fruit"), group("nuts").if_present()])).unwrap(),
            ["apple", "pear"]
        );
        assert_eq!(chosen(|s| s.only([group("nuts").if_present()])).unwrap(), Vec::<String>::new());
        assert_eq!(
            chosen(|s| s.except(["nut".into(), tag("red")].map(Choice::if_present))).unwrap(),
            ["carrot", "pear"]
        );
        assert!(refused(|s| s.expect_from(["my-tools".to_owned()])).ends_with("`copilot::link!(my_tools);`"));
    }

    #[test]
    fn the_report_lists_removed_tools_with_the_reason() {
        let mut selection = ToolSelection::default();
        selection.except([group("roots")]);
        let any = DynTool::new("any", "Any.").schema(json!({ "type": "object" })).unwrap().declare();
        let (kept, dropped) = selection
            .apply(vec![pear::TOOL, carrot::TOOL, any], &SelectionContext::of_test(&StateMap::default()));
        let report = report(&kept, &dropped);
        let lines: Vec<&str> = report.lines().collect();
        assert_eq!(lines[0], "2 of 3 tools:");
        assert!(
            lines[2].starts_with("carrot ") && lines[2].ends_with(" left out: except group `roots`"),
            "{report}"
        );
        assert!(
            lines[3].contains("selection/mod.rs:") && lines[3].contains("(copilot) group fruit ~"),
            "{report}"
        );
    }
}
