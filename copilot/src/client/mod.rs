//! The Copilot CLI as seen by a program: started or connected to, asked, and shut down.

mod address;
mod backoff;
mod builder;
mod connection;
mod github_telemetry;
mod handshake;
mod lifecycle;
mod provide;
mod queries;
mod router;
mod shutdown;
mod state;
pub(crate) mod streams;
mod supervisor;
mod watchers;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use futures_core::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use crate::compat;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::connection::{CliVersion, PingParams, Pong};
use crate::protocol::models::ModelInfo;
use crate::rpc::{Line, decode};
use crate::session::core::SessionCore;
use crate::session::link::{Carrier, Connect, Link};
use crate::session::paths::Files;
use crate::task::{OnDrop, Task};
use connection::Connection;
use router::Router;
use state::StateCell;

use builder::Options;
pub use builder::{ClientBuilder, TransportKind};
pub use github_telemetry::GithubTelemetryEvents;
pub use lifecycle::{LifecycleEvent, LifecycleEvents};
pub use state::{ConnectionState, ConnectionStates};

/// A Copilot CLI; clones share it.
///
/// Sessions keep their client alive. When the last handle is dropped a CLI that the client started is told to end, with
/// everything that it has started, and killed where it does not; [`shutdown`](Self::shutdown) is the orderly way.
///
/// A program that ends without either, as by a panic, Ctrl-C or the end of its runtime, takes the CLI with it too. Where
/// the program is killed, a CLI over stdio ends with its input; one over TCP is ended by the kernel on Linux, and goes
/// on running on macOS and Windows.
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
    line: Line<Arc<Connection>>,
    state: Arc<StateCell>,
    /// Whether the CLI was started once, and the lock for doing so.
    started: AtomicBool,
    starting: Mutex<()>,
    supervisor: OnceLock<Task>,
    shut_down: AtomicBool,
    /// The models, once the CLI has listed them.
    models: OnceLock<Vec<ModelInfo>>,
}

