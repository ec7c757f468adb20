//! Filters of the tools that a model sees, by name and by source.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::session::SessionBuilder;
use crate::session::builder::MaxToolResult;
use crate::session::core::Topic;
use crate::session::core::setters::members;
use crate::tools::{Choice, Prefixes, SchemaProfile, Timeouts};

pub use crate::protocol::config::{LargeOutput, ToolSearch};

/// A tool, or all tools of a source. A string converts into a filter: `view` means the tool of that name from any
/// source, and `builtin:view`, `custom:*` or `mcp:*` name the source.
///
/// CLI 1.0.102 has these built-in tools, not all of them in every session, and those of PowerShell on Windows.
/// [`Client::builtin_tools`](crate::Client::builtin_tools) returns those of the running CLI.
///
/// `apply_patch`, `ask_user`, `bash`, `context_board`, `create`, `dynamic_workflows_manage`, `edit`, `exit_plan_mode`,
/// `fetch_copilot_cli_documentation`, `generic_tool_search`, `glob`, `grep`, `list_agents`, `list_bash`,
/// `list_powershell`, `manage_schedule`, `powershell`, `read_agent`, `read_bash`, `read_inbox`, `read_powershell`,
/// `run_dynamic_workflow`, `semantic_code_search`, `send_inbox`, `skill`, `sql`, `stop_bash`, `stop_powershell`,
/// `str_replace_editor`, `task`, `task_complete`, `tool_search_tool`, `update_todo`, `view`, `web_fetch`,
/// `write_agent`, `write_powershell`.
///
/// # Examples
///
/// ```
/// use copilot::Session;
/// use copilot::tool_filter::ToolFilter;
///
/// let builder = Session::builder()
///     .available_tools([ToolFilter::all_custom(), ToolFilter::builtin("view"), "mcp:files-read".into()]);
/// # drop(builder);
/// ```
///
/// Wire: `session.create`, `availableTools` and `excludedTools`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolFilter(pub(crate) String);

impl ToolFilter {
    /// Returns the filter of a tool of the CLI.
    pub fn builtin(name: &str) -> Self {
        Self(format!("builtin:{name}"))
    }

    /// Returns the filter of a tool of this program.
    pub fn custom(name: &str) -> Self {
        Self(format!("custom:{name}"))
    }

    /// Returns the filter of a tool of an MCP server, named `server-tool`.
    pub fn mcp(name: &str) -> Self {
        Self(format!("mcp:{name}"))
    }

    /// Returns the filter of all tools of the CLI.
    pub fn all_builtin() -> Self {
        Self::builtin("*")
    }

    /// Returns the filter of all tools of this program.
    pub fn all_custom() -> Self {
        Self::custom("*")
    }

    /// Returns the filter of all tools of all MCP servers.
    pub fn all_mcp() -> Self {
        Self::mcp("*")
    }

    /// Returns the filters of the CLI's tools that access nothing outside of the session.
    pub fn isolated() -> impl Iterator<Item = Self> {
        ISOLATED.iter().map(|name| Self::builtin(name))
    }
}

/// The list of the official SDKs.
const ISOLATED: &[&str] = &[
    "ask_user",
    "task_complete",
    "exit_plan_mode",
    "task",
    "read_agent",
    "write_agent",
    "list_agents",
    "send_inbox",
    "context_board",
    "skill",
];

impl From<&str> for ToolFilter {
    fn from(filter: &str) -> Self {
        Self(filter.to_owned())
    }
}

impl From<String> for ToolFilter {
    fn from(filter: String) -> Self {
        Self(filter)
    }
}

/// Refuses filters that match no tool; the CLI accepts them silently.
fn check(setter: &str, filters: Option<&Vec<String>>) -> Result<()> {
    for filter in filters.into_iter().flatten() {
        let problem = match filter.split_once(':') {
            None if filter == "*" => "`*` alone matches no tool; write `builtin:*`, `custom:*` or `mcp:*`",
            Some((_, "")) | None if filter.trim().is_empty() || filter.ends_with(':') => {
                "a tool's name is missing; write `builtin:*` for all of a source"
            }
            _ => continue,
        };
        return Err(Error::new(ErrorKind::Configuration, format!("`{setter}`: {filter:?}: {problem}")));
    }
    Ok(())
}

