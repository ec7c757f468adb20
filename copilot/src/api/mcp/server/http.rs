//! The service for HTTP.

use std::convert::Infallible;
use std::fmt::{self, Display};
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::sync::watch;
use tower_service::Service;

use super::connection::Connection;
use super::core::Core;

/// The path that answers whether the service takes requests.
const READY: &str = "/ready";

/// The settings of the service.
#[derive(Clone, Debug)]
pub(super) struct HttpSettings {
    pub(super) hosts: Vec<String>,
    pub(super) origins: Vec<String>,
    /// In bytes.
    pub(super) max_request: usize,
}

impl Default for HttpSettings {
    fn default() -> Self {
        let hosts = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
        // Pages of this machine, such as that of the MCP inspector; the conformance suite of MCP requires them.
        let origins = ["localhost", "127.0.0.1", "[::1]"]
            .into_iter()
            .flat_map(|host| [format!("http://{host}:*"), format!("https://{host}:*")])
            .collect();
        Self { hosts, origins, max_request: 4 << 20 }
    }
}

/// An MCP server as a service for HTTP (a `tower` service), to nest in an HTTP server such as axum.
///
/// It has no sessions: each request stands alone, so any replica behind a load balancer can serve it, whatever the
/// revision of MCP that the client speaks. Clients of revisions before 2026-07-28 therefore cannot be asked for an
/// approval or an answer over HTTP, and are not notified of changes of the tools.
///
/// `GET /ready`, below the path where the service is nested, answers 200, or 503 once the service
/// [drains](Self::drain), for the readiness probe of an orchestrator. Every other path is the MCP endpoint. Requests are
/// checked for their [`Host`](super::Server::allowed_hosts) and their [`Origin`](super::Server::allowed_origins), and
/// their [size](super::Server::max_request) is limited. A client that closes its connection cancels its call.
///
/// Clones are cheap and share the state.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
///
/// # mod axum {
/// #     pub struct Router;
/// #     impl Router {
/// #         pub fn new() -> Self { Self }
/// #         pub fn nest_service(self, _: &str, _: copilot::mcp::HttpService) -> Self { self }
/// #     }
/// #     pub struct Serve;
/// #     impl Serve { pub async fn with_graceful_shutdown(self, _: impl Future<Output = ()>) -> std::io::Result<()> { Ok(()) } }
/// #     pub fn serve(_: tokio::net::TcpListener, _: Router) -> Serve { Serve }
/// # }
/// # async fn sigterm() {}
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let service = copilot::mcp::Server::new("acme").with_all_tools().allowed_hosts(["tools.example.com"]).http()?;
/// let app = axum::Router::new().nest_service("/mcp", service.clone());
/// let listener = tokio::net::TcpListener::bind("0.0.0.0:8080").await?;
/// let stop = async move {
///     sigterm().await;
///     service.drain();
///     // The time in which the load balancer notices.
///     tokio::time::sleep(Duration::from_secs(5)).await;
///     service.shutdown(Duration::from_secs(20)).await;
/// };
/// axum::serve(listener, app).with_graceful_shutdown(stop).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HttpService {
    inner: StreamableHttpService<Connection, NeverSessionManager>,
    shared: Arc<Shared>,
}

struct Shared {
    core: Arc<Core>,
    phase: AtomicU8,
    /// The number of requests whose response has not ended.
    running: watch::Sender<usize>,
    /// Has the token that ends all responses.
    config: StreamableHttpServerConfig,
}

/// The phases of a service, in order.
const SERVING: u8 = 0;
const DRAINING: u8 = 1;
const CLOSED: u8 = 2;

impl HttpService {
    pub(super) fn new(core: &Arc<Core>, settings: &HttpSettings) -> Self {
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_allowed_hosts(settings.hosts.clone())
            .with_allowed_origins(settings.origins.clone())
            .enforce_origin_validation()
            .with_max_request_body_bytes(settings.max_request);
        let shared = Shared {
            core: Arc::clone(core),
            phase: AtomicU8::new(SERVING),
            running: watch::Sender::new(0),
            config: config.clone(),
        };
        let core = Arc::clone(core);
        let connection = move || Ok(Connection::new(Arc::clone(&core)));
        let inner = StreamableHttpService::new(connection, Arc::new(NeverSessionManager::default()), config);
        Self { inner, shared: Arc::new(shared) }
    }

    /// Returns whether the service is neither draining nor shut down.
    pub fn is_ready(&self) -> bool {
        self.shared.phase.load(Ordering::Acquire) == SERVING
    }

    /// Returns the number of requests that are being served.
    pub fn running(&self) -> usize {
        *self.shared.running.borrow()
    }

    /// Answers `GET /ready` with 503 from now on, so that load balancers send no further requests. Requests that come
    /// nevertheless are served.
    pub fn drain(&self) {
        self.shared.phase.fetch_max(DRAINING, Ordering::AcqRel);
    }

