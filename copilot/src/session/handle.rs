//! A conversation with the agent.
//!
//! A [`Session`] holds the connection's [`Peer`](crate::rpc::Peer) and an inbox that the reader fills; it has no task
//! of its own. It never names a client: what it needs of one is [`Link`].

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_core::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::core::{Inbox, tool_host};
use super::link::Link;
use super::paths;
use super::session_tools::ToolChanges;
use super::subscription::Subscription;
use crate::error::{Error, ErrorKind, Result};
use crate::events::{Event, EventStream};
use crate::protocol::SessionId;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::connection::CliVersion;
use crate::protocol::session::{SessionParams, Success};
use crate::rpc::{Peer, decode};
use crate::task::DropGuard;

/// How long `close` waits for the CLI to let go of the session.
const DETACH_TIMEOUT: Duration = Duration::from_secs(10);

/// A conversation with the agent; clones share it.
///
/// Dropping the last clone stops listening and lets go of the session without waiting;
/// [`close`](Self::close) is the orderly way, and tells what went wrong.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> copilot::Result<()> {
/// let session = copilot::Session::builder().model("gpt-5").with_all_tools().start().await?;
/// let reply = session.ask("What is the state of GH-42?").await?;
/// println!("{}", reply.text());
/// session.close().await
/// # }
/// ```
#[derive(Clone)]
pub struct Session(pub(in crate::session) Arc<Shared>);

pub(in crate::session) struct Shared {
    pub(in crate::session) inbox: Arc<Inbox>,
    pub(in crate::session) link: Link,
    pub(in crate::session) workspace_path: Option<String>,
    /// Where the files of its messages are.
    pub(in crate::session) files: paths::Files,
    pub(in crate::session) event_budget: usize,
    /// Those of the builder; what they hold back of the end of the session is theirs.
    pub(in crate::session) _listeners: Vec<Subscription>,
    /// Whether the CLI has taken a message, so that the session is on its disk.
    pub(in crate::session) spoken: AtomicBool,
    /// Held while a message is sent.
    pub(in crate::session) sending: Mutex<()>,
    /// Held by a turn on CLIs that do not tell turns apart.
    pub(in crate::session) alone: OnceLock<Arc<Mutex<()>>>,
    /// Held while the program changes its tools.
    pub(in crate::session) tool_changes: Arc<Mutex<ToolChanges>>,
}

impl Session {
    /// The session's id; [`Client::resume`](crate::Client::resume) takes it up again.
    pub fn id(&self) -> &SessionId {
        &self.0.inbox.id
    }

    /// The directory where the CLI keeps the session's own files, if it keeps any.
    pub fn workspace_path(&self) -> Option<&str> {
        self.0.workspace_path.as_deref()
    }

    /// What the CLI and its other clients can do in this session, as of now. Old CLIs do not tell.
    ///
    /// Wire: `session.create` and `capabilities.changed`, from the CLI.
    pub fn capabilities(&self) -> Capabilities {
        self.inbox().capabilities()
    }

    /// Every event from now on, for a subscriber that reads at its own pace.
    ///
    /// Events wait up to a byte budget (see [`SessionBuilder::event_budget`]); past it the oldest are dropped, and
    /// their number stands in their place as [`EventKind::Lagged`](crate::EventKind::Lagged).
    pub fn events(&self) -> EventStream {
        self.inbox().subscribers.subscribe(self.0.event_budget)
    }

    /// Calls `listener` with every event from now on, until the returned guard is dropped.
    ///
    /// The listener runs on a task of its own, one event after the other; a slow one delays nobody else. If it
    /// panics, that is logged and it is called again with the next event.
    pub fn on(&self, listener: impl FnMut(&Event) + Send + 'static) -> Subscription {
        Subscription::start(self.events(), listener)
    }