/// Refuses timeouts of tools that no call could meet.
pub(crate) fn check_timeouts(timeouts: &Timeouts) -> Result<()> {
    let of_groups =
        timeouts.groups.iter().map(|(group, timeout)| (format!("group_timeout(\"{group}\", ..)"), timeout));
    let of_session = timeouts.session.iter().map(|timeout| ("timeout(..)".to_owned(), timeout));
    for (setter, timeout) in of_session.chain(of_groups) {
        if *timeout < Duration::from_millis(1) {
            let message = format!("`ToolOptions::{setter}`: the timeout must be at least one millisecond");
            return Err(Error::new(ErrorKind::Configuration, message));
        }
    }
    Ok(())
}

members! {
    @also "availableTools" available_tools, "excludedTools" excluded_tools,

    @group
        /// Rare settings of tools.
        ///
        /// # Examples
        ///
        /// ```
        /// use copilot::Session;
        /// use copilot::tool_filter::{LargeOutput, ToolOptions};
        ///
        /// let options = ToolOptions::new().large_output(LargeOutput::new().enabled(false));
        /// let builder = Session::builder().tool_options(options);
        /// # drop(builder);
        /// ```
        ToolOptions
        /// Sets rare settings of tools.
        tool_options {
            /// Sets the search with which the model finds tools where there are many, in place of a list of all.
            ///
            /// Wire: `session.create`, `toolSearch`.
            search: (ToolSearch) in members "toolSearch";

            @also "largeOutput" large_output,
        }
}

impl ToolOptions {
    /// Sets the profile of the schemas that the model reads. Default: [`SchemaProfile::Portable`].
    pub fn schema_profile(mut self, profile: SchemaProfile) -> Self {
        self.settings.state.set(profile);
        self
    }

    /// Sets the maximum result of a tool in bytes: all that is sent for the call, such as images, the telemetry of a
    /// session, and the structured content of an MCP server, which counts once where the text repeats it. In place of a
    /// larger result the model reads that it was too large. A tool's `max_output` shortens its text before that.
    /// Default: 128 MiB.
    pub fn max_result(mut self, bytes: usize) -> Self {
        self.settings.state.set(MaxToolResult(bytes));
        self
    }

    /// Puts a prefix before the names of these tools, by [`module`](crate::tools::module), [`group`](crate::group),
    /// [`tag`](crate::tag), name or handle: for crates that have tools of one name. Otherwise as
    /// [`Tool::prefixed`](crate::Tool::prefixed).
    ///
    /// All choices by name in [`only`](SessionBuilder::only), [`except`](SessionBuilder::except) and
    /// [`filter_tools`](SessionBuilder::filter_tools) are by the new names. A second prefix for the same tool is put
    /// before the first. Tools that [`Session::tools`](crate::Session::tools) adds later have no prefix.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::tool_filter::ToolOptions;
    /// use copilot::{Session, group, tools};
    ///
    /// let names = ToolOptions::new().prefix("acme_", [tools::module("acme_tools"), group("acme")]);
    /// let builder = Session::builder().with_all_tools().tool_options(names).except(["acme_delete"]);
    /// # drop(builder);
    /// ```
    pub fn prefix(
        mut self,
        prefix: impl Into<String>,
        choices: impl IntoIterator<Item = impl Into<Choice>>,
    ) -> Self {
        let (prefix, choices) = (prefix.into(), choices.into_iter().map(Into::into).collect());
        self.settings.state.update(|Prefixes(prefixes)| prefixes.push((prefix, choices)));
        self
    }

