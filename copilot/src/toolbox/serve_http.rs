//! The connections of the command `mcp --http`: their limits, and their end.

use std::fmt::{self, Display};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Sleep, sleep, timeout};
use tower_service::Service as _;

use crate::api::mcp::HttpService;
use crate::task::{self, CancellationToken, Task};

/// The limits of the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The number of open connections. Further ones wait until they are accepted.
    pub(super) connections: u16,
    /// The time for the head of a request, from the connection or from the end of the request before it.
    pub(super) head: Duration,
    /// The time for the body of a request, from the end of its head.
    pub(super) body: Duration,
    /// The time for running calls to end after the signal.
    pub(super) grace: Duration,
    /// The time for the last responses to leave after that.
    pub(super) last_responses: Duration,
}

impl Limits {
    pub(super) const DEFAULT: Self = Self {
        connections: 256,
        head: Duration::from_secs(30),
        body: Duration::from_secs(30),
        grace: Duration::from_secs(10),
        last_responses: Duration::from_secs(2),
    };
}

/// Serves until the token is cancelled; then lets running calls end, and their responses leave.
pub(super) async fn serve(
    service: HttpService,
    listener: TcpListener,
    limits: Limits,
    stop: &CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(limits.connections.into()));
    // A connection ends with its client; those that are left are dropped with this.
    let mut connections: Vec<Task> = Vec::new();
    let accepting = async {
        loop {
            let slot = Arc::clone(&slots).acquire_owned().await;
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            connections.retain(|connection| !connection.is_finished());
            let connection = connection(stream, service.clone(), limits, stop.clone());
            connections.push(task::spawn(async move {
                connection.await;
                drop(slot);
            }));
        }
    };
    let _: Option<()> = stop.run_until_cancelled(accepting).await;
    drop(listener);
    service.drain();
    service.shutdown(limits.grace).await;
    // A response that the service has given may still be on its way to its client.
    if timeout(limits.last_responses, slots.acquire_many(limits.connections.into())).await.is_err() {
        tracing::debug!("connections of MCP clients did not end in time, and are closed");
    }
}

/// Serves a connection until it ends; with the token, until the response to its current request has left.
async fn connection(stream: TcpStream, service: HttpService, limits: Limits, stop: CancellationToken) {
    let answer = service_fn(move |request: http::Request<Incoming>| {
        service.clone().call(request.map(|body| TimedBody::new(body, limits.body)))
    });
    let mut served = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .serve_connection(TokioIo::new(stream), answer)
    );
    let mut stopped = pin!(stop.cancelled());
    let mut stops = false;
    let ended = poll_fn(|cx| {
        if !stops && stopped.as_mut().poll(cx).is_ready() {
            stops = true;
            served.as_mut().graceful_shutdown();
        }
        served.as_mut().poll(cx)
    });
    if let Err(error) = ended.await {
        tracing::debug!(%error, "a connection of an MCP client ended");
    }
}

/// The body of a request, which has to arrive in time.
struct TimedBody {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
}

impl TimedBody {
    fn new(body: Incoming, time: Duration) -> Self {
        Self { body, deadline: Box::pin(sleep(time)) }
    }
}

impl Body for TimedBody {
    type Data = <Incoming as Body>::Data;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        // Before the body, so that one that always has another byte ends too.
        if self.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(BodyError::Late)));
        }
        Pin::new(&mut self.body).poll_frame(cx).map_err(BodyError::Broken)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

enum BodyError {
    Broken(hyper::Error),
    Late,
}

