//! Payloads of MCP servers, of extensions of the CLI and of canvases. The `Debug` text of a payload that repeats the
//! answer of a server leaves the answer out.

use std::fmt;

use super::attachment::MessageAttachment;
use crate::protocol::RequestId;
use crate::protocol::canvas::CanvasInfo;
use crate::protocol::decode::Decode;
use crate::protocol::mcp::McpStatus;
use crate::protocol::mcp_headers::McpHeadersReason;
use crate::protocol::mcp_login::{McpClientConfig, McpLoginReason};
use crate::protocol::secret::redacted;
use crate::protocol::vocabulary::vocabulary;

payload! {
    /// The MCP servers were loaded.
    pub struct McpServersLoaded {
        /// The servers, with their status.
        pub servers: Vec<McpServerStatus>,
    }

    /// An MCP server and its status.
    pub struct McpServerStatus {
        /// The name of the server in the configuration.
        pub name: String,
        /// The status of the connection.
        pub status: McpStatus,
        /// The error text of a server that failed.
        pub error: Option<String>,
        /// Where the server is configured: `user`, `workspace`, `plugin` or `builtin`.
        pub source: Option<String>,
        /// How the CLI reaches the server: `stdio`, `http`, `sse` or `memory`.
        pub transport: Option<String>,
        /// The plugin that brings the server, if one does.
        pub plugin_name: Option<String>,
        /// The version of that plugin.
        pub plugin_version: Option<String>,
    }

    /// The status of an MCP server changed.
    pub struct McpServerStatusChanged {
        /// The name of the server in the configuration.
        pub server_name: String,
        /// The status from here on.
        pub status: McpStatus,
        /// The error text of a server that failed.
        pub error: Option<String>,
        /// The kind of that error; CLI 1.0.102 and later.
        pub error_classification: Option<String>,
        /// Where the server is configured; CLI 1.0.102 and later.
        pub config_source: Option<String>,
    }

    /// Tools, resources or prompts of an MCP server changed.
    pub struct McpListChanged {
        /// The name of the server in the configuration.
        pub server_name: String,
    }

    /// A login to an MCP server was completed.
    pub struct McpOauthCompleted {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// The outcome: `token` or `cancelled`.
        pub outcome: String,
    }

    /// New headers for an MCP server were given or refused.
    pub struct McpHeadersCompleted {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// `headers`, `none` or `timeout`.
        pub outcome: String,
    }

    /// The extensions were loaded.
    pub struct ExtensionsLoaded {
        /// The extensions, with their status.
        pub extensions: Vec<ExtensionStatus>,
    }

    /// An extension and its status.
    pub struct ExtensionStatus {
        /// The id of the extension.
        pub id: String,
        /// The name of the extension, for people.
        pub name: String,
        /// Where the extension was found: `project`, `user`, `plugin` or `session`.
        pub source: String,
        /// The state of the extension's process.
        pub status: ExtensionState,
    }

    /// An extension offers attachments for the next message.
    pub struct AttachmentsPushed {
        /// The attachments that are offered.
        pub attachments: Vec<MessageAttachment>,
    }
}

payload! {
    /// A canvas is gone: closed, removed from the session, or without the program that offers it.
    pub struct CanvasGone {
        /// The id of the open canvas.
        pub instance_id: String,
        /// The program or extension that offers it.
        pub extension_id: String,
        /// The id of the canvas.
        pub canvas_id: String,
    }

    /// The canvases that are offered changed.
    pub struct CanvasRegistryChanged {
        /// All that are offered now.
        pub canvases: Vec<CanvasInfo>,
    }
}

vocabulary! {
    /// The status of an extension.
    ExtensionState {
        /// The extension runs.
        Running = "running",
        /// It is switched off.
        Disabled = "disabled",
        /// The extension failed to start or ended with an error.
        Failed = "failed",
        /// It is being started.
        Starting = "starting",
    }
}

/// An MCP server asks for a login.
#[derive(Clone, Default, PartialEq, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct McpOauthRequired {
    /// The id of the request, by which it is answered.
    pub request_id: RequestId,
    /// The name of the server in the configuration.
    pub server_name: String,
    /// The address of the server.
    pub server_url: String,
    /// The reason for the login.
    pub reason: McpLoginReason,
    /// The server's `WWW-Authenticate` header.
    pub www_authenticate_params: Option<AuthenticateParams>,
    /// The answer of the server that led to the request.
    pub http_response: Option<McpHttpResponse>,
    /// The server's metadata of a protected resource, as text of a JSON document.
    pub resource_metadata: Option<String>,
    /// The OAuth client that is configured for the server.
    pub static_client_config: Option<McpClientConfig>,
}

impl fmt::Debug for McpOauthRequired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpOauthRequired")
            .field("request_id", &self.request_id)
            .field("server_name", &self.server_name)
            .field("server_url", &redacted(&self.server_url))
            .field("reason", &self.reason)
            .field("www_authenticate_params", &self.www_authenticate_params)
            .field("http_response", &self.http_response)
            .field("resource_metadata", &self.resource_metadata.as_deref().map(Hidden))
            .field("static_client_config", &self.static_client_config)
            .finish()
    }
}

/// The parameters of a `WWW-Authenticate` header.
#[derive(Clone, Default, PartialEq, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AuthenticateParams {
    /// Where the server publishes its metadata.
    pub resource_metadata_url: Option<String>,
    /// The scopes that a token needs.
    pub scope: Option<String>,
    /// The error code, such as `invalid_token`; `None` without one.
    pub error: Option<String>,
}

impl fmt::Debug for AuthenticateParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticateParams")
            .field("resource_metadata_url", &self.resource_metadata_url.as_deref().map(redacted))
            .field("scope", &self.scope.as_deref().map(Hidden))
            .field("error", &self.error.as_deref().map(Hidden))
            .finish()
    }
}

/// The answer of an MCP server.
#[derive(Clone, Default, PartialEq, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct McpHttpResponse {
    /// The HTTP status of the response.
    pub status_code: u64,
    /// The headers of the response.
    pub headers: Vec<McpHttpHeader>,
    /// The body, if it is text.
    pub body: Option<String>,
}

impl fmt::Debug for McpHttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpHttpResponse")
            .field("status_code", &self.status_code)
            .field("headers", &self.headers)
            .field("body", &self.body.as_deref().map(Hidden))
            .finish()
    }
}

/// A header of an answer.
#[derive(Clone, Default, PartialEq, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct McpHttpHeader {
    /// The name, as it was sent.
    pub name: String,
    /// The value, as it was sent.
    pub value: String,
}

impl fmt::Debug for McpHttpHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpHttpHeader")
            .field("name", &self.name)
            .field("value", &Hidden(&self.value))
            .finish()
    }
}

/// The requests to an MCP server need new headers.
#[derive(Clone, Default, PartialEq, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct McpHeadersRequired {
    /// The id of the request, by which it is answered.
    pub request_id: RequestId,
    /// The name of the server in the configuration.
    pub server_name: String,
    /// The address of the server.
    pub server_url: String,
    /// The reason why new headers are needed.
    pub reason: McpHeadersReason,
}

impl fmt::Debug for McpHeadersRequired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpHeadersRequired")
            .field("request_id", &self.request_id)
            .field("server_name", &self.server_name)
            .field("server_url", &redacted(&self.server_url))
            .field("reason", &self.reason)
            .finish()
    }
}

/// Text from a server that may hold secrets: `Debug` shows only whether there is any.
struct Hidden<'a>(&'a str);

impl fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "\"\"" } else { "<redacted>" })
    }
}
