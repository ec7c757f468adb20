//! The command line of a program with tools (feature `toolbox`); the guide is [`docs::toolbox`](crate::docs::toolbox).
//!
//! # Exit status
//!
//! | Status | Meaning |
//! |---|---|
//! | 0 | success |
//! | 1 | a tool, a turn or a check failed, or an error |
//! | 2 | the command line or the arguments of a tool are wrong; the tool did not run |
//! | 3 | the call was refused by the person, or by the tool |
//! | 130 | Ctrl-C ended `ask`, or the start of a chat |
//!
//! # Files
//!
//! `commands` has the clap definition, and a file each the commands. `flags` makes options of a schema, `arguments` a JSON
//! object of options; both are pure, as are `table` and `chat/markdown`.

mod arguments;
mod call;
mod chat;
mod check;
mod commands;
mod exit;
mod flags;
mod host;
mod inbox;
mod list;
#[cfg(feature = "mcp")]
mod mcp;
#[cfg(feature = "toolbox-http")]
mod serve_http;
mod sessions;
mod setters;
mod signals;
mod skill;
mod table;
mod terminal;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::api::tool_filter::{ToolOptions, check_timeouts};
use crate::client::ClientBuilder;
use crate::error::Result;
use crate::session::SessionBuilder;
use crate::tools::{
    Prefixes, SchemaProfile, SelectionContext, StateMap, Timeouts, Tool, ToolErrors, ToolSelection, ToolSet,
    ToolSettings, ToolsBuilder,
};

/// Runs a [`Toolbox`](crate::toolbox::Toolbox) with all tools that are linked into the program, and with the name and the
/// version of the crate: expands to `fn main`.
///
/// With arguments it calls these methods of [`Toolbox`](crate::toolbox::Toolbox) before.
///
/// # Examples
///
/// ```standalone_crate
/// # mod program {
/// /// Add two numbers.
/// #[copilot::tool(read_only)]
/// fn add(
///     /// First summand.
///     a: i64,
///     /// Second summand.
///     b: i64,
/// ) -> i64 {
///     a + b
/// }
///
/// copilot::toolbox::main!();
/// # }
/// # fn main() {}
/// ```
///
/// ```
/// # mod program {
/// # /// Return the number.
/// # #[copilot::tool(read_only)]
/// # fn number(number: copilot::State<u32>) -> u32 { *number }
/// # fn connect() -> u32 { 42 }
/// copilot::toolbox::main!(lazy_state(connect), about("Tools of Acme."));
/// # }
/// # fn main() {}
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __toolbox_main {
    ($($setter:ident($($argument:expr),* $(,)?)),* $(,)?) => {
        fn main() -> ::std::process::ExitCode {
            $crate::toolbox::Toolbox::new(::std::env!("CARGO_PKG_NAME"))
                .version(::std::env!("CARGO_PKG_VERSION"))
                .with_all_tools()
                $(.$setter($($argument),*))*
                .run_blocking()
        }
    };
}

#[doc(inline)]
pub use crate::__toolbox_main as main;

/// Changes the builder of a session.
type Configure = Box<dyn Fn(SessionBuilder) -> SessionBuilder + Send + Sync>;

/// Builds the command line of a program with tools.
///
/// The choice of tools, their states and the visibility of errors are set as for a session.
///
/// # Examples
///
/// ```no_run,standalone_crate
/// use std::process::ExitCode;
///
/// use copilot::State;
/// use copilot::toolbox::Toolbox;
///
/// struct Stock(u32);
///
/// /// Return the number of items in stock.
/// #[copilot::tool(read_only)]
/// fn left(
///     /// Name of the item.
///     item: &str,
///     stock: State<Stock>,
/// ) -> String {
///     format!("{} {item} left", stock.0)
/// }
///
/// #[tokio::main]
/// async fn main() -> ExitCode {
///     Toolbox::new("store").version("1.0.0").with_all_tools().state(Stock(3)).run().await
/// }
/// ```
#[must_use = "a toolbox does nothing until `run` is awaited or `run_blocking` is called"]
pub struct Toolbox {
    name: String,
    version: String,
    about: Option<String>,
    tools: ToolSelection,
    states: StateMap,
    errors: ToolErrors,
    options: ToolOptions,
    client: Option<ClientBuilder>,
    configure: Configure,
    snapshot: PathBuf,
    arguments: Option<Vec<OsString>>,
}

