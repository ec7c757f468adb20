//! MCP servers: their configuration in a session, and `session.mcp.*`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::protocol::SessionId;
use crate::protocol::decode::Decode;
use crate::protocol::secret::{RawMembers, Secret, Url};
use crate::protocol::settings::settings;
use crate::protocol::vocabulary::vocabulary;

/// An MCP server of a session: one that the CLI starts, or one that it connects to. Wire: `mcpServers`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct McpServer(Kind);

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Kind {
    Stdio(StdioServer),
    Http(RemoteServer),
    Sse(RemoteServer),
}

/// A server that the CLI starts and connects to over its pipes. Created by [`McpServer::stdio`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[must_use]
pub struct StdioServer {
    command: String,
    /// Sent even when it is empty: CLIs up to 1.0.57 ignore a server without it.
    args: Vec<Secret>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    env: BTreeMap<String, Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cwd: Option<String>,
    #[serde(flatten)]
    common: Common,
}

/// A server that runs already, reached by its URL. Created by [`McpServer::http`] and [`McpServer::sse`].
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct RemoteServer {
    sse: bool,
    wire: RemoteWire,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct RemoteWire {
    url: Url,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, Secret>,
    /// The time after which the headers are requested again, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    headers_refresh_ttl_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oauth_client_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    oauth_scopes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oauth_public_client: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oauth_grant_type: Option<&'static str>,
    #[serde(flatten)]
    common: Common,
}

impl Serialize for RemoteServer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.wire.serialize(serializer)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Common {
    /// `*` for all tools; CLIs up to 1.0.57 require it.
    tools: Vec<String>,
    #[serde(rename = "excludeTools", skip_serializing_if = "Vec::is_empty")]
    excluded_tools: Vec<String>,
    #[serde(rename = "filterMapping", skip_serializing_if = "Option::is_none")]
    filter: Option<Filter>,
    /// The time limit of a call, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<u64>,
    /// Members without a setter.
    #[serde(flatten)]
    raw: RawMembers,
}

impl Default for Common {
    fn default() -> Self {
        Self {
            tools: vec!["*".to_owned()],
            excluded_tools: Vec::new(),
            filter: None,
            timeout: None,
            raw: RawMembers::default(),
        }
    }
}

/// The filter of a server's results: one for all tools, or by tool.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Filter {
    All(ContentFilter),
    ByTool(BTreeMap<String, ContentFilter>),
}

vocabulary! {
    /// How the text of a tool's result is filtered before the model reads it.
    ContentFilter {
        /// Leaves the text unchanged.
        None = "none",
        /// Sanitizes HTML and keeps Markdown.
        Markdown = "markdown",
        /// Removes characters that can hide instructions.
        HiddenCharacters = "hidden_characters",
    }
}

impl McpServer {
    /// Creates a server that the CLI starts with this command.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Session;
    /// use copilot::mcp::McpServer;
    ///
    /// let files = McpServer::stdio("mcp-files").args(["--root", "/srv/docs"]).env("LOG", "off");
    /// let builder = Session::builder().mcp_server("files", files);
    /// # drop(builder);
    /// ```
    pub fn stdio(command: impl Into<String>) -> StdioServer {
        StdioServer {
            command: command.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            cwd: None,
            common: Common::default(),
        }
    }

    /// Creates a server that speaks streamable HTTP. The user information and the query of the URL do not show in
    /// `Debug`.
    pub fn http(url: impl Into<String>) -> RemoteServer {
        RemoteServer::new(url.into(), false)
    }

    /// Creates a server that speaks HTTP with server-sent events, as older ones do.
    pub fn sse(url: impl Into<String>) -> RemoteServer {
        RemoteServer::new(url.into(), true)
    }
}

