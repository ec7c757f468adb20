//! A conversation with the agent.
//!
//! A [`Session`] has no task itself: it holds the session core, which the reader fills, and the [`Link`] to its client.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_core::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::answers::refused;
use super::core::{SessionCore, tool_host};
use super::link::{DETACH, Link, TurnGate};
use super::paths;
use super::subscription::Subscription;
use super::tool_changes::ToolChanges;
use crate::error::{Error, ErrorKind, Result};
use crate::events::{Event, EventStream};
use crate::protocol::SessionId;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::connection::CliVersion;
use crate::protocol::session::SessionParams;
use crate::rpc::{Peer, decode_as};
use crate::task::DropGuard;

/// The time limit of the detachment in `close`.
const DETACH_TIMEOUT: Duration = Duration::from_secs(10);

/// A conversation with the agent; clones share it.
///
/// The drop of the last clone detaches the session without waiting; [`close`](Self::close) waits and returns errors. If the
/// client is dropped within a tenth of a second too, the CLI that it has started ends instead of detaching the session.
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
    pub(in crate::session) core: Arc<SessionCore>,
    pub(in crate::session) link: Link,
    pub(in crate::session) workspace_path: Option<String>,
    /// The location of the files that its messages attach.
    pub(in crate::session) files: paths::Files,
    pub(in crate::session) event_budget: usize,
    /// The runtime that opened the session, on which its listeners run.
    pub(in crate::session) runtime: Handle,
    /// The listeners of the builder.
    pub(in crate::session) _listeners: Vec<Subscription>,
    /// Whether the CLI has accepted a message, so that the session is on disk.
    pub(in crate::session) spoken: AtomicBool,
    /// Held while a message is sent.
    pub(in crate::session) sending: Mutex<()>,
    /// Keeps turns apart on CLIs whose events do not name their message.
    pub(in crate::session) gate: Option<Box<dyn TurnGate>>,
    /// Held while the program changes its tools.
    pub(in crate::session) tool_changes: OnceLock<Arc<Mutex<ToolChanges>>>,
}

impl Session {
    /// Returns the session's id, for [`Client::resume`](crate::Client::resume).
    pub fn id(&self) -> &SessionId {
        &self.0.core.id
    }

    /// Returns the directory where the CLI keeps the session's own files, if it keeps any.
    pub fn workspace_path(&self) -> Option<&str> {
        self.0.workspace_path.as_deref()
    }

    /// Returns the current capabilities of the CLI and its other clients in this session; empty on CLIs that do not
    /// report them.
    ///
    /// Wire: `session.create` and `capabilities.changed`, from the CLI.
    pub fn capabilities(&self) -> Capabilities {
        self.core().capabilities()
    }

    /// Returns a stream of all events from now on.
    ///
    /// Unread events wait up to a byte budget (see
    /// [`SessionBuilder::event_budget`](crate::SessionBuilder::event_budget)); past it the oldest are discarded, and an
    /// [`EventKind::Lagged`](crate::EventKind::Lagged) with their number takes their place.
    pub fn events(&self) -> EventStream {
        self.core().subscribers.subscribe(self.0.event_budget)
    }

    /// Calls `listener` with every event from now on, until the returned guard is dropped.
    ///
    /// The listener runs in a separate task on the runtime that opened the session, one event after the other; a slow one
    /// delays no other subscriber. The caller may be a thread without a runtime. A panic is logged, and the listener is
    /// called again with the next event.
    pub fn on(&self, listener: impl FnMut(&Event) + Send + 'static) -> Subscription {
        Subscription::start(&self.0.runtime, self.events(), listener)
    }

    /// Stops the agent. Running tools are cancelled, and the turn ends as aborted:
    /// [`Reply::is_aborted`](crate::Reply::is_aborted) is `true`. Messages that wait in the queue are discarded, and their
    /// turns end as aborted too, with an empty text.
    ///
    /// # Errors
    ///
    /// When the connection is lost or the CLI refuses.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call. Once it was polled, the agent may still be stopped.
    ///
    /// Wire: `session.abort`, to the CLI.
    pub async fn abort(&self) -> Result<()> {
        refused("session.abort", self.ask_for("session.abort").await?)
    }