impl Toolbox {
    /// Creates a toolbox without tools. The name is that of the program in its help, and that of its MCP server.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: "0.0.0".to_owned(),
            about: None,
            tools: ToolSelection::default(),
            states: StateMap::default(),
            errors: ToolErrors::default(),
            options: ToolOptions::new(),
            client: None,
            configure: Box::new(|session| session),
            snapshot: "tools.json".into(),
            arguments: None,
        }
    }

    /// Sets the version of the program. Default: `0.0.0`.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets the first line of the help. Default: a sentence with the name.
    pub fn about(mut self, text: impl Into<String>) -> Self {
        self.about = Some(text.into());
        self
    }

    /// Sets rare settings of tools: timeouts, prefixes, the schema profile, and the largest result. A second call keeps
    /// the settings of the first that it does not set itself.
    pub fn tool_options(mut self, options: ToolOptions) -> Self {
        self.options.settings.merge(options.settings);
        self
    }

    /// Sets the client of `ask`, `chat` and `pending`. Default: `Client::builder()`.
    pub fn client(mut self, client: ClientBuilder) -> Self {
        self.client = Some(client);
        self
    }

    /// Configures each session of `ask` and `chat`, after the settings of the toolbox, whose handlers it may replace.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Permissions;
    /// use copilot::toolbox::Toolbox;
    ///
    /// let toolbox = Toolbox::new("acme")
    ///     .session(|session| session.model("gpt-5").permissions(Permissions::read_only()));
    /// # drop(toolbox);
    /// ```
    pub fn session(
        mut self,
        configure: impl Fn(SessionBuilder) -> SessionBuilder + Send + Sync + 'static,
    ) -> Self {
        self.configure = Box::new(configure);
        self
    }

    /// Sets the file with the recorded form of the tools, for `check` and `snapshot`. Default: `tools.json` in the current
    /// directory.
    pub fn snapshot_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.snapshot = path.into();
        self
    }

    /// Sets the arguments of the command line, the name of the program included. Default: those of the process.
    ///
    /// For a program in which the toolbox is one of several commands.
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments = Some(arguments.into_iter().map(Into::into).collect());
        self
    }

    /// Runs the command of the command line, and returns the [exit status](crate::toolbox#exit-status). Errors are printed
    /// on stderr.
    ///
    /// The command `call` and a chat register handlers for Ctrl-C, which stay until the program ends.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels a running tool, and closes the session and the CLI of a chat.
    pub async fn run(self) -> ExitCode {
        commands::run(self).await.into()
    }

    /// As [`run`](Self::run), on a new runtime with several threads.
    ///
    /// # Panics
    ///
    /// Panics if it is called on a thread of a Tokio runtime, or if the system cannot start threads.
    pub fn run_blocking(self) -> ExitCode {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap_or_else(|error| panic!("the runtime cannot be started: {error}"));
        let code = runtime.block_on(self.run());
        // A tool on the pool for blocking work may run until the process ends.
        runtime.shutdown_background();
        code
    }

    /// Applies the options of tools to the selection.
    fn selection(&self) -> Result<ToolSelection> {
        let state = &self.options.settings.state;
        let timeouts = self.timeouts();
        check_timeouts(&timeouts)?;
        self.tools.check_groups(timeouts.groups.keys().map(String::as_str))?;
        let mut tools = self.tools.clone();
        if let Some(profile) = state.get::<SchemaProfile>() {
            tools.profile = *profile;
        }
        if let Some(prefixes) = state.get::<Prefixes>() {
            tools.prefixes = prefixes.clone();
        }
        Ok(tools)
    }

    fn timeouts(&self) -> Timeouts {
        self.options.settings.state.get::<Timeouts>().cloned().unwrap_or_default()
    }

    /// Returns the selected tools, unchecked: also those that clash or lack state.
    fn selected(&self) -> Result<Vec<Tool>> {
        let id = self.name.as_str().into();
        let context = SelectionContext { session_id: &id, model: None, resumes: false, states: &self.states };
        self.selection()?.selected(&context)
    }

    /// Returns the selected tools as a set, without a check of their states.
    fn set(&self) -> Result<ToolSet> {
        let selection = self.selection()?;
        ToolSet::without_states(self.selected()?)?.in_profile(selection.profile)
    }
}

impl ToolsBuilder for Toolbox {
    fn tool_settings(&mut self) -> ToolSettings<'_> {
        ToolSettings { tools: &mut self.tools, states: &mut self.states, errors: &mut self.errors }
    }
}

impl fmt::Debug for Toolbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Toolbox")
            .field("name", &self.name)
            .field("tools", &self.tools)
            .finish_non_exhaustive()
    }
}