impl Shared {
    fn is_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::Relaxed)
    }

    /// The connection is gone but may come back.
    fn interrupt(&self, cause: &Error) -> Vec<(Arc<SessionCore>, Vec<String>)> {
        self.line.down();
        self.state.set(ConnectionState::Restarting);
        self.router.interrupt(cause)
    }

    /// The connection is gone and does not come back.
    fn end(&self, cause: &Error) {
        let connection = self.line.end(cause);
        self.state.set(ConnectionState::Closed);
        self.router.disconnect(cause);
        // Last, because calls that end may be tried again.
        if let Some(connection) = connection {
            connection.peer.close(cause);
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
        Self(Arc::new(Shared {
            router: Arc::clone(&options.router),
            options: Arc::new(options),
            line: Line::new(None),
            state: Arc::default(),
            started: AtomicBool::new(false),
            starting: Mutex::new(()),
            supervisor: OnceLock::new(),
            shut_down: AtomicBool::new(false),
            models: OnceLock::new(),
        }))
    }

    /// Asks the CLI for a sign of life.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI cannot be started.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call; the CLI may still be asked, which changes nothing. A CLI that was being
    /// started for it is stopped, and the next use of the client starts one.
    ///
    /// Wire: `ping`, to the CLI.
    pub async fn ping(&self, message: &str) -> Result<Pong> {
        self.connection().await?.peer.call("ping", &PingParams { message: Some(message) }).await
    }

    /// Which CLI this is.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    ///
    /// # Cancel safety
    ///
    /// As [`ping`](Self::ping).
    pub async fn cli_version(&self) -> Result<CliVersion> {
        Ok(CliVersion::clone(&self.connection().await?.cli))
    }

    /// The process id of the CLI, where this client started it.
    pub fn process_id(&self) -> Option<u32> {
        self.0.line.now()?.child.as_ref().map(|child| child.pid())
    }

    /// Where the CLI listens, if it does: the [`cli_url`](ClientBuilder::cli_url) with which another program connects to
    /// a CLI that this client started on [`TransportKind::Tcp`]. A CLI that is started again may listen elsewhere.
    pub fn address(&self) -> Option<String> {
        self.0.line.now()?.address.clone()
    }

    /// Calls a method of the CLI that has no method here.
    ///
    /// # Errors
    ///
    /// When the parameters cannot be encoded, the connection is lost, the CLI refuses or its answer is no `R`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the CLI may still do what it was asked. A CLI that was
    /// being started for it is stopped, and the next use of the client starts one.
    pub async fn call<P: Serialize, R: DeserializeOwned>(&self, method: &str, params: P) -> Result<R> {
        let params = serde_json::value::to_raw_value(&params).map_err(|source| {
            Error::with_source(
                ErrorKind::InvalidInput,
                format!("{method}: the parameters are not JSON"),
                source,
            )
        })?;
        decode(method, &self.connection().await?.peer.call_raw(method, &params).await?)
    }

    /// Ends all sessions, which stay on disk, and stops the CLI if this client started it. While one call does so,
    /// others return at once.
    ///
    /// # Errors
    ///
    /// Everything that went wrong on the way; the client is shut down all the same.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cuts it short: the connection is closed, and a CLI that this client started is killed with
    /// everything that it has started.
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
            let _ending = Ending(&self.0);
            match self.0.line.now() {
                Some(connection) => shutdown::shutdown(&connection, &self.0.router).await,
                None => Ok(()),
            }
        })
    }

    /// How many calls wait for an answer of the CLI.
    #[cfg(feature = "testing")]
    pub(crate) fn pending_calls(&self) -> usize {
        self.0.line.now().map_or(0, |connection| connection.peer.pending_calls())
    }

    /// The connection, started if it was not yet, awaited while the CLI is started again.
    async fn connection(&self) -> Result<Arc<Connection>> {
        let shared = &self.0;
        if shared.is_shut_down() {
            return Err(Error::new(ErrorKind::Closed, "the client was shut down"));
        }
        if !shared.started.load(Ordering::Acquire) {
            self.connect_first().await?;
        }
        shared.line.ready().await
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
            let failed = OnDrop::new(|| shared.state.set(ConnectionState::Idle));
            let (connection, reader) = Connection::open(&shared.options).await?;
            failed.disarm();
            shared.line.up(Arc::new(connection));
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

/// Ends the connection when it is dropped.
struct Ending<'a>(&'a Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end(&Error::new(ErrorKind::Closed, "the client was shut down"));
        // It may be about to start the CLI again.
        if let Some(supervisor) = self.0.supervisor.get() {
            supervisor.abort();
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connection = self.0.line.now();
        f.debug_struct("Client")
            .field("cli", &connection.as_ref().map(|connection| &connection.cli))
            .field("peer", &connection.as_ref().map(|connection| &connection.peer))
            .finish_non_exhaustive()
    }
}

/// A session's place on a client.
struct OnClient {
    client: Client,
    /// The client exists only for this session.
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
                               reads and writes the user's own files";
                return Err(Error::new(ErrorKind::Configuration, message));
            }
            let connection = self.client.connection().await?;
            let (peer, cli) = (connection.peer.clone(), Arc::clone(&connection.cli));
            let shared = !self.client.0.options.starts_cli();
            let compat = compat::of(&cli);
            Ok(Link { peer, cli, compat, carrier: Arc::new(*self), shared })
        })
    }
}

impl Carrier for OnClient {
    fn register(&self, inbox: Arc<SessionCore>) -> Result<()> {
        self.client.0.router.register(inbox)
    }

    fn unregister(&self, inbox: &SessionCore) {
        self.client.0.router.unregister(inbox);
    }

    fn release(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { if self.owned { self.client.shutdown().await } else { Ok(()) } })
    }
}

/// Starts a client of its own for one session.
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
