//! Which tools a session has, and what they are given.

use std::sync::Arc;

use crate::session::builder::SessionBuilder;
use crate::tools::{Choice, Tool, ToolErrors, Toolset};

impl SessionBuilder {
    /// Gives the model every tool that is linked into the program.
    ///
    /// The linker leaves out a crate that no line of the program names; see
    /// [`expect_tools_from`](Self::expect_tools_from). With the variable `COPILOT_TOOLS=report` set, `start` prints
    /// every tool with its place, and what was left out for which reason.
    pub fn with_all_tools(mut self) -> Self {
        self.tools.all();
        self
    }

    /// Gives the model these tools. The same tool given twice is one; two of the same name are an error when the session
    /// starts, which shows where both are.
    pub fn with_tools(mut self, tools: impl IntoIterator<Item = Tool>) -> Self {
        self.tools.add(tools);
        self
    }

    /// Gives the model the methods of this value that `#[copilot::tools]` made tools of.
    pub fn with_toolset(mut self, value: impl Toolset + Send + Sync) -> Self {
        self.tools.add(value.into_tools());
        self
    }

    /// Of the tools chosen, keeps these: by [`group`](crate::group), [`tag`](crate::tag), name or handle.
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
    pub fn only(mut self, choices: impl IntoIterator<Item = impl Into<Choice>>) -> Self {
        self.tools.only(choices.into_iter().map(Into::into));
        self
    }

    /// Of the tools chosen, leaves these out: by [`group`](crate::group), [`tag`](crate::tag), name or handle.
    pub fn except(mut self, choices: impl IntoIterator<Item = impl Into<Choice>>) -> Self {
        self.tools.except(choices.into_iter().map(Into::into));
        self
    }

    /// Of the tools chosen, keeps those of a module, such as `my_crate::issues`, and of the modules below it.
    pub fn in_module(mut self, path: impl Into<String>) -> Self {
        self.tools.only([Choice::module(path)]);
        self
    }

    /// Of the tools chosen, keeps those that `keep` takes.
    pub fn filter_tools(mut self, keep: impl Fn(&Tool) -> bool + Send + Sync + 'static) -> Self {
        self.tools.filter(keep);
        self
    }

    /// Makes it an error at `start` when one of these crates has no tool here, as happens when the linker has left
    /// it out.
    pub fn expect_tools_from(mut self, crates: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.tools.expect_from(crates.into_iter().map(Into::into));
        self
    }

    /// Sets what the model reads of foreign errors; [`ToolErrors::Hidden`] unless set. A tool with `errors = visible` or
    /// `errors = hidden` keeps to that.
    pub fn tool_errors(mut self, errors: ToolErrors) -> Self {
        self.tool_policy.errors = errors;
        self
    }

    /// Gives the tools a value, which they take as a parameter of type [`State<T>`](crate::State). One of each type;
    /// a later one takes the place of an earlier one.
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(value);
        self
    }

    /// As [`state`](Self::state), for a value that the program shares already: tools take it as `State<T>`.
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
    pub fn shared_state<T: Send + Sync + 'static>(mut self, value: Arc<T>) -> Self {
        self.states.insert_shared(value);
        self
    }

    /// As [`state`](Self::state), for a value that is made when the first tool asks for it.
    ///
    /// For a parameter of type [`State<T>`](crate::State), and for what [`FromCall::needs`](crate::tools::FromCall::needs)
    /// names, `make` runs on the pool for blocking work. Where code calls `state` itself, `make` runs there and blocks the
    /// thread. When `make` panics, each call that needs the value fails.
    pub fn lazy_state<T: Send + Sync + 'static>(mut self, make: impl FnOnce() -> T + Send + 'static) -> Self {
        self.states.insert_lazy(make);
        self
    }
}
