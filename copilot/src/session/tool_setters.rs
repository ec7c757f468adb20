//! Setters for the tools of a session and their state.

use std::sync::Arc;

use crate::session::builder::SessionBuilder;
use crate::tools::{Choice, Tool, ToolErrors, ToolList, ToolSettings, ToolsBuilder, Toolset};

impl ToolsBuilder for SessionBuilder {
    fn tool_settings(&mut self) -> ToolSettings<'_> {
        ToolSettings {
            tools: &mut self.tools,
            states: &mut self.states,
            errors: &mut self.tool_policy.errors,
        }
    }
}

impl SessionBuilder {
    /// Adds every tool that is linked into the program.
    ///
    /// The linker leaves out a crate that no line of the program names; see
    /// [`expect_tools_from`](Self::expect_tools_from). A tool that [`with_tools`](Self::with_tools) adds under another
    /// name, or [`with_toolset`](Self::with_toolset) with a value, is not added a second time. With the variable `COPILOT_TOOLS=report` set, `start` prints
    /// every tool with its source location, and the reason for each tool that the session lacks.
    pub fn with_all_tools(self) -> Self {
        ToolsBuilder::with_all_tools(self)
    }

    /// Adds tools. A tool that is added twice counts once; two different tools of the same name are an error at
    /// [`start`](Self::start), which shows the source locations of both. [`Tool::renamed`] and
    /// [`ToolOptions::prefix`](crate::tool_filter::ToolOptions::prefix) give one of them another name.
    pub fn with_tools(self, tools: impl ToolList) -> Self {
        ToolsBuilder::with_tools(self, tools)
    }

    /// Adds the tools of a value: the methods that `#[copilot::tools]` turned into tools.
    pub fn with_toolset(self, value: impl Toolset + Send + Sync) -> Self {
        ToolsBuilder::with_toolset(self, value)
    }

    /// Restricts the added tools to these, by [`group`](crate::group), [`tag`](crate::tag), name or handle.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::{Session, group, tag};
    ///
    /// let builder = Session::builder()
    ///     .with_all_tools()
    ///     .only([group("issues"), tag("cheap")])
    ///     .except(["close_issue"]);
    /// # drop(builder);
    /// ```
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

    /// Requires a tool of each of these crates: [`start`](Self::start) fails if the session has none, as when the
    /// linker left the crate out.
    pub fn expect_tools_from(self, crates: impl IntoIterator<Item = impl Into<String>>) -> Self {
        ToolsBuilder::expect_tools_from(self, crates)
    }

    /// Sets the visibility of foreign errors to the model. A tool with `errors = visible` or `errors = hidden`
    /// overrides it. Default: [`ToolErrors::Hidden`].
    pub fn tool_errors(self, errors: ToolErrors) -> Self {
        ToolsBuilder::tool_errors(self, errors)
    }

    /// Sets the state of type `T`, which tools take as a parameter of type [`State<T>`](crate::State). The last value
    /// of a type wins.
    pub fn state<T: Send + Sync + 'static>(self, value: T) -> Self {
        ToolsBuilder::state(self, value)
    }

    /// Sets the state of type `T` as [`state`](Self::state), from a value that the program shares. For a parameter of
    /// type `State<dyn Trait>`, write `.shared_state::<dyn Trait>(Arc::new(value))`; see
    /// [`State`](crate::State#trait-objects).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// use copilot::{Session, State};
    ///
    /// /// Note something down.
    /// #[copilot::tool]
    /// fn note(
    ///     /// What to note.
    ///     text: String,
    ///     notes: State<Mutex<Vec<String>>>,
    /// ) {
    ///     notes.lock().unwrap().push(text);
    /// }
    ///
    /// let notes = Arc::new(Mutex::new(Vec::<String>::new()));
    /// let builder = Session::builder().with_tools([note::TOOL]).shared_state(Arc::clone(&notes));
    /// # drop((builder, notes));
    /// ```
    pub fn shared_state<T: Send + Sync + ?Sized + 'static>(self, value: Arc<T>) -> Self {
        ToolsBuilder::shared_state(self, value)
    }

    /// Sets the state of type `T` as [`state`](Self::state), with a value that is created when a tool first needs it.
    ///
    /// For a parameter of type [`State<T>`](crate::State), and for the types of
    /// [`FromCall::needs`](crate::tools::FromCall::needs), `make` runs on the pool for blocking work. Where code calls a
    /// `state` method, `make` runs there and blocks the thread. When `make` panics, each call that needs the value
    /// fails.
    pub fn lazy_state<T: Send + Sync + 'static>(self, make: impl FnOnce() -> T + Send + 'static) -> Self {
        ToolsBuilder::lazy_state(self, make)
    }
}
