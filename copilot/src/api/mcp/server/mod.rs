//! An MCP server of the program's tools.
//!
//! `rmcp` has the types of the protocol, its revisions and its transports; its macros are not used. This module maps
//! tools to it: `definition` the list of tools, `call` and `host` a call, `questions` what a call asks of the user,
//! `results` its result. `connection` implements the handler of `rmcp`, `http` the service for HTTP.

mod call;
mod connection;
mod core;
mod definition;
mod handle;
mod host;
mod http;
mod live;
mod outgoing;
mod questions;
mod results;
mod setters;

use std::fmt;

use crate::api::tool_filter::{ToolOptions, check_timeouts};
use crate::error::{Error, ErrorKind, Result};
use crate::session::builder::MaxToolResult;
use crate::tools::{
    Prefixes, SchemaProfile, SelectionContext, StateMap, Timeouts, ToolErrors, ToolSelection, ToolSettings,
    ToolsBuilder,
};

pub use handle::ServerHandle;
pub use http::{HttpBody, HttpService};
pub use live::ServerTools;

use self::core::{Core, Policy};
use self::http::HttpSettings;

/// The largest result of a tool in bytes, unless it is set.
const MAX_RESULT: usize = 16 << 20;

/// The number of tools in one answer to `tools/list`, unless it is set.
const PAGE: usize = 100;

