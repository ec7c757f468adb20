//! The client of a Copilot CLI: it starts the CLI or connects to it, sends requests, and shuts it down.
//!
//! # Cancel safety
//!
//! Dropping the future of a request discards its response. Once polled, the request may still take effect; a query has no
//! effect. If the CLI is being started for the request, the start is cancelled, and the next use of the client starts it.

mod address;
mod backoff;
mod broadcast;
pub(crate) mod builder;
mod connection;
mod github_telemetry;
mod handshake;
mod lifecycle;
mod provide;
#[cfg(feature = "metrics")]
mod queues;
mod router;
mod shutdown;
mod state;
pub(crate) mod streams;
mod supervisor;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use futures_core::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::connection::PingParams;
use crate::protocol::decode::DecodeOwned;
use crate::protocol::encode::Encode;
use crate::rpc::{Reconnectable, decode_as};
use crate::session::core::{Occasion, SessionCore, TopicState};
use crate::session::link::{Carrier, Connect, Link};
use crate::session::paths::Files;
use crate::task::{DropGuard, Task, lock};
use crate::trace::Observation;
use connection::Connection;
use router::Router;
use state::StateCell;

pub use crate::process::{Telemetry, TelemetryExporter, TelemetryProtocol};
pub use crate::protocol::connection::{CliVersion, Pong};
pub use crate::protocol::github_telemetry::{GithubTelemetry, GithubTelemetryEvent};
use builder::Options;
pub use builder::TransportKind;
pub use github_telemetry::GithubTelemetryEvents;
pub use lifecycle::{LifecycleEvent, LifecycleEvents};
pub use state::{ConnectionState, ConnectionStates};

pub(crate) use builder::ClientBuilder;

/// A handle to a Copilot CLI; clones share it.
///
/// Sessions keep their client alive. When the last handle is dropped, a CLI that the client started receives SIGTERM, stops
/// its child processes, and is killed after two seconds if it has not exited; [`shutdown`](Self::shutdown) ends it in an
/// orderly way.
///
/// The CLI also ends with the program, as after a panic, Ctrl-C or the end of its runtime. If the program is killed, a CLI
/// over stdio exits at the end of its input; one over TCP receives SIGTERM from the kernel on Linux, and survives on macOS
/// and Windows.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> copilot::Result<()> {
/// let client = copilot::Client::builder().start().await?;
/// let session = client.session().model("gpt-5").start().await?;
/// println!("{}", session.ask("Say hello.").await?);
/// client.shutdown().await
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    options: Arc<Options>,
    router: Arc<Router>,
    connection: Reconnectable<Arc<Connection>>,
    state: Arc<StateCell>,
    /// Whether the first start has succeeded; `starting` is the lock of the first start.
    started: AtomicBool,
    starting: Mutex<()>,
    supervisor: OnceLock<Task>,
    shut_down: AtomicBool,
    /// Responses that a topic caches, by type.
    cache: std::sync::Mutex<TopicState>,
}

impl Shared {
    fn is_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::Relaxed)
    }

    /// Interrupts the sessions: the connection is lost, and may be restored.
    fn interrupt(&self, cause: &Error) -> Vec<(Arc<SessionCore>, Vec<String>)> {
        self.connection.set_disconnected();
        self.state.set(ConnectionState::Restarting);
        self.router.interrupt(cause)
    }

    /// Ends the connection and its supervision.
    fn end_after_shutdown(&self) {
        self.end(&Error::new(ErrorKind::Closed, "the client was shut down"));
        // It may be about to restart the CLI.
        if let Some(supervisor) = self.supervisor.get() {
            supervisor.abort();
        }
    }

    /// Ends the client: the connection is lost and is not restored.
    fn end(&self, cause: &Error) {
        let connection = self.connection.close(cause);
        self.state.set(ConnectionState::Closed);
        self.router.disconnect(cause);
        // Last, because callers may retry when their calls fail.
        if let Some(connection) = connection {
            connection.close(cause);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.end(&Error::new(ErrorKind::Closed, "the client was dropped"));
    }
}

impl Client {
    fn new(options: Options) -> Self {
        let client = Self(Arc::new(Shared {
            router: Arc::clone(&options.router),
            options: Arc::new(options),
            connection: Reconnectable::new(None),
            state: Arc::default(),
            started: AtomicBool::new(false),
            starting: Mutex::new(()),
            supervisor: OnceLock::new(),
            shut_down: AtomicBool::new(false),
            cache: std::sync::Mutex::default(),
        }));
        #[cfg(feature = "metrics")]
        queues::watch(&client.0);
        client
    }