/// The options that all servers have.
macro_rules! common_options {
    ($($common:ident).+) => {
        /// Sets the only tools of the server that the agent gets, by the server's names for them. Default: all tools.
        pub fn tools(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
            self.$($common).+.tools = names.into_iter().map(Into::into).collect();
            self
        }

        /// Excludes tools of the server, by the server's names for them.
        pub fn excluded_tools(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
            self.$($common).+.excluded_tools = names.into_iter().map(Into::into).collect();
            self
        }

        /// Sets the filter of the results of all tools of the server.
        pub fn content_filter(mut self, filter: ContentFilter) -> Self {
            self.$($common).+.filter = Some(Filter::All(filter));
            self
        }

        /// Sets the filter of the results of one tool, by the server's name for it; results of other tools get the
        /// CLI's default. Replaces [`content_filter`](Self::content_filter).
        pub fn content_filter_of(mut self, tool: impl Into<String>, filter: ContentFilter) -> Self {
            let mut filters = match self.$($common).+.filter.take() {
                Some(Filter::ByTool(filters)) => filters,
                _ => BTreeMap::new(),
            };
            filters.insert(tool.into(), filter);
            self.$($common).+.filter = Some(Filter::ByTool(filters));
            self
        }

        /// Sets a member of the server's entry that has no setter here. Values do not show in `Debug`.
        pub fn raw(mut self, member: impl Into<String>, value: impl Into<Value>) -> Self {
            self.$($common).+.raw.insert(member.into(), value.into());
            self
        }

        /// Sets how long a call may take.
        pub fn timeout(mut self, limit: Duration) -> Self {
            self.$($common).+.timeout = Some(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
            self
        }
    };
}

impl StdioServer {
    /// Adds arguments to its command line. They do not show in `Debug`; other users of the machine can see them in the
    /// list of processes, so a secret belongs into [`env`](Self::env).
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.args.extend(args.into_iter().map(Secret::from));
        self
    }

    /// Sets a variable in its environment; the value is literal, and does not show in `Debug`. CLIs up to 0.0.403
    /// ignore variables, so opening fails there.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), Secret::from(value));
        self
    }

    /// Sets the directory that the server runs in, which must exist; a relative one starts from the session's working
    /// directory.
    pub fn cwd(mut self, path: impl Into<String>) -> Self {
        self.cwd = Some(path.into());
        self
    }

    common_options!(common);
}

impl RemoteServer {
    fn new(url: String, sse: bool) -> Self {
        Self {
            sse,
            wire: RemoteWire {
                url: Url::from(url),
                headers: BTreeMap::new(),
                headers_refresh_ttl_ms: None,
                oauth_client_id: None,
                oauth_scopes: Vec::new(),
                oauth_public_client: None,
                oauth_grant_type: None,
                common: Common::default(),
            },
        }
    }

    /// Adds a header to each request; the value does not show in `Debug`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.wire.headers.insert(name.into(), Secret::from(value));
        self
    }

    /// Sets the OAuth client that was registered with the server. The flow is that of a browser unless
    /// [`oauth_client_credentials`](Self::oauth_client_credentials) is set.
    pub fn oauth_client_id(mut self, id: impl Into<String>) -> Self {
        self.wire.oauth_client_id = Some(id.into());
        self
    }

    /// Sets the scopes that the OAuth client asks for where the server names none; needs an
    /// [`oauth_client_id`](Self::oauth_client_id).
    pub fn oauth_scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.wire.oauth_scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Declares that the OAuth client is public and has no secret.
    pub fn oauth_public_client(mut self, on: bool) -> Self {
        self.wire.oauth_public_client = Some(on);
        self
    }

    /// Uses the client credentials of the OAuth client, without a browser.
    pub fn oauth_client_credentials(mut self) -> Self {
        self.wire.oauth_grant_type = Some("client_credentials");
        self
    }

    /// Has the CLI ask for headers, at least once in this time; needs
    /// [`Mcp::on_headers`](crate::mcp::Mcp::on_headers).
    pub fn headers_refresh(mut self, at_least_every: Duration) -> Self {
        self.wire.headers_refresh_ttl_ms =
            Some(u64::try_from(at_least_every.as_millis()).unwrap_or(u64::MAX));
        self
    }

    common_options!(wire.common);
}

impl McpServer {
    /// Returns the tools that the program has named among those that it wants.
    pub(crate) fn wanted(&self) -> &[String] {
        let common = match &self.0 {
            Kind::Stdio(server) => &server.common,
            Kind::Http(server) | Kind::Sse(server) => &server.wire.common,
        };
        &common.tools
    }

    /// Returns whether variables are set in its environment.
    pub(crate) fn has_env(&self) -> bool {
        matches!(&self.0, Kind::Stdio(server) if !server.env.is_empty())
    }
}

impl McpServer {
    /// Returns the directory that the server runs in; `None` for a remote server and where none is set.
    pub(crate) fn directory_mut(&mut self) -> Option<&mut String> {
        match &mut self.0 {
            Kind::Stdio(server) => server.cwd.as_mut(),
            Kind::Http(_) | Kind::Sse(_) => None,
        }
    }

    /// Returns the command that starts the server; `None` for a remote server.
    pub(crate) fn command(&self) -> Option<&str> {
        match &self.0 {
            Kind::Stdio(server) => Some(&server.command),
            Kind::Http(_) | Kind::Sse(_) => None,
        }
    }

