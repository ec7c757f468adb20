//! Where a program begins: builders of clients and sessions.

use crate::api::TOPICS;
use crate::client::{Client, ClientBuilder, OwnClient};
use crate::protocol::SessionId;
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

impl SessionBuilder {
    /// Opens the session on this client.
    pub fn client(self, client: &Client) -> Self {
        self.connect(client.connect(false))
    }

    /// Opens the session on a CLI of its own that is started like this; closing the session stops it.
    pub fn own_client(self, client: ClientBuilder) -> Self {
        self.connect(Box::new(OwnClient(client)))
    }
}