    /// Pings the CLI.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection is lost or the CLI cannot be started.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future discards the response. If the CLI is being started for the request, the start is cancelled, and
    /// the next use of the client starts it.
    ///
    /// Wire: `ping`, to the CLI.
    pub async fn ping(&self, message: &str) -> Result<Pong> {
        self.connection().await?.peer.request("ping", &PingParams { message: Some(message) }).decoded().await
    }

    /// Returns the version and the protocol of the CLI.
    ///
    /// # Errors
    ///
    /// Returns an error if the CLI cannot be started.
    ///
    /// # Cancel safety
    ///
    /// As [`ping`](Self::ping).
    pub async fn cli_version(&self) -> Result<CliVersion> {
        Ok(CliVersion::clone(&self.connection().await?.cli))
    }

    /// Returns the process id of a CLI that this client started; `None` for any other one, and while there is no connection,
    /// as during a restart: see [`connection_state`](Self::connection_state). After a restart it is another one.
    pub fn process_id(&self) -> Option<u32> {
        self.0.connection.current()?.child.as_ref().map(|child| child.pid())
    }

    /// Returns the `host:port` of a CLI on TCP; `None` for any other one, and while there is no connection. Another program
    /// uses it as [`cli_url`](ClientBuilder::cli_url). The port may change with a restart.
    pub fn address(&self) -> Option<String> {
        self.0.connection.current()?.address.clone()
    }

    /// Calls a method of the CLI for which this library has none. The result is decoded as serde does it, and the CLI
    /// writes `null` for many members that it has no value for: they are an `Option` in `R`.
    ///
    /// # Errors
    ///
    /// Returns an error if `params` cannot be written as JSON, the connection is lost, the CLI returns an error, or its
    /// result cannot be decoded as `R`.
    ///
    /// # Cancel safety
    ///
    /// As [`ping`](Self::ping). Once polled, the request may still take effect.
    ///
    /// Wire: `method`, to the CLI.
    pub async fn call<P: Serialize, R: DeserializeOwned>(&self, method: &str, params: P) -> Result<R> {
        let params = serde_json::value::to_raw_value(&params).map_err(|source| {
            Error::with_source(
                ErrorKind::InvalidInput,
                format!("{method}: the parameters are not JSON"),
                source,
            )
        })?;
        decode_as(method, &self.connection().await?.peer.request(method, &params).raw().await?)
    }

    /// Detaches all sessions, which stay on disk, and stops the CLI if this client started it. Further calls return
    /// immediately.
    ///
    /// # Errors
    ///
    /// Returns an error that lists all failures; the client is shut down nevertheless.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future shortens the shutdown: the connection is closed, and a CLI that this client started is
    /// terminated with its child processes.
    ///
    /// Wire: `session.detach` and `runtime.shutdown`, to the CLI.
    pub async fn shutdown(&self) -> Result<()> {
        self.shutdown_boxed().await
    }