    /// Sends a request that has no method in this library; `sessionId` is added to the parameters. The result is decoded as
    /// with [`Client::call`](crate::Client::call).
    ///
    /// # Errors
    ///
    /// When `params` is not an object, the connection is lost, the CLI refuses, or the result is not an `R`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call. Once it was polled, the CLI may still handle it.
    pub async fn call<P: Serialize, R: DeserializeOwned>(&self, method: &str, params: P) -> Result<R> {
        let params = serde_json::value::to_raw_value(&params).map_err(|source| {
            let message = format!("{method}: the parameters are not JSON");
            Error::with_source(ErrorKind::InvalidInput, message, source)
        })?;
        let params = tool_host::with_session(method, self.id(), &params)?;
        decode_as(method, &self.peer().await?.request(method, &params).raw().await?)
    }

    /// Closes the session: running tools are cancelled, streams end, and the CLI detaches the session. Its files stay
    /// on disk, so the session can be resumed. A CLI that was started only for this session is stopped.
    ///
    /// # Errors
    ///
    /// When the CLI refuses to detach the session or cannot be stopped; the session is closed in any case.
    ///
    /// # Cancel safety
    ///
    /// Once it was polled, the session is closed even if the future is dropped: running work is cancelled, and the
    /// session is detached without waiting for the response. A CLI that was started only for the session then ends with
    /// the last clone of the session, or when `close` is called again.
    ///
    /// Wire: `session.detach`, or `session.destroy` on CLIs without it, to the CLI.
    pub async fn close(&self) -> Result<()> {
        self.close_boxed().await
    }

    /// Boxed, so that the crate of the user does not compile it again.
    fn close_boxed(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.core().calls.close();
            // A dropped future closes the session too, without waiting.
            let closing = DropGuard::new(&*self.0, |shared| shared.leave(false));
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
        // Without a connection the CLI has detached the session already.
        let Some(peer) = self.core().connection.current() else { return Ok(()) };
        let params = self.params();
        match self.core().call_by_any_name(&peer, DETACH, &params).await {
            Err(error) if error.is_disconnected() || error.kind() == ErrorKind::Closed => Ok(()),
            answer => refused(DETACH, answer?),
        }
    }

    /// Returns the connection, once there is one.
    pub(crate) async fn peer(&self) -> Result<Peer> {
        self.core().connection.ready().await
    }

    pub(crate) fn params(&self) -> SessionParams<'_> {
        SessionParams { session_id: self.id() }
    }

    /// Returns the version of the CLI.
    pub(crate) fn cli(&self) -> &CliVersion {
        &self.0.link.cli
    }

    /// Whether the CLI was there before, and may have other clients.
    pub(crate) fn shares_cli(&self) -> bool {
        self.0.link.shared
    }

    pub(crate) fn core(&self) -> &SessionCore {
        &self.0.core
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", self.id()).finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !self.core.is_closed() {
            // A CLI that exits while it detaches a session leaves the shells of the session running. If the client is
            // dropped too, its CLI ends without this request, and stops the shells.
            self.leave(true);
        }
    }
}

impl Shared {
    /// Closes the session on this side.
    fn end(&self) {
        // First, so that a subscriber that receives the end can open the session again.
        self.link.carrier.unregister(&self.core);
        self.core.close();
        self.core.calls.abort();
    }

    /// Closes the session, and detaches it without waiting; a `held` request is not sent if the connection is closed within
    /// the next 100 ms.
    fn leave(&self, held: bool) {
        let (core, peer) = (&self.core, self.core.connection.current());
        self.end();
        // Best effort: a lost connection has detached the session already. A refusal cannot be waited for, so the
        // version determines the method.
        let Some(peer) = peer else { return };
        let method = self.link.compat.method(DETACH);
        let params = SessionParams { session_id: &core.id };
        let detach = peer.request(method, &params);
        if let Err(error) = if held { detach.hold() } else { detach.detach() } {
            tracing::debug!(%error, session = %core.id, "a dropped session was not detached");
        }
    }
}
