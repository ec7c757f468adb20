//! Where a program begins: builders of clients and sessions.

use std::fmt;

use crate::api::TOPICS;
use crate::client::{Client, ClientBuilder, OwnClient};
use crate::protocol::SessionId;
use crate::session::link::Connect;
use crate::session::{Session, SessionBuilder};

impl Client {
    /// Configures a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new(&TOPICS)
    }

    /// Configures a new session on this client.
    pub fn session(&self) -> SessionBuilder {
        SessionBuilder::new(self.connect(false), &TOPICS)
    }

    /// Configures the taking up of a session that was closed, or that another client has.
    pub fn resume(&self, id: impl Into<SessionId>) -> SessionBuilder {
        SessionBuilder::resuming(self.connect(false), id.into(), &TOPICS)
    }
}

impl Session {
    /// Configures a new session, on a CLI of its own unless one is given with [`SessionBuilder::client`].
    pub fn builder() -> SessionBuilder {
        SessionBuilder::new(Box::new(OwnClient(Client::builder())), &TOPICS)
    }
}

/// The client of a session: see [`SessionBuilder::client`].
pub struct ClientSource(Box<dyn Connect>);

impl fmt::Debug for ClientSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSource")
    }
}

impl From<&Client> for ClientSource {
    fn from(client: &Client) -> Self {
        Self(client.connect(false))
    }
}

impl From<ClientBuilder> for ClientSource {
    fn from(builder: ClientBuilder) -> Self {
        Self(Box::new(OwnClient(builder)))
    }
}

impl SessionBuilder {
    /// Sets the client of the session: a [`Client`] that several sessions share, or a [`ClientBuilder`] for a CLI that
    /// only this session uses and that ends with it. Default: `Client::builder()`.
    pub fn client(self, client: impl Into<ClientSource>) -> Self {
        self.connect(client.into().0)
    }
}
