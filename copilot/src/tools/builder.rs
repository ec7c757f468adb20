//! The setters that the builders of a session, of an MCP server and of a command line have in common.

use std::fmt;
use std::sync::Arc;

use crate::tools::output::error::ToolErrors;
use crate::tools::selection::toolset::Toolset;
use crate::tools::selection::{Choice, ToolList, ToolSelection, module};
use crate::tools::state::StateMap;
use crate::tools::tool::Tool;

/// A builder that tools are chosen for: that of a session ([`SessionBuilder`](crate::SessionBuilder)), with the feature
/// `mcp` that of an MCP server (`copilot::mcp::Server`), and with the feature `toolbox` that of a command line
/// (`copilot::toolbox::Toolbox`).
///
/// The builders have these methods themselves, with more documentation at those of
/// [`SessionBuilder`](crate::SessionBuilder); the trait is for functions that configure any of them.
///
/// # Examples
///
/// ```
/// use copilot::tools::ToolsBuilder;
/// use copilot::{Session, group};
///
/// fn with_public_tools<B: ToolsBuilder>(builder: B) -> B {
///     builder.with_all_tools().except([group("admin").if_present()])
/// }
///
/// let session = with_public_tools(Session::builder());
/// # drop(session);
/// ```
pub trait ToolsBuilder: Sized {
    /// The settings that the setters change.
    #[doc(hidden)]
    fn tool_settings(&mut self) -> ToolSettings<'_>;

    /// Adds every tool that is linked into the program.
    fn with_all_tools(mut self) -> Self {
        self.tool_settings().tools.all();
        self
    }

    /// Adds tools.
    fn with_tools(mut self, tools: impl ToolList) -> Self {
        self.tool_settings().tools.add(tools);
        self
    }

    /// Adds the tools of a value: the methods that `#[copilot::tools]` turned into tools.
    fn with_toolset(mut self, value: impl Toolset + Send + Sync) -> Self {
        self.tool_settings().tools.add(value.into_tools());
        self
    }

    /// Restricts the added tools to these, by [`group`](crate::group), [`tag`](crate::tag), name or handle.
    fn only(mut self, choices: impl IntoIterator<Item = impl Into<Choice>>) -> Self {
        self.tool_settings().tools.only(choices.into_iter().map(Into::into));
        self
    }

    /// Excludes these from the added tools, by [`group`](crate::group), [`tag`](crate::tag), name or handle.
    fn except(mut self, choices: impl IntoIterator<Item = impl Into<Choice>>) -> Self {
        self.tool_settings().tools.except(choices.into_iter().map(Into::into));
        self
    }

    /// Restricts the added tools to those of a module and of the modules below it.
    fn in_module(mut self, path: impl Into<String>) -> Self {
        self.tool_settings().tools.only([module(path)]);
        self
    }

    /// Restricts the added tools to those for which `keep` returns `true`.
    fn filter_tools(mut self, keep: impl Fn(&Tool) -> bool + Send + Sync + 'static) -> Self {
        self.tool_settings().tools.filter(keep);
        self
    }

    /// Requires a tool of each of these crates.
    fn expect_tools_from(mut self, crates: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.tool_settings().tools.expect_from(crates.into_iter().map(Into::into));
        self
    }

    /// Sets the visibility of foreign errors to the model. Default: [`ToolErrors::Hidden`].
    fn tool_errors(mut self, errors: ToolErrors) -> Self {
        *self.tool_settings().errors = errors;
        self
    }

    /// Sets the state of type `T`, which tools take as a parameter of type [`State<T>`](crate::State).
    fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.tool_settings().states.insert(value);
        self
    }

    /// Sets the state of type `T` as [`state`](Self::state), from a value that the program shares.
    fn shared_state<T: Send + Sync + ?Sized + 'static>(mut self, value: Arc<T>) -> Self {
        self.tool_settings().states.insert_shared(value);
        self
    }

    /// Sets the state of type `T` as [`state`](Self::state), with a value that is created when a tool first needs it.
    fn lazy_state<T: Send + Sync + 'static>(mut self, make: impl FnOnce() -> T + Send + 'static) -> Self {
        self.tool_settings().states.insert_lazy(make);
        self
    }
}

/// The settings of a builder that the setters of [`ToolsBuilder`] change.
#[doc(hidden)]
pub struct ToolSettings<'a> {
    pub(crate) tools: &'a mut ToolSelection,
    pub(crate) states: &'a mut StateMap,
    pub(crate) errors: &'a mut ToolErrors,
}