    /// Refuses new requests with 503, ends subscriptions, and waits for the running requests, at most for `grace`; calls
    /// that still run then are cancelled. Returns whether all requests ended in time.
    ///
    /// A server that is shut down immediately after it has stopped to be ready still receives requests: call
    /// [`drain`](Self::drain), and wait for as long as load balancers need to notice.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the service closed, and cancels no call.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.shared.phase.fetch_max(CLOSED, Ordering::SeqCst);
        self.shared.core.closing.cancel();
        let mut running = self.shared.running.subscribe();
        let ended = tokio::time::timeout(grace, running.wait_for(|running| *running == 0)).await.is_ok();
        self.shared.config.cancellation_token.cancel();
        ended
    }
}

impl<B> Service<Request<B>> for HttpService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Display,
{
    type Response = Response<HttpBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if request.method() == Method::GET && request.uri().path() == READY {
            let is_ready = self.is_ready();
            let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            return Box::pin(ready(Ok(plain(status, if is_ready { "ready" } else { "draining" }))));
        }
        // Counted before the phase is read, and the other way round in `shutdown`: a shutdown that finds no running request
        // has closed the service before this one reads the phase.
        let running = Running::new(&self.shared);
        if self.shared.phase.load(Ordering::SeqCst) == CLOSED {
            let mut refused = plain(StatusCode::SERVICE_UNAVAILABLE, "shutting down");
            refused.headers_mut().insert(header::RETRY_AFTER, http::HeaderValue::from_static("1"));
            refused.headers_mut().insert(header::CONNECTION, http::HeaderValue::from_static("close"));
            return Box::pin(ready(Ok(refused)));
        }
        let inner = self.inner.clone();
        Box::pin(async move {
            let response = inner.handle(request).await;
            Ok(response.map(|body| HttpBody { body, _running: Some(running) }))
        })
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<HttpBody> {
    let body = HttpBody { body: Full::new(Bytes::from_static(text.as_bytes())).boxed(), _running: None };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// A request that is counted until it is dropped.
struct Running(Arc<Shared>);

impl Running {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.running.send_modify(|running| *running += 1);
        Self(Arc::clone(shared))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}

/// The body of a response of [`HttpService`].
pub struct HttpBody {
    body: BoxBody<Bytes, Infallible>,
    /// Dropped with the body.
    _running: Option<Running>,
}

impl Body for HttpBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Debug for HttpBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpBody").finish_non_exhaustive()
    }
}

impl fmt::Debug for HttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpService")
            .field("is_ready", &self.is_ready())
            .field("running", &self.running())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::{hint, thread};

    use super::super::Server;
    use super::*;
    use crate::tools::DynTool;

    /// Brings two threads to the same point, more exactly than a `Barrier`, which sleeps.
    struct Meeting(AtomicUsize);

    impl Meeting {
        /// `number` is the one of the meeting, from 1.
        fn wait(&self, number: usize) {
            self.0.fetch_add(1, Ordering::SeqCst);
            for spins in 0_u32.. {
                if self.0.load(Ordering::SeqCst) >= 2 * number {
                    return;
                }
                // The other thread may need this processor.
                if spins > 2_000 { thread::yield_now() } else { hint::spin_loop() }
            }
        }
    }

    #[test]
    fn a_shutdown_that_reports_that_all_requests_have_ended_leaves_none_behind() {
        const ROUNDS: usize = 4_000;
        let tool = DynTool::new("nothing", "Do nothing.").run(|_, _| async { "done" });
        let service = Server::new("acme").with_tools([tool]).http().unwrap();
        let meeting = Meeting(AtomicUsize::new(0));
        thread::scope(|scope| {
            let (clients, meeting) = (service.clone(), &meeting);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let mut service = clients.clone();
                    let request = Request::post("/").body(Full::new(Bytes::new())).unwrap();
                    meeting.wait(3 * round + 1);
                    // The requests come at different moments of the shutdown.
                    (0..round % 200).for_each(|_| hint::spin_loop());
                    let response = service.call(request);
                    meeting.wait(3 * round + 2);
                    meeting.wait(3 * round + 3);
                    drop(response);
                }
            });
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let left = runtime.block_on(async {
                let mut left = 0;
                for round in 0..ROUNDS {
                    service.shared.phase.store(SERVING, Ordering::SeqCst);
                    meeting.wait(3 * round + 1);
                    let all_ended = service.shutdown(Duration::ZERO).await;
                    meeting.wait(3 * round + 2);
                    left += usize::from(all_ended && service.running() != 0);
                    meeting.wait(3 * round + 3);
                }
                left
            });
            assert_eq!(left, 0, "requests that were accepted, and were cancelled after the shutdown");
        });
    }
}
