//! MCP servers of a session.

pub(crate) mod headers;
pub(crate) mod login;
pub(crate) mod sampling;

use std::collections::BTreeMap;

use crate::error::Result;
use crate::protocol::account::ToolInfo;
use crate::protocol::account::ToolListResponse;
use crate::protocol::diagnostics::DiagnosticLevel;
use crate::protocol::diagnostics::Diagnostics;
use crate::protocol::instructions::ServerParams;
use crate::protocol::mcp::GithubMcp;
use crate::protocol::mcp::McpListResponse;
use crate::protocol::mcp::McpServer;
use crate::protocol::mcp::McpServerInfo;
use crate::protocol::mcp::Storage;
use crate::session::Session;
use crate::session::SessionBuilder;
use crate::session::core::Topic;
use crate::session::core::setters::members;

members! {
    /// MCP servers that are configured on this machine and that the session does without.
    ///
    /// Wire: `session.create`, `disabledMcpServers`.
    disabled_mcp_servers: list in members "disabledMcpServers";

    /// How long logins to MCP servers are kept.
    ///
    /// Wire: `session.create`, `mcpOAuthTokenStorage`.
    mcp_token_storage: (Storage) in members "mcpOAuthTokenStorage";

    /// The URL of the document that tells MCP servers which client this is.
    ///
    /// Wire: `session.create`, `authClientIdMetadataUrl`.
    auth_client_id_metadata_url: url in members "authClientIdMetadataUrl";

    /// What the agent gets of GitHub's own MCP server.
    ///
    /// Wire: `session.create`, `githubMcpToolConfig`.
    github_mcp: (GithubMcp) in members "githubMcpToolConfig";

    /// Whether this program shows the pages that MCP servers bring along; set it only where it does. Whether the
    /// CLI agreed is in [`capabilities`](crate::Session::capabilities).
    ///
    /// Wire: `session.create`, `requestMcpApps`.
    mcp_apps: flag in members "requestMcpApps";

    @also "mcpServers" mcp_server, "diagnostics" mcp_diagnostics,
}

impl SessionBuilder {
    /// Adds an MCP server. The model knows its tools as `name-tool`, and they need permission like any other.
    ///
    /// Wire: `session.create`, `mcpServers`.
    pub fn mcp_server(mut self, name: impl Into<String>, server: impl Into<McpServer>) -> Self {
        let server = server.into();
        if server.has_env() {
            self.settings.features.push("McpServer::stdio(..).env");
        }
        self.settings.members.update("mcpServers", |all: &mut BTreeMap<String, McpServer>| {
            all.insert(name.into(), server);
        });
        self
    }

    /// How much the CLI keeps of what MCP servers say.
    ///
    /// Wire: `session.create`, `diagnostics`.
    pub fn mcp_diagnostics(mut self, level: DiagnosticLevel) -> Self {
        self.settings.members.set("diagnostics", Diagnostics::of_mcp_servers(level));
        self
    }
}

impl Session {
    /// The MCP servers, and how they are.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.mcp.list`, to the CLI.
    pub async fn mcp_servers(&self) -> Result<Vec<McpServerInfo>> {
        self.ask_for::<McpListResponse>("session.mcp.list").await.map(|answer| answer.servers)
    }

    /// The tools of an MCP server that is connected.
    ///
    /// # Errors
    ///
    /// When it is not connected, the connection is lost, or the CLI is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.mcp.listTools`, to the CLI.
    pub async fn mcp_tools(&self, server: &str) -> Result<Vec<ToolInfo>> {
        let params = ServerParams { session_id: self.id(), server_name: server };
        let answer: ToolListResponse = self.peer().await?.call("session.mcp.listTools", &params).await?;
        Ok(answer.tools)
    }

    /// Switches an MCP server on.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the server may still be switched on.
    ///
    /// Wire: `session.mcp.enable`, to the CLI.
    pub async fn enable_mcp_server(&self, name: &str) -> Result<()> {
        self.order("session.mcp.enable", &ServerParams { session_id: self.id(), server_name: name }).await
    }

    /// Switches an MCP server off.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the server may still be switched off.
    ///
    /// Wire: `session.mcp.disable`, to the CLI.
    pub async fn disable_mcp_server(&self, name: &str) -> Result<()> {
        self.order("session.mcp.disable", &ServerParams { session_id: self.id(), server_name: name }).await
    }
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, ..Topic::NONE };
