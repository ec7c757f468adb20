//! The setters that a toolbox has in common with a session.

use std::sync::Arc;

use super::Toolbox;
use crate::tools::{Choice, Tool, ToolErrors, ToolList, ToolsBuilder, Toolset};

/// The same as for a session, whose setters have more documentation.
impl Toolbox {
    /// Adds every tool that is linked into the program; see
    /// [`SessionBuilder::with_all_tools`](crate::SessionBuilder::with_all_tools).
    pub fn with_all_tools(self) -> Self {
        ToolsBuilder::with_all_tools(self)
    }

    /// Adds tools; see [`SessionBuilder::with_tools`](crate::SessionBuilder::with_tools).
    pub fn with_tools(self, tools: impl ToolList) -> Self {
        ToolsBuilder::with_tools(self, tools)
    }

    /// Adds the tools of a value: the methods that `#[copilot::tools]` turned into tools.
    pub fn with_toolset(self, value: impl Toolset + Send + Sync) -> Self {
        ToolsBuilder::with_toolset(self, value)
    }

    /// Restricts the added tools to these, by [`group`](crate::group), [`tag`](crate::tag), name or handle.
    pub fn only(self, choices: impl IntoIterator<Item = impl Into<Choice>>) -> Self {
        ToolsBuilder::only(self, choices)
    }

    /// Excludes these from the added tools, by [`group`](crate::group), [`tag`](crate::tag), name or handle.
    pub fn except(self, choices: impl IntoIterator<Item = impl Into<Choice>>) -> Self {
        ToolsBuilder::except(self, choices)
    }

    /// Restricts the added tools to those of a module, such as `my_crate::issues`, and of the modules below it.
    pub fn in_module(self, path: impl Into<String>) -> Self {
        ToolsBuilder::in_module(self, path)
    }

    /// Restricts the added tools to those for which `keep` returns `true`.
    pub fn filter_tools(self, keep: impl Fn(&Tool) -> bool + Send + Sync + 'static) -> Self {
        ToolsBuilder::filter_tools(self, keep)
    }

    /// Requires a tool of each of these crates: every command fails if the toolbox has none.
    pub fn expect_tools_from(self, crates: impl IntoIterator<Item = impl Into<String>>) -> Self {
        ToolsBuilder::expect_tools_from(self, crates)
    }

    /// Sets the visibility of foreign errors, in `call` too. Default: [`ToolErrors::Hidden`].
    pub fn tool_errors(self, errors: ToolErrors) -> Self {
        ToolsBuilder::tool_errors(self, errors)
    }

    /// Sets the state of type `T`, which tools take as a parameter of type [`State<T>`](crate::State). All commands
    /// share it. The last value of a type wins.
    pub fn state<T: Send + Sync + 'static>(self, value: T) -> Self {
        ToolsBuilder::state(self, value)
    }

    /// Sets the state of type `T` as [`state`](Self::state), from a value that the program shares; see
    /// [`SessionBuilder::shared_state`](crate::SessionBuilder::shared_state).
    pub fn shared_state<T: Send + Sync + ?Sized + 'static>(self, value: Arc<T>) -> Self {
        ToolsBuilder::shared_state(self, value)
    }

    /// Sets the state of type `T` as [`state`](Self::state), with a value that is created when a tool first needs it; see
    /// [`SessionBuilder::lazy_state`](crate::SessionBuilder::lazy_state).
    pub fn lazy_state<T: Send + Sync + 'static>(self, make: impl FnOnce() -> T + Send + 'static) -> Self {
        ToolsBuilder::lazy_state(self, make)
    }
}