    /// Returns the URL of a remote server; `None` for a server that the CLI starts.
    pub(crate) fn url(&self) -> Option<&str> {
        match &self.0 {
            Kind::Stdio(_) => None,
            Kind::Http(server) | Kind::Sse(server) => Some(server.wire.url.as_str()),
        }
    }
}

/// The parameters of `session.mcp.listTools`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct McpToolsParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) server_name: &'a str,
}

impl From<StdioServer> for McpServer {
    fn from(server: StdioServer) -> Self {
        Self(Kind::Stdio(server))
    }
}

impl From<RemoteServer> for McpServer {
    fn from(server: RemoteServer) -> Self {
        Self(if server.sse { Kind::Sse(server) } else { Kind::Http(server) })
    }
}

settings! {
    /// The part of GitHub's own MCP server that the agent gets. Wire: `githubMcpToolConfig`.
    GithubMcp {
        /// Enables all tools of the server.
        enable_all_tools: flag,
        /// Sets the toolsets that are added to the default ones.
        additional_toolsets: list,
        /// Sets the tools that are added to the default ones.
        additional_tools: list,
        /// Enables the server's newest tools.
        enable_insiders_mode: flag,
        /// Sets whether questions to the user are asked immediately instead of later.
        disable_form_deferral: flag,
    }
}

vocabulary! {
    /// The time for which data are stored.
    Storage {
        /// The data are stored on disk.
        Persistent = "persistent",
        /// The data are in memory while the session lives.
        InMemory = "in-memory",
    }
}

/// An MCP server of a session and its state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct McpServerInfo {
    /// The name of the server in the session.
    pub name: String,
    /// The state of the connection to the server.
    pub status: McpStatus,
    /// The place of the server's configuration; `None` on CLIs that do not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The text of the error; `None` unless the server failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

vocabulary! {
    /// The state of an MCP server.
    McpStatus {
        /// The server is connected.
        Connected = "connected",
        /// The server could not be started or reached.
        Failed = "failed",
        /// The server requires a login.
        NeedsAuth = "needs-auth",
        /// The server is being started or reached.
        Pending = "pending",
        /// The server was stopped.
        Stopped = "stopped",
        /// The server is not configured.
        NotConfigured = "not_configured",
        /// The server is disabled.
        Disabled = "disabled",
    }
}

#[derive(Debug, Decode)]
pub(crate) struct McpListResponse {
    #[serde(default)]
    pub(crate) servers: Vec<McpServerInfo>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::decode;

    fn check(server: impl Into<McpServer>, wire: &Value) {
        assert_eq!(serde_json::to_value(server.into()).unwrap(), *wire);
    }

    #[test]
    fn servers_of_all_kinds_reach_the_wire() {
        check(McpServer::stdio("x"), &json!({"type": "stdio", "command": "x", "args": [], "tools": ["*"]}));
        check(
            McpServer::stdio("x")
                .args(["-a", "b"])
                .env("K", "v")
                .cwd("/d")
                .tools(["t"])
                .timeout(Duration::from_secs(2)),
            &json!({"type": "stdio", "command": "x", "args": ["-a", "b"], "env": {"K": "v"}, "cwd": "/d",
                    "tools": ["t"], "timeout": 2000}),
        );
        check(
            McpServer::http("http://h/mcp").header("A", "b"),
            &json!({"type": "http", "url": "http://h/mcp", "headers": {"A": "b"}, "tools": ["*"]}),
        );
        let none: [&str; 0] = [];
        check(
            McpServer::sse("http://h/sse").tools(none),
            &json!({"type": "sse", "url": "http://h/sse", "tools": []}),
        );
    }

    #[test]
    fn values_of_variables_and_headers_do_not_show() {
        let shown = format!(
            "{:?} {:?}",
            McpServer::stdio("x").env("KEY", "sk-1").args(["--token", "a-3"]),
            McpServer::http("http://u:p-4@h/mcp?key=q-5").header("Authorization", "Bearer t-2")
        );
        assert!(
            shown.contains("KEY") && shown.contains("Authorization") && shown.contains("h/mcp"),
            "{shown}"
        );
        for secret in ["sk-1", "t-2", "a-3", "p-4", "q-5"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn what_the_cli_lists_is_read() {
        let list: McpListResponse = decode::answer(
            r#"{"servers":[{"name":"x","status":"failed","error":"no such file"},{"name":"y","status":"odd","new":1}],"host":{"clients":[]}}"#,
        )
        .unwrap();
        assert_eq!(list.servers[0].status, McpStatus::Failed);
        assert_eq!(list.servers[0].error.as_deref(), Some("no such file"));
        assert_eq!(list.servers[1].status, McpStatus::Other("odd".into()));
    }
}