/// Builds an MCP server, which offers the program's tools to MCP clients such as editors, other agents, and the Copilot
/// CLI of another session.
///
/// A tool is the same as in a session: the choice of tools, their state, the validation of arguments, timeouts, retries
/// and the visibility of errors. Its schema, its title and its hints are in the list of tools, its group and its tags in
/// `_meta` there as `copilot-tools/group` and `copilot-tools/tags`. The value of a [`Json`](crate::Json) is structured
/// content, with the schema of [`Tool::output_schema`](crate::Tool::output_schema). Progress and log lines of a tool are
/// notifications, and [`ToolContext::ask_user`](crate::ToolContext::ask_user) is an elicitation.
///
/// A call that needs an approval (of a tool marked `destructive`, or by its `needs_approval`) is shown to the user of the
/// client, and refused where the client cannot be asked, unless [`allow_unattended`](Self::allow_unattended) is set.
///
/// A client of the revision 2026-07-28 is asked by an incomplete result: it calls the tool again with the answer. The
/// tool then runs from its beginning, and each question that was answered returns immediately. So a tool should ask
/// before it changes anything.
///
/// # Examples
///
/// ```no_run
/// use copilot::Json;
/// use copilot::mcp::Server;
///
/// #[derive(serde::Serialize, schemars::JsonSchema)]
/// struct Sum {
///     sum: i64,
/// }
///
/// /// Add two numbers.
/// #[copilot::tool(read_only)]
/// async fn add(
///     /// First summand.
///     a: i64,
///     /// Second summand.
///     b: i64,
/// ) -> Json<Sum> {
///     Json(Sum { sum: a + b })
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> copilot::Result<()> {
/// Server::new("acme").version(env!("CARGO_PKG_VERSION")).with_all_tools().stdio().await
/// # }
/// ```
#[must_use = "a server does nothing until `stdio` is awaited, or `handle` or `http` is called"]
pub struct Server {
    name: String,
    version: String,
    title: Option<String>,
    instructions: Option<String>,
    tools: ToolSelection,
    states: StateMap,
    errors: ToolErrors,
    options: ToolOptions,
    unattended: bool,
    page: usize,
    http: HttpSettings,
}

impl Server {
    /// Creates the builder of a server without tools. Clients show the name.
    ///
    /// The name is also the [`session_id`](crate::ToolContext::session_id) that tools see.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: "0.0.0".to_owned(),
            title: None,
            instructions: None,
            tools: ToolSelection::default(),
            states: StateMap::default(),
            errors: ToolErrors::default(),
            options: ToolOptions::new(),
            unattended: false,
            page: PAGE,
            http: HttpSettings::default(),
        }
    }

    /// Sets the version that clients show. Default: `0.0.0`.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets the title that clients show instead of the name. Default: none.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets instructions for the model of the client, which may add them to its system message. Default: none.
    pub fn instructions(mut self, text: impl Into<String>) -> Self {
        self.instructions = Some(text.into());
        self
    }

    /// Sets rare settings of tools: timeouts, prefixes, the schema profile, and the largest result, by default 16 MiB.
    /// A second call keeps the settings of the first that it does not set itself.
    ///
    /// The settings that the CLI reads, such as [`ToolOptions::search`], are an error of [`handle`](Self::handle).
    pub fn tool_options(mut self, options: ToolOptions) -> Self {
        self.options.settings.merge(options.settings);
        self
    }

    /// Runs calls that need an approval without one. Default: off.
    ///
    /// Any client can then run tools marked `destructive`; so all clients have to be trusted, or have to ask their users
    /// themselves.
    pub fn allow_unattended(mut self) -> Self {
        self.unattended = true;
        self
    }

    /// Sets the number of tools in one answer to `tools/list`; a client requests the next ones. Default: 100.
    pub fn page_size(mut self, tools: usize) -> Self {
        self.page = tools;
        self
    }

    /// Checks the tools and returns the server, whose tools can be changed while it runs.
    ///
    /// # Errors
    ///
    /// Returns an error if tools clash or lack state, a choice matches no tool, a tool has no function
    /// ([`DynTool::declare`](crate::DynTool::declare)), or a setting is invalid.
    pub fn handle(self) -> Result<ServerHandle> {
        let http = self.http.clone();
        Ok(ServerHandle::new(self.core()?, http))
    }

    /// Serves one client over stdin and stdout, until the client closes stdin. Nothing else may write to stdout.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`handle`](Self::handle), and an error if the client does not speak MCP.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the running calls and ends the connection.
    pub async fn stdio(self) -> Result<()> {
        self.handle()?.stdio().await
    }

    /// Returns the service for HTTP, to nest in an HTTP server such as axum; see [`HttpService`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`handle`](Self::handle).
    pub fn http(self) -> Result<HttpService> {
        Ok(self.handle()?.http())
    }

    fn core(mut self) -> Result<Core> {
        let invalid = |message: &str| Err(Error::new(ErrorKind::Configuration, message));
        if self.page == 0 {
            return invalid("`Server::page_size` must be above 0");
        }
        if self.name.is_empty() {
            return invalid("the name of an MCP server is empty");
        }
        let settings = &self.options.settings;
        if let Some(member) = settings.members.names().next() {
            return invalid(&format!(
                "`{member}` of `ToolOptions` is a setting of the CLI, which an MCP server does not use; remove it"
            ));
        }
        let timeouts = settings.state.get::<Timeouts>().cloned().unwrap_or_default();
        check_timeouts(&timeouts)?;
        self.tools.check_groups(timeouts.groups.keys().map(String::as_str))?;
        let profile = settings.state.get::<SchemaProfile>().copied().unwrap_or_default();
        self.tools.profile = profile;
        if let Some(prefixes) = settings.state.get::<Prefixes>() {
            self.tools.prefixes = prefixes.clone();
        }
        let policy = Policy {
            errors_visible: self.errors == ToolErrors::Visible,
            max_result: settings.state.get().map_or(MAX_RESULT, |MaxToolResult(bytes)| *bytes),
            timeouts,
            unattended: self.unattended,
            page: self.page,
        };
        let id = self.name.as_str().into();
        let context = SelectionContext { session_id: &id, model: None, resumes: false, states: &self.states };
        let tools = self.tools.resolve(&context)?;
        let info = definition::server(&self.name, &self.version, self.title, self.instructions);
        Core::new(info, id, tools, self.states.shared(), policy)
    }
}

impl ToolsBuilder for Server {
    fn tool_settings(&mut self) -> ToolSettings<'_> {
        ToolSettings { tools: &mut self.tools, states: &mut self.states, errors: &mut self.errors }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("name", &self.name).field("tools", &self.tools).finish_non_exhaustive()
    }
}