impl Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(error) => error.fmt(f),
            Self::Late => f.write_str("the body of the request did not arrive in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpSocket;
    use tokio::sync::Notify;

    use super::*;
    use crate::api::mcp::Server;
    use crate::tools::{DynTool, Tool};

    /// Long enough for every test.
    const LONG: Duration = Duration::from_secs(600);
    const SHORT: Duration = Duration::from_millis(50);

    const LIMITS: Limits =
        Limits { connections: 8, head: LONG, body: LONG, grace: LONG, last_responses: LONG };

    /// A running server.
    struct Served {
        address: SocketAddr,
        stop: CancellationToken,
        task: Task,
    }

    async fn served(limits: Limits, tool: Tool) -> Served {
        // Not more than this: the large result of a test has to pass.
        let options = crate::tool_filter::ToolOptions::new().max_result(64 << 20);
        let service = Server::new("acme").with_tools([tool]).tool_options(options).http().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::default());
        let stopped = stop.clone();
        let task = task::spawn(async move { serve(service, listener, limits, &stopped).await });
        Served { address, stop, task }
    }

    fn call(tool: &str) -> String {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": tool, "arguments": {}}});
        let body = body.to_string();
        format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json, \
             text/event-stream\r\nMCP-Protocol-Version: 2025-06-18\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// Reads a response to its end, after the bytes that were read before.
    async fn response(stream: &mut TcpStream, mut text: Vec<u8>) -> String {
        let head_ends = |text: &[u8]| text.windows(4).position(|end| end == b"\r\n\r\n").map(|head| head + 4);
        let mut end = usize::MAX;
        while text.len() < end {
            if let (usize::MAX, Some(head)) = (end, head_ends(&text)) {
                let lines = String::from_utf8_lossy(&text[..head]).to_lowercase();
                let length = lines.lines().find_map(|line| line.strip_prefix("content-length: "));
                end = head + length.expect("a length").parse::<usize>().unwrap();
            } else if stream.read_buf(&mut text).await.unwrap() == 0 {
                break;
            }
        }
        String::from_utf8(text).unwrap()
    }

    /// Reads until the server closes the connection.
    async fn to_end(stream: &mut TcpStream) -> String {
        let mut text = Vec::new();
        // A connection that is closed with unread bytes is reset.
        let _ = stream.read_to_end(&mut text).await;
        String::from_utf8_lossy(&text).into_owned()
    }

    fn quick() -> Tool {
        DynTool::new("quick", "Answer.").run(|_, _| async { "done" })
    }

    #[tokio::test]
    async fn a_head_that_does_not_arrive_in_time_ends_the_connection() {
        let served = served(Limits { head: SHORT, ..LIMITS }, quick()).await;
        let mut idle = TcpStream::connect(served.address).await.unwrap();
        let mut slow = TcpStream::connect(served.address).await.unwrap();
        slow.write_all(b"POST /mcp HTTP/1.1\r\nHost: loc").await.unwrap();
        assert!(!to_end(&mut slow).await.contains("200 OK"));
        assert!(!to_end(&mut idle).await.contains("200 OK"));
    }

    #[tokio::test]
    async fn a_body_that_does_not_arrive_in_time_ends_the_connection() {
        let served = served(Limits { body: SHORT, ..LIMITS }, quick()).await;
        let mut slow = TcpStream::connect(served.address).await.unwrap();
        let call = call("quick");
        slow.write_all(&call.as_bytes()[..call.len() - 1]).await.unwrap();
        let answer = to_end(&mut slow).await;
        assert!(!answer.contains("200 OK"), "{answer}");
        // One that is complete is answered.
        let mut complete = TcpStream::connect(served.address).await.unwrap();
        complete.write_all(call.as_bytes()).await.unwrap();
        let answer = response(&mut complete, Vec::new()).await;
        assert!(answer.contains("done"), "{answer}");
    }

    #[tokio::test]
    async fn a_connection_beyond_the_limit_waits_for_another_to_end() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let tool = DynTool::new("count", "Count calls.").run(move |_, _| {
            let calls = counted.fetch_add(1, Ordering::SeqCst) + 1;
            async move { calls.to_string() }
        });
        let served = served(Limits { connections: 1, ..LIMITS }, tool).await;
        let mut first = TcpStream::connect(served.address).await.unwrap();
        first.write_all(call("count").as_bytes()).await.unwrap();
        response(&mut first, Vec::new()).await;
        // The system completes the connection, and the server does not accept it.
        let mut second = TcpStream::connect(served.address).await.unwrap();
        second.write_all(call("count").as_bytes()).await.unwrap();
        for round in 2..50 {
            first.write_all(call("count").as_bytes()).await.unwrap();
            response(&mut first, Vec::new()).await;
            assert_eq!(calls.load(Ordering::SeqCst), round, "only the first connection is served");
        }
        drop(first);
        let answer = response(&mut second, Vec::new()).await;
        assert!(answer.contains("50"), "{answer}");
    }

    #[tokio::test]
    async fn the_end_waits_until_the_last_response_has_left() {
        const SIZE: usize = 24 << 20;
        let tool = DynTool::new("large", "Return much.").run(|_, _| async { "x".repeat(SIZE) });
        let mut served = served(LIMITS, tool).await;
        // A small window, so that most of the response waits in the server.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 << 10).unwrap();
        let mut stream = socket.connect(served.address).await.unwrap();
        stream.write_all(call("large").as_bytes()).await.unwrap();
        let mut start = Vec::with_capacity(1 << 10);
        stream.read_buf(&mut start).await.unwrap();
        // An idle connection does not delay the end.
        let _idle = TcpStream::connect(served.address).await.unwrap();
        served.stop.cancel();
        let whole = response(&mut stream, start).await;
        assert!(whole.len() > SIZE, "{} bytes of {SIZE} arrived", whole.len());
        served.task.join().await.unwrap();
    }

    #[tokio::test]
    async fn the_end_waits_for_running_calls_and_takes_no_new_ones() {
        let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (enters, released) = (Arc::clone(&entered), Arc::clone(&release));
        let tool = DynTool::new("held", "Wait.").run(move |_, _| {
            let (enters, released) = (Arc::clone(&enters), Arc::clone(&released));
            async move {
                enters.notify_one();
                released.notified().await;
                "done"
            }
        });
        let mut served = served(LIMITS, tool).await;
        let mut running = TcpStream::connect(served.address).await.unwrap();
        running.write_all(call("held").as_bytes()).await.unwrap();
        entered.notified().await;
        served.stop.cancel();
        // The listener is dropped, so that connections are refused.
        while TcpStream::connect(served.address).await.is_ok() {}
        release.notify_one();
        let answer = to_end(&mut running).await;
        assert!(answer.contains("done") && answer.to_lowercase().contains("connection: close"), "{answer}");
        served.task.join().await.unwrap();
    }

    #[tokio::test]
    async fn the_end_waits_no_longer_than_its_limits() {
        let entered = Arc::new(Notify::new());
        let enters = Arc::clone(&entered);
        let tool = DynTool::new("stuck", "Never end.").run(move |_, _| {
            enters.notify_one();
            std::future::pending::<&str>()
        });
        let mut served = served(Limits { grace: SHORT, last_responses: SHORT, ..LIMITS }, tool).await;
        let mut running = TcpStream::connect(served.address).await.unwrap();
        running.write_all(call("stuck").as_bytes()).await.unwrap();
        let mut slow = TcpStream::connect(served.address).await.unwrap();
        slow.write_all(b"POST /mcp").await.unwrap();
        entered.notified().await;
        served.stop.cancel();
        served.task.join().await.unwrap();
    }
}