    /// Stops what the agent is doing. Running tools are cancelled, and the turn ends as aborted.
    ///
    /// # Errors
    ///
    /// When the connection is lost or the CLI refuses.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the agent may still be stopped.
    ///
    /// Wire: `session.abort`, to the CLI.
    pub async fn abort(&self) -> Result<()> {
        let done: Option<Success> =
            self.peer().await?.request("session.abort", &self.params()).decoded().await?;
        match done {
            Some(Success { success: false, error: Some(error) }) => {
                Err(Error::new(ErrorKind::Session, format!("session.abort: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Calls a method of the CLI that has no method here; `sessionId` is added to the parameters.
    ///
    /// # Errors
    ///
    /// When `params` is no object, the connection is lost, the CLI refuses or its answer is no `R`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the CLI may still do what it was asked.
    pub async fn call<P: Serialize, R: DeserializeOwned>(&self, method: &str, params: P) -> Result<R> {
        let params = serde_json::value::to_raw_value(&params).map_err(|source| {
            Error::with_source(
                ErrorKind::InvalidInput,
                format!("{method}: the parameters are not JSON"),
                source,
            )
        })?;
        let params = tool_host::with_session(method, self.id(), &params)?;
        decode(method, &self.peer().await?.request(method, &params).raw().await?)
    }

    /// Ends the session here: running tools are cancelled, streams end, and the CLI lets go of it. What is on disk
    /// stays, so the session can be resumed. A CLI that was started only for this session is stopped.
    ///
    /// # Errors
    ///
    /// What went wrong on the way; the session is closed all the same.
    ///
    /// # Cancel safety
    ///
    /// Once it was polled, the session is closed even if the future is dropped: what runs is cancelled at once, and the
    /// CLI is told without waiting for its answer. A CLI that was started only for the session then ends with the last
    /// clone of the session, or when `close` is called again.
    ///
    /// Wire: `session.detach`, or `session.destroy` on CLIs without it, to the CLI.
    pub async fn close(&self) -> Result<()> {
        self.close_boxed().await
    }

    /// Boxed, so that the crate of the user does not compile it again.
    fn close_boxed(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.inbox().calls.close();
            // Dropped before the CLI has detached, the session is closed too.
            let closing = DropGuard::new(&*self.0, Shared::leave);
            let detached = match timeout(DETACH_TIMEOUT, self.detach()).await {
                Ok(detached) => detached,
                Err(_) => {
                    let message = format!(
                        "the CLI did not detach from session {} within {DETACH_TIMEOUT:?}",
                        self.id()
                    );
                    Err(Error::new(ErrorKind::Timeout, message))
                }
            };
            closing.dismiss().end();
            let released = self.0.link.carrier.release().await;
            detached.and(released)
        })
    }

    async fn detach(&self) -> Result<()> {
        // A session without connection has nothing to let go of.
        let Some(peer) = self.inbox().connection.current() else { return Ok(()) };
        match peer.request("session.detach", &self.params()).raw().await {
            Err(error) if error.is_unsupported() => {}
            Err(error) if error.is_disconnected() || error.kind() == ErrorKind::Closed => return Ok(()),
            other => return other.map(drop),
        }
        peer.request("session.destroy", &self.params()).raw().await.map(drop)
    }

    /// The connection, once it is there.
    pub(crate) async fn peer(&self) -> Result<Peer> {
        self.inbox().connection.ready().await
    }

    pub(crate) fn params(&self) -> SessionParams<'_> {
        SessionParams { session_id: self.id() }
    }

    /// The version of the CLI.
    pub(crate) fn cli(&self) -> &CliVersion {
        &self.0.link.cli
    }

    pub(crate) fn inbox(&self) -> &Inbox {
        &self.0.inbox
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", self.id()).finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !self.inbox.is_closed() {
            self.leave();
        }
    }
}

impl Shared {
    /// Ends what is here of the session.
    fn end(&self) {
        // First, so that a subscriber that sees the end can open the session again.
        self.link.carrier.unregister(&self.inbox);
        self.inbox.close();
        self.inbox.calls.abort();
    }

    /// Ends it, and tells the CLI without waiting that it is let go of.
    fn leave(&self) {
        let (inbox, peer) = (&self.inbox, self.inbox.connection.current());
        self.end();
        // Best effort: a connection that is gone has let go already. Nobody can wait here for a refusal, so what the
        // version says has to do.
        let Some(peer) = peer else { return };
        let method = if self.link.cli.detaches() { "session.detach" } else { "session.destroy" };
        if let Err(error) = peer.request(method, &SessionParams { session_id: &inbox.id }).detach() {
            tracing::debug!(%error, session = %inbox.id, "a dropped session was not let go of");
        }
    }
}
