//! What a session needs of the client that carries it. The client implements it; a session never names a client.

use std::sync::Arc;

use futures_core::future::BoxFuture;

use super::inbox::Inbox;
use super::paths::Files;
use crate::error::Result;
use crate::protocol::connection::CliVersion;
use crate::rpc::Peer;

/// Gives a connection, starting one where there is none.
pub(crate) trait Connect: Send {
    /// Where the files of its sessions are.
    fn files(&self) -> Files;

    /// With `apart`, only one to a CLI that keeps away from what is the user's, as far as the client can tell; any
    /// other is refused before it is started.
    fn connect(self: Box<Self>, apart: bool) -> BoxFuture<'static, Result<Link>>;
}

/// A session's side of a connection.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) peer: Peer,
    pub(crate) cli: Arc<CliVersion>,
    pub(crate) carrier: Arc<dyn Carrier>,
    /// Whether the CLI was there before, and may have other clients.
    pub(crate) shared: bool,
}

/// The connection that a session lives on; holding it keeps the connection open.
pub(crate) trait Carrier: Send + Sync {
    /// Delivers what arrives for the inbox's session to it. Fails when the id is taken or the connection has ended.
    fn register(&self, inbox: Arc<Inbox>) -> Result<()>;

    /// Delivers nothing more for this session; another one that has its id by now is left alone.
    fn unregister(&self, inbox: &Inbox);

    /// The session is closed; whoever started the connection only for it stops it.
    fn release(&self) -> BoxFuture<'_, Result<()>>;
}
