//! Entry points of a program: the builders of clients and sessions.

use std::fmt;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::api::TOPICS;
use crate::client::{Client, ClientBuilder, OwnClient};
use crate::protocol::SessionId;
use crate::session::link::Connect;
use crate::session::{Session, SessionBuilder};

impl Client {
    /// Returns a builder for a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new(&TOPICS)
    }

    /// Returns a builder for a client that is connected by two streams to a CLI that runs already: those of a
    /// container, of an SSH channel, or of a socket that the program connected.
    ///
    /// The CLI runs in server mode, `copilot --server --stdio`. The client never stops it: the shutdown detaches the
    /// sessions and drops the streams, and a CLI that reads its standard input exits at its end. A lost connection
    /// cannot be restored, so [`auto_restart`](ClientBuilder::auto_restart) is off; options that start a CLI are
    /// refused. Paths are those of the CLI's machine, so relative ones are refused.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::process::Stdio;
    ///
    /// use copilot::Client;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut ssh = tokio::process::Command::new("ssh")
    ///     .args(["build-host", "copilot", "--server", "--stdio"])
    ///     .stdin(Stdio::piped())
    ///     .stdout(Stdio::piped())
    ///     .spawn()?;
    /// let (reader, writer) = (ssh.stdout.take().unwrap(), ssh.stdin.take().unwrap());
    /// let client = Client::from_streams(reader, writer).start().await?;
    /// println!("{}", client.session().start().await?.ask("Where are you?").await?);
    /// client.shutdown().await?;
    /// ssh.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_streams(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> ClientBuilder {
        ClientBuilder::new(&TOPICS).streams(reader, writer)
    }

    /// Returns a builder for a new session on this client.
    pub fn session(&self) -> SessionBuilder {
        SessionBuilder::new(self.connect(false), &TOPICS)
    }

    /// Returns a builder that resumes an existing session: one that was closed, or that another client has open.
    ///
    /// A session that this client has open is taken over: its settings, tools and handlers are those of the new handle. The
    /// running tools of the earlier handle are cancelled, its streams end after an
    /// [`EventKind::Disconnected`](crate::EventKind::Disconnected) whose error is [closed](crate::Error::is_closed), and its
    /// calls fail, also when the resumption fails.
    pub fn resume(&self, id: impl Into<SessionId>) -> SessionBuilder {
        SessionBuilder::resuming(self.connect(false), id.into(), &TOPICS)
    }
}

impl Session {
    /// Returns a builder for a new session, on a separate CLI unless [`SessionBuilder::client`] sets one.
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