impl fmt::Debug for ToolSettings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolSettings").field("tools", &self.tools).finish_non_exhaustive()
    }
}

/// The setters of [`ToolsBuilder`] as methods of another builder than that of a session. The texts are what its
/// documentation says of `expect_tools_from`, `tool_errors` and `state`.
#[cfg(any(feature = "mcp", feature = "toolbox"))]
macro_rules! tool_setters {
    ($builder:ident, $expect:literal, $errors:literal, $state:literal $(,)?) => {
        /// The same as for a session, whose setters have more documentation.
        impl $builder {
            /// Adds every tool that is linked into the program; see
            /// [`SessionBuilder::with_all_tools`](crate::SessionBuilder::with_all_tools).
            pub fn with_all_tools(self) -> Self {
                $crate::tools::ToolsBuilder::with_all_tools(self)
            }

            /// Adds tools; see [`SessionBuilder::with_tools`](crate::SessionBuilder::with_tools).
            pub fn with_tools(self, tools: impl $crate::tools::ToolList) -> Self {
                $crate::tools::ToolsBuilder::with_tools(self, tools)
            }

            /// Adds the tools of a value: the methods that `#[copilot::tools]` turned into tools.
            pub fn with_toolset(self, value: impl $crate::tools::Toolset + Send + Sync) -> Self {
                $crate::tools::ToolsBuilder::with_toolset(self, value)
            }

            /// Restricts the added tools to these, by [`group`](crate::group), [`tag`](crate::tag), name or handle.
            pub fn only(self, choices: impl IntoIterator<Item = impl Into<$crate::tools::Choice>>) -> Self {
                $crate::tools::ToolsBuilder::only(self, choices)
            }

            /// Excludes these from the added tools, by [`group`](crate::group), [`tag`](crate::tag), name or handle.
            pub fn except(self, choices: impl IntoIterator<Item = impl Into<$crate::tools::Choice>>) -> Self {
                $crate::tools::ToolsBuilder::except(self, choices)
            }

            /// Restricts the added tools to those of a module, such as `my_crate::issues`, and of the modules below it.
            pub fn in_module(self, path: impl Into<String>) -> Self {
                $crate::tools::ToolsBuilder::in_module(self, path)
            }

            /// Restricts the added tools to those for which `keep` returns `true`.
            pub fn filter_tools(
                self,
                keep: impl Fn(&$crate::tools::Tool) -> bool + Send + Sync + 'static,
            ) -> Self {
                $crate::tools::ToolsBuilder::filter_tools(self, keep)
            }

            #[doc = $expect]
            pub fn expect_tools_from(self, crates: impl IntoIterator<Item = impl Into<String>>) -> Self {
                $crate::tools::ToolsBuilder::expect_tools_from(self, crates)
            }

            #[doc = $errors]
            /// Default: [`ToolErrors::Hidden`](crate::tools::ToolErrors::Hidden).
            pub fn tool_errors(self, errors: $crate::tools::ToolErrors) -> Self {
                $crate::tools::ToolsBuilder::tool_errors(self, errors)
            }

            /// Sets the state of type `T`, which tools take as a parameter of type [`State<T>`](crate::State).
            #[doc = $state]
            /// The last value of a type wins.
            pub fn state<T: Send + Sync + 'static>(self, value: T) -> Self {
                $crate::tools::ToolsBuilder::state(self, value)
            }

            /// Sets the state of type `T` as [`state`](Self::state), from a value that the program shares; see
            /// [`SessionBuilder::shared_state`](crate::SessionBuilder::shared_state).
            pub fn shared_state<T: Send + Sync + ?Sized + 'static>(self, value: ::std::sync::Arc<T>) -> Self {
                $crate::tools::ToolsBuilder::shared_state(self, value)
            }

            /// Sets the state of type `T` as [`state`](Self::state), with a value that is created when a tool first needs it; see
            /// [`SessionBuilder::lazy_state`](crate::SessionBuilder::lazy_state).
            pub fn lazy_state<T: Send + Sync + 'static>(
                self,
                make: impl FnOnce() -> T + Send + 'static,
            ) -> Self {
                $crate::tools::ToolsBuilder::lazy_state(self, make)
            }
        }
    };
}

#[cfg(any(feature = "mcp", feature = "toolbox"))]
pub(crate) use tool_setters;
