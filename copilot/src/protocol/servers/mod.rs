//! The wire of MCP servers.

pub(crate) mod mcp;
pub(crate) mod mcp_headers;
pub(crate) mod mcp_login;
pub(crate) mod sampling;