    /// Sets the timeout of a call for the tools that set none themselves, and whose group has none. Default: two minutes.
    ///
    /// The first of these that is set counts: the option `timeout` of the tool, [`group_timeout`](Self::group_timeout),
    /// this. A timeout under a millisecond is an error at [`start`](SessionBuilder::start).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use copilot::Session;
    /// use copilot::tool_filter::ToolOptions;
    ///
    /// /// Close an issue.
    /// #[copilot::tool(group = "issues")]
    /// async fn close_issue() {}
    ///
    /// let options = ToolOptions::new()
    ///     .timeout(Duration::from_secs(30))
    ///     .group_timeout("issues", Duration::from_secs(5));
    /// let builder = Session::builder().with_all_tools().tool_options(options);
    /// # drop(builder);
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.state.update(|timeouts: &mut Timeouts| timeouts.session = Some(timeout));
        self
    }

    /// Sets the timeout of a call for the tools of a group that set none themselves; see [`timeout`](Self::timeout).
    ///
    /// A group that no tool of the session and no linked tool has is an error at [`start`](SessionBuilder::start), which
    /// names a similar one.
    pub fn group_timeout(mut self, group: impl Into<String>, timeout: Duration) -> Self {
        let group = group.into();
        self.settings.state.update(|timeouts: &mut Timeouts| {
            timeouts.groups.insert(group, timeout);
        });
        self
    }

    /// Sets how the CLI stores long output of tools; see [`LargeOutput`].
    ///
    /// Wire: `session.create`, `largeOutput`.
    pub fn large_output(mut self, large_output: LargeOutput) -> Self {
        if large_output.enabled == Some(false) {
            self.settings.features.push("LargeOutput::disabled");
        }
        self.settings.members.set("largeOutput", large_output);
        self
    }
}

impl SessionBuilder {
    /// Sets the only tools that the model sees, by name or by source. Default: all. See [`ToolFilter`].
    ///
    /// Wire: `session.create`, `availableTools`.
    pub fn available_tools(self, tools: impl IntoIterator<Item = impl Into<ToolFilter>>) -> Self {
        self.filter_tools_by("availableTools", "available_tools by source", tools)
    }

    /// Excludes tools from those that the model sees, by name or by source. See [`ToolFilter`].
    ///
    /// Wire: `session.create`, `excludedTools`.
    pub fn excluded_tools(self, tools: impl IntoIterator<Item = impl Into<ToolFilter>>) -> Self {
        self.filter_tools_by("excludedTools", "excluded_tools by source", tools)
    }
}

impl SessionBuilder {
    fn filter_tools_by(
        mut self,
        member: &'static str,
        by_source: &'static str,
        tools: impl IntoIterator<Item = impl Into<ToolFilter>>,
    ) -> Self {
        let tools: Vec<String> = tools.into_iter().map(|tool| tool.into().0).collect();
        if tools.iter().any(|tool| tool.contains(':')) {
            self.settings.features.push(by_source);
        }
        self.settings.members.set(member, tools);
        self
    }
}

pub(crate) const TOPIC: Topic = Topic {
    members: MEMBERS,
    check: Some(|settings, _| {
        check("available_tools", settings.members.get("availableTools"))?;
        check("excluded_tools", settings.members.get("excludedTools"))?;
        settings.state.get().map_or(Ok(()), check_timeouts)
    }),
    paths: Some(|members, files| {
        members.change("largeOutput", |large: &mut LargeOutput| {
            if let Some(path) = &mut large.output_dir {
                *path = files.private_directory("LargeOutput::output_dir", path)?;
            }
            Ok(())
        })
    }),
    ..Topic::NONE
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_that_match_no_tool_are_refused() {
        let check = |filter: &str| check("available_tools", Some(&vec![filter.to_owned()]));
        for good in ["view", "builtin:*", "custom:add", "mcp:files-read"] {
            assert!(check(good).is_ok(), "{good}");
        }
        let refused = check("*").unwrap_err().to_string();
        assert!(refused.contains("available_tools") && refused.contains("`custom:*`"), "{refused}");
        assert!(check("builtin:").is_err() && check("").is_err());
    }

    #[test]
    fn sources_are_spelled_as_the_cli_reads_them() {
        assert_eq!(ToolFilter::all_mcp(), "mcp:*".into());
        assert_eq!(ToolFilter::custom("add"), "custom:add".into());
        assert!(ToolFilter::isolated().all(|filter| filter.0.starts_with("builtin:")));
    }

    #[test]
    fn the_documentation_names_every_tool_of_the_cli() {
        let documented = include_str!("tool_filter.rs").split_once("pub struct ToolFilter").unwrap().0;
        for name in crate::__private::builtin_tools!() {
            assert!(documented.contains(&format!("`{name}`")), "{name}");
        }
    }
}
