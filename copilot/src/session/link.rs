//! What a session needs of the client that carries it. The client implements it; a session never names a client.

use std::sync::Arc;

use futures_core::future::BoxFuture;

use crate::error::Result;
use crate::protocol::connection::CliVersion;
use crate::protocol::session::SendOptions;
use crate::rpc::Peer;
use crate::session::core::Inbox;
use crate::session::core::topic::Settings;
use crate::session::paths::Files;

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
    /// What older CLIs need, chosen at the handshake.
    pub(crate) compat: &'static dyn Compat,
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

/// The differences of the running CLI from the newest one.
pub(crate) trait Compat: Send + Sync {
    /// Refuses settings that the CLI lacks, and would ignore silently.
    fn check(&self, cli: &CliVersion, settings: &Settings) -> Result<()>;

    /// Changes settings that the CLI reads in another way. `tools` are the names of the program's tools.
    fn adapt(&self, cli: &CliVersion, settings: &mut Settings, tools: &mut dyn Iterator<Item = &str>);

    /// Refuses options of a message that the CLI lacks.
    fn check_message(&self, cli: &CliVersion, message: &SendOptions) -> Result<()>;

    /// Whether the model gets the schema of a typed answer.
    fn has_response_format(&self, cli: &CliVersion) -> bool;
}
