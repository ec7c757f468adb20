//! MCP servers of a session, and with the feature `mcp` an MCP server of the program's tools.

pub(crate) mod headers;
pub(crate) mod login;
pub(crate) mod sampling;
#[cfg(feature = "mcp")]
mod server;

use std::collections::BTreeMap;

use crate::error::Result;
use crate::protocol::account::ToolInfo;
use crate::protocol::account::ToolListResponse;
use crate::protocol::attachments::PathKind;
use crate::protocol::instructions::ServerParams;
use crate::protocol::mcp::McpListResponse;
use crate::protocol::mcp::Storage;
use crate::session::Session;
use crate::session::SessionBuilder;
use crate::session::core::setters::members;
use crate::session::core::{ToolServer, Topic};
use crate::session::paths::Files;

pub use crate::protocol::mcp::{
    ContentFilter, GithubMcp, McpServer, McpServerInfo, McpStatus, RemoteServer, StdioServer,
};
pub use crate::protocol::mcp_headers::{McpHeadersReason, McpHeadersRequest};
pub use crate::protocol::mcp_login::{McpClientConfig, McpLoginReason, McpLoginRequest};
pub use crate::protocol::sampling::{SamplingMessage, SamplingRole};
pub use headers::McpHeadersResponse;
pub use login::McpLoginResponse;
pub use sampling::{SamplingRequest, SamplingResponse};
#[cfg(feature = "mcp")]
pub use server::{HttpBody, HttpService, Server, ServerHandle, ServerTools};

/// The member with the servers by name.
const SERVERS: &str = "mcpServers";

members! {
    @also "mcpServers" mcp_server,

    @group
        /// Rare settings of MCP servers, and handlers of their requests.
        /// [`mcp_server`](crate::SessionBuilder::mcp_server) adds a server.
        ///
        /// # Examples
        ///
        /// ```
        /// use copilot::Session;
        /// use copilot::mcp::{Mcp, McpLoginResponse};
        ///
        /// let mcp = Mcp::new().disabled_servers(["playwright"]).on_login(|login| async move {
        ///     match std::env::var(format!("{}_TOKEN", login.server_name.to_uppercase())) {
        ///         Ok(token) => McpLoginResponse::token(token),
        ///         Err(_) => McpLoginResponse::cancelled(),
        ///     }
        /// });
        /// let builder = Session::builder().mcp(mcp);
        /// # drop(builder);
        /// ```
        Mcp
        /// Sets rare settings of MCP servers, and handlers of their requests.
        mcp {
            /// Excludes MCP servers that are configured on this machine.
            ///
            /// Wire: `session.create`, `disabledMcpServers`.
            disabled_servers: list in members "disabledMcpServers";

            /// Sets the storage of logins to MCP servers.
            ///
            /// Wire: `session.create`, `mcpOAuthTokenStorage`.
            token_storage: (Storage) in members "mcpOAuthTokenStorage";

            /// Sets the URL of the document that describes this client to MCP servers.
            ///
            /// Wire: `session.create`, `authClientIdMetadataUrl`.
            client_id_metadata_url: url in members "authClientIdMetadataUrl";

            /// Sets the toolsets and tools of GitHub's MCP server that the agent gets.
            ///
            /// Wire: `session.create`, `githubMcpToolConfig`.
            github: (GithubMcp) in members "githubMcpToolConfig";

            /// Enables the pages of MCP servers; set it only if this program shows them.
            /// [`capabilities`](crate::Session::capabilities) has the answer of the CLI. Default: off.
            ///
            /// Wire: `session.create`, `requestMcpApps`.
            apps: flag in members "requestMcpApps";
        }
}

impl SessionBuilder {
    /// Adds an MCP server. Its tools are named `name-tool` for the model, and need permission.
    ///
    /// Wire: `session.create`, `mcpServers`.
    pub fn mcp_server(mut self, name: impl Into<String>, server: impl Into<McpServer>) -> Self {
        let server = server.into();
        if server.has_env() {
            self.settings.features.push("McpServer::stdio(..).env");
        }
        self.settings.members.update(SERVERS, |all: &mut BTreeMap<String, McpServer>| {
            all.insert(name.into(), server);
        });
        self
    }
}

/// The MCP servers of a session. Returned by [`Session::mcp`].
///
/// # Examples
///
/// ```no_run
/// # async fn example(session: &copilot::Session) -> copilot::Result<()> {
/// for server in session.mcp().servers().await? {
///     println!("{}: {}", server.name, server.status);
/// }
/// session.mcp().restart("files").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SessionMcp<'a>(&'a Session);

impl Session {
    /// Returns the view on the session's MCP servers.
    pub fn mcp(&self) -> SessionMcp<'_> {
        SessionMcp(self)
    }
}

impl SessionMcp<'_> {
    /// Returns the MCP servers with their status.
    ///
    /// Wire: `session.mcp.list`, a [query](crate#queries).
    pub async fn servers(&self) -> Result<Vec<McpServerInfo>> {
        self.0.ask_for::<McpListResponse>("session.mcp.list").await.map(|answer| answer.servers)
    }

    /// Returns the tools of a connected MCP server.
    ///
    /// # Errors
    ///
    /// As every query, and when the server is not connected.
    ///
    /// Wire: `session.mcp.listTools`, a [query](crate#queries).
    pub async fn tools(&self, server: &str) -> Result<Vec<ToolInfo>> {
        let params = ServerParams { session_id: self.0.id(), server_name: server };
        let answer: ToolListResponse =
            self.0.peer().await?.request("session.mcp.listTools", &params).decoded().await?;
        Ok(answer.tools)
    }

    /// Enables an MCP server.
    ///
    /// Wire: `session.mcp.enable`, a [command](crate#commands).
    pub async fn enable(&self, name: &str) -> Result<()> {
        self.0.order("session.mcp.enable", &ServerParams { session_id: self.0.id(), server_name: name }).await
    }

    /// Restarts an MCP server.
    ///
    /// # Errors
    ///
    /// As every command, and when there is no such server.
    ///
    /// Wire: `session.mcp.restartServer`, a [command](crate#commands).
    pub async fn restart(&self, name: &str) -> Result<()> {
        self.0
            .order("session.mcp.restartServer", &ServerParams { session_id: self.0.id(), server_name: name })
            .await
    }

    /// Disables an MCP server.
    ///
    /// Wire: `session.mcp.disable`, a [command](crate#commands).
    pub async fn disable(&self, name: &str) -> Result<()> {
        self.0
            .order("session.mcp.disable", &ServerParams { session_id: self.0.id(), server_name: name })
            .await
    }
}

/// Makes the directories absolute that servers run in.
pub(crate) fn resolve_directories(servers: &mut BTreeMap<String, McpServer>, files: &Files) -> Result<()> {
    servers.iter_mut().try_for_each(|(name, server)| {
        if let Some(path) = server.directory_mut() {
            let what = format!("cwd of the MCP server {name}");
            *path = files.existing(&what, path, PathKind::Directory)?;
        }
        Ok(())
    })
}

pub(crate) const TOPIC: Topic = Topic {
    members: MEMBERS,
    paths: Some(|members, files| members.change(SERVERS, |servers| resolve_directories(servers, files))),
    tool_servers: Some(|members| {
        let servers = members.get::<BTreeMap<String, McpServer>>(SERVERS).into_iter().flatten();
        servers.map(|(name, server)| ToolServer { name, wanted: server.wanted() }).collect()
    }),
    ..Topic::NONE
};