    /// Boxed, so that the crate of the user does not compile it again.
    fn shutdown_boxed(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            if self.0.shut_down.swap(true, Ordering::Relaxed) {
                return Ok(());
            }
            // Also for a future that is dropped: the CLI is then stopped without a request.
            let _end = DropGuard::new(&*self.0, Shared::end_after_shutdown);
            match self.0.connection.current() {
                Some(connection) => shutdown::shutdown(&connection, &self.0.router).await,
                None => Ok(()),
            }
        })
    }

    /// Sends a request of a topic and decodes its result.
    pub(crate) async fn query<R: DecodeOwned>(&self, method: &'static str, params: &dyn Encode) -> Result<R> {
        self.connection().await?.peer.request(method, params).decoded().await
    }

    /// Returns the cached response of this type.
    pub(crate) fn cached<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        lock(&self.0.cache).get::<Arc<T>>().cloned()
    }

    /// Caches a response for the life of the client, unless one of its type is cached; returns the cached one.
    pub(crate) fn cache<T: fmt::Debug + Send + Sync + 'static>(&self, response: T) -> Arc<T> {
        let mut cache = lock(&self.0.cache);
        if let Some(cached) = cache.get::<Arc<T>>() {
            return Arc::clone(cached);
        }
        let response = Arc::new(response);
        cache.set(Arc::clone(&response));
        response
    }

    /// Returns the number of pending requests.
    #[cfg(feature = "testing")]
    pub(crate) fn pending_calls(&self) -> usize {
        self.0.connection.current().map_or(0, |connection| connection.peer.pending_calls())
    }

    /// Returns the connection. Starts it if it was not started, and waits while the CLI is restarted.
    async fn connection(&self) -> Result<Arc<Connection>> {
        let shared = &self.0;
        if shared.is_shut_down() {
            return Err(Error::new(ErrorKind::Closed, "the client was shut down"));
        }
        if !shared.started.load(Ordering::Acquire) {
            self.connect_first().await?;
        }
        shared.connection.ready().await
    }

    /// Connects, unless another call does. Boxed, so that the crate of the user does not compile it again.
    fn connect_first(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let shared = &self.0;
            let _starting = shared.starting.lock().await;
            if shared.started.load(Ordering::Acquire) {
                return Ok(());
            }
            shared.state.set(ConnectionState::Connecting);
            let failed = DropGuard::new(&shared.state, |state| state.set(ConnectionState::Idle));
            let (connection, reader) = Connection::open(&shared.options).await?;
            failed.dismiss();
            shared.connection.set_connected(Arc::new(connection));
            shared.state.set(ConnectionState::Connected);
            let supervisor = supervisor::start(Arc::downgrade(shared), reader);
            shared.supervisor.set(supervisor).expect("the lock lets one start only");
            shared.started.store(true, Ordering::Release);
            Ok(())
        })
    }

    pub(crate) fn connect(&self, owned: bool) -> Box<dyn Connect> {
        Box::new(OnClient { client: self.clone(), owned })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connection = self.0.connection.current();
        f.debug_struct("Client")
            .field("cli", &connection.as_ref().map(|connection| &connection.cli))
            .field("peer", &connection.as_ref().map(|connection| &connection.peer))
            .finish_non_exhaustive()
    }
}

/// The connection of a session to its client.
struct OnClient {
    client: Client,
    /// Whether the client exists only for this session.
    owned: bool,
}

impl Connect for OnClient {
    fn files(&self) -> Files {
        self.client.0.options.files.clone()
    }

    fn connect(self: Box<Self>, apart: bool) -> BoxFuture<'static, Result<Link>> {
        Box::pin(async move {
            if apart && !self.client.0.options.keeps_own_state() {
                let message = "an isolated session needs a client with `state_dir` or `session_fs`: without it the CLI \
                               reads and writes the files of the user";
                return Err(Error::new(ErrorKind::Configuration, message));
            }
            let connection = self.client.connection().await?;
            let (peer, cli) = (connection.peer.clone(), Arc::clone(&connection.cli));
            let compat = Arc::clone(&connection.compat);
            let shared = !self.client.0.options.starts_cli();
            let client = self.client.0;
            let carrier: Arc<dyn Carrier> = if self.owned { Arc::new(Owned(Client(client))) } else { client };
            Ok(Link { peer, cli, compat, carrier, shared })
        })
    }
}

impl Carrier for Shared {
    fn register(&self, session: Arc<SessionCore>, occasion: Occasion) -> Result<bool> {
        self.router.register(session, occasion)
    }

    fn unregister(&self, session: &SessionCore) {
        self.router.unregister(session);
    }

    fn release(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn observation(&self) -> &Arc<Observation> {
        &self.options.observation
    }
}

/// A client that exists only for one session.
struct Owned(Client);

impl Carrier for Owned {
    fn register(&self, session: Arc<SessionCore>, occasion: Occasion) -> Result<bool> {
        self.0.0.register(session, occasion)
    }

    fn unregister(&self, session: &SessionCore) {
        self.0.0.unregister(session);
    }

    fn release(&self) -> BoxFuture<'_, Result<()>> {
        self.0.shutdown_boxed()
    }

    fn observation(&self) -> &Arc<Observation> {
        &self.0.0.options.observation
    }
}

/// Starts a client for one session.
pub(crate) struct OwnClient(pub(crate) ClientBuilder);

impl Connect for OwnClient {
    fn files(&self) -> Files {
        self.0.files()
    }

    fn connect(self: Box<Self>, apart: bool) -> BoxFuture<'static, Result<Link>> {
        Box::pin(async move {
            let builder = if apart { self.0.without_keychain() } else { self.0 };
            builder.lazy()?.connect(true).connect(apart).await
        })
    }
}
