//! A server whose tools are checked.

use std::fmt;
use std::sync::Arc;

use rmcp::service::{QuitReason, ServerInitializeError};
use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::Connection;
use super::core::Core;
use super::http::{HttpService, HttpSettings};
use super::live::ServerTools;
use crate::error::{Error, ErrorKind, Result};

/// An MCP server whose tools are checked. Made by [`Server::handle`](super::Server::handle).
///
/// Clones are cheap and share the tools. It serves any number of clients, over any number of transports.
#[derive(Clone)]
pub struct ServerHandle {
    core: Arc<Core>,
    http: HttpSettings,
}

impl ServerHandle {
    pub(super) fn new(core: Core, http: HttpSettings) -> Self {
        Self { core: Arc::new(core), http }
    }

    /// Serves one client over stdin and stdout, until the client closes stdin. Nothing else may write to stdout.
    ///
    /// # Errors
    ///
    /// Returns an error if the client does not speak MCP.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the running calls and ends the connection.
    pub async fn stdio(&self) -> Result<()> {
        self.serve(tokio::io::stdin(), tokio::io::stdout()).await
    }

    /// Serves one client over two streams, until the reader ends: a socket, a pipe, or an SSH channel. A message is a line
    /// of JSON.
    ///
    /// # Errors
    ///
    /// Returns an error if the client does not speak MCP.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the running calls and ends the connection.
    pub async fn serve(
        &self,
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Result<()> {
        let connection = Connection::new(Arc::clone(&self.core));
        let failed = |message: String| Error::new(ErrorKind::Transport, message);
        let running = match rmcp::serve_server(connection, (reader, writer)).await {
            Ok(running) => running,
            // The client closed the connection before it sent anything.
            Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(failed(format!("the MCP client could not be served: {error}"))),
        };
        match running.waiting().await {
            Ok(QuitReason::JoinError(error)) | Err(error) => {
                Err(failed(format!("the connection to the MCP client failed: {error}")))
            }
            Ok(_) => Ok(()),
        }
    }

    /// Returns the service for HTTP; see [`HttpService`].
    pub fn http(&self) -> HttpService {
        HttpService::new(&self.core, &self.http)
    }

    /// Returns the view of the server's tools, to list and to change.
    pub fn tools(&self) -> ServerTools<'_> {
        ServerTools::new(&self.core)
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").field("tools", &self.tools().list()).finish_non_exhaustive()
    }
}
