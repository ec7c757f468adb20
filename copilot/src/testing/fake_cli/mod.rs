//! An in-process CLI that implements the server's side of the protocol.
//!
//! It shares only the framing with the library: messages are read and written as plain JSON, so that a mistake in the
//! library's envelopes is detected. In the order of a message: `connection` moves bytes, `exchange` parses a message
//! and finds its answer, `answer` has the answers of a test, `defaults` the default answers, `session` and `turn`
//! simulate the agent, `question` sends tool calls and permission requests, `delivery` loses and repeats events.

mod answer;
mod connection;
mod defaults;
mod delivery;
mod exchange;
mod question;
mod session;
mod turn;

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};

use crate::client::streams::Streams;
use crate::client::{Client, ClientBuilder};
use crate::protocol::SessionId;
use crate::transport::memory;

pub use answer::{Answer, Asked, HeldRequest, RpcError};
pub use delivery::Delivery;
use exchange::{EndOnDrop, Shared};
pub use question::{PendingQuestion, PermissionQuestion, ToolCallQuestion};
pub use turn::FakeTurn;

/// The newest CLI version that is simulated.
const NEWEST: &str = "1.0.102";
/// The capacity of the in-process pipe, in bytes per direction.
const PIPE: usize = 64 << 10;

/// An in-process CLI for tests. It answers like the real CLI, or as configured by the test.
///
/// By default a client can connect to it, open sessions and send messages. The agent answers each message with the
/// events of the real CLI; [`says`](Self::says) and [`on_turn`](Self::on_turn) set the answer. [`on`](Self::on) and
/// [`hold`](Self::hold) change the response of a method. [`event`](Self::event), [`call_tool`](Self::call_tool),
/// [`ask_permission`](Self::ask_permission) and [`request`](Self::request) send messages to the program, and
/// [`raw`](Self::raw) sends arbitrary bytes.
///
/// Clones share the CLI. Dropping the last one ends the CLI and its connection. A closure of [`on`](Self::on) or
/// [`on_turn`](Self::on_turn) should therefore not capture a clone; its argument provides one.
///
/// Methods that wait for the program panic after one minute of Tokio's clock. Under
/// `#[tokio::test(start_paused = true)]` (Tokio's feature `test-util`) the timeout elapses immediately when all tasks
/// are idle.
///
/// # Examples
///
/// ```standalone_crate
/// use copilot::testing::FakeCli;
/// use serde_json::json;
///
/// /// Adds two numbers.
/// #[copilot::tool]
/// fn add(
///     /// The first number.
///     a: i64,
///     /// The second number.
///     b: i64,
/// ) -> i64 {
///     a + b
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> copilot::Result<()> {
/// let cli = FakeCli::new();
/// cli.on_turn(|turn| async move {
///     let sum = turn.call_tool("add", json!({"a": 2, "b": 3})).await;
///     turn.say(format!("It is {}.", sum["textResultForLlm"].as_str().unwrap()));
/// });
///
/// let client = cli.client_builder().start().await?;
/// let session = client.session().with_tools([add::TOOL]).start().await?;
/// let reply = session.ask("What is 2 + 3?").await?;
/// assert_eq!(reply.text(), "It is 5.");
/// assert_eq!(cli.requests("session.send")[0]["prompt"], "What is 2 + 3?");
/// # client.shutdown().await
/// # }
/// ```
#[derive(Clone)]
pub struct FakeCli {
    shared: Arc<Shared>,
    /// `None` in the handle that the CLI passes to a closure.
    _guard: Option<Arc<EndOnDrop>>,
}

impl FakeCli {
    /// Creates a CLI of the newest version that this library supports.
    pub fn new() -> Self {
        Self::of_version(NEWEST)
    }

    /// Creates a CLI of a version such as `0.0.403` (protocol 2), `1.0.32` (no `connect`) or `1.0.57`. It has the
    /// methods, the protocol and the permission decisions of the real CLI of that version.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> copilot::Result<()> {
    /// let cli = copilot::testing::FakeCli::of_version("0.0.403");
    /// let client = cli.client_builder().start().await?;
    /// assert_eq!(client.cli_version().await?.protocol, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn of_version(version: &str) -> Self {
        let shared = Shared::new(version);
        let guard = Arc::new(shared.end_on_drop());
        Self { shared, _guard: Some(guard) }
    }

    fn inner(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), _guard: None }
    }

    /// Returns a builder for a client of this CLI.
    ///
    /// This call creates the connection. A second connection replaces the first, as after a restart of the CLI:
    /// sessions are kept, but the current turn of a session ends when it is resumed, unless the program sets
    /// [`continue_pending_work`](crate::resume::Resume::continue_pending_work).
    /// [`auto_restart`](ClientBuilder::auto_restart) is off, so that a lost connection stays lost unless the test
    /// enables it.
    ///
    /// # Panics
    ///
    /// Panics outside a Tokio runtime.
    pub fn client_builder(&self) -> ClientBuilder {
        let (near, reader, writer) = memory::pair(PIPE);
        self.serve(reader, writer);
        let (mut first, shared) = (Some(near), Arc::downgrade(&self.shared));
        let connect = move || {
            let again = || {
                let shared = shared.upgrade()?;
                let (near, reader, writer) = memory::pair(PIPE);
                shared.serve(Box::new(reader), Box::new(writer));
                Some(near)
            };
            first.take().or_else(again)
        };
        Client::builder().streams_from(Streams::in_process(connect)).auto_restart(false)
    }

    /// Serves a client over these streams, such as the halves of an accepted TCP connection.
    ///
    /// # Panics
    ///
    /// Panics outside a Tokio runtime.
    pub fn serve(
        &self,
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) {
        self.shared.serve(Box::new(reader), Box::new(writer));
    }

    /// Sets the answer to requests of `method`: a value, a `Result`, or an [`Answer`].
    ///
    /// The closure is called with the parameters of each request, in the order of arrival. If it panics, the response
    /// is an error with the message of the panic.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::testing::{Answer, FakeCli, RpcError};
    /// use serde_json::json;
    ///
    /// let cli = FakeCli::new();
    /// cli.on("models.list", |_, _| json!({"models": []}));
    /// cli.on("session.create", |params, asked| match params["model"].as_str() {
    ///     Some("gpt-5") => asked.default_answer(),
    ///     _ => RpcError::new(-32603, "no such model").into(),
    /// });
    /// cli.on("ping", |_, _| Answer::Never);
    /// ```
    pub fn on<A: Into<Answer>>(
        &self,
        method: &str,
        answer: impl Fn(&Value, &Asked<'_>) -> A + Send + Sync + 'static,
    ) {
        let answer = Arc::new(move |params: &Value, asked: &Asked<'_>| answer(params, asked).into());
        self.shared.state().answers.insert(method.to_owned(), answer);
    }

    /// Holds requests of `method` unanswered until [`held`](Self::held) returns them.
    pub fn hold(&self, method: &str) {
        self.shared.state().holding.insert(method.to_owned());
    }

    /// Waits for the next request of a method set with [`hold`](Self::hold), and returns it.
    ///
    /// # Panics
    ///
    /// Panics if no request arrives within one minute.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a request is removed only when the future completes.
    ///
    /// # Examples
    ///
    /// ```
    /// # use copilot::testing::FakeCli;
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> copilot::Result<()> {
    /// let cli = FakeCli::new();
    /// let client = cli.client_builder().start().await?;
    /// cli.hold("ping");
    /// let (pong, ()) = tokio::join!(client.ping("hello"), async {
    ///     let request = cli.held("ping").await;
    ///     assert_eq!(request.params()["message"], "hello");
    ///     request.answer(json!({"message": "late"}));
    /// });
    /// assert_eq!(pong?.message, "late");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn held(&self, method: &str) -> HeldRequest {
        let what = format!("a request of {method}");
        let take = |state: &mut exchange::CliState| {
            let at = state.held.iter().position(|request| request.method() == method)?;
            Some(state.held.remove(at))
        };
        self.shared.until(&what, take).await
    }

    /// Sets the texts of the next answers, one per message. Default: `OK.`
    pub fn says(&self, texts: impl IntoIterator<Item = impl Into<String>>) {
        self.shared.state().texts.extend(texts.into_iter().map(Into::into));
    }

    /// Sets the closure that simulates the agent for each message, instead of answering with a text.
    ///
    /// The CLI sends the events of the message before the closure runs, and ends the turn afterwards. If the closure
    /// panics, the turn ends with `session.error`.
    pub fn on_turn<F>(&self, play: impl Fn(FakeTurn) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let play: turn::Play = Arc::new(move |turn| Box::pin(play(turn)));
        self.shared.state().play = Some(play);
    }

    /// Sets the closure that decides about the delivery of each event, such as one that loses an event between the CLI and
    /// the program. The closure gets the whole event. The CLI itself has every event in its history.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::testing::{Delivery, FakeCli};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> copilot::Result<()> {
    /// let cli = FakeCli::new();
    /// cli.on_event(|event| match event["type"].as_str() {
    ///     Some("assistant.message") => Delivery::Lost,
    ///     _ => Delivery::Once,
    /// });
    /// let client = cli.client_builder().start().await?;
    /// let session = client.session().start().await?;
    /// // The answer is read from the history of the CLI.
    /// assert_eq!(session.ask("Are you there?").await?.text(), "OK.");
    /// # client.shutdown().await
    /// # }
    /// ```
    pub fn on_event(&self, deliver: impl Fn(&Value) -> Delivery + Send + Sync + 'static) {
        self.shared.state().deliver = Some(Arc::new(deliver));
    }

    /// Sends an event of a session and returns its id.
    ///
    /// Id, timestamp and parent are filled in, and event types that the real CLI does not store are marked as
    /// ephemeral.
    pub fn event(&self, session: &SessionId, name: &str, data: Value) -> String {
        let mut event = json!({"type": name});
        event["data"] = data;
        self.whole_event(session, event)
    }

    /// Sends an event of a session with further members, such as `agentId`, and returns its id. Missing members are
    /// filled in as by [`event`](Self::event).
    pub fn whole_event(&self, session: &SessionId, event: Value) -> String {
        self.shared.event(session, event)
    }

    /// Sends a tool call to the program; awaiting it returns the result on the wire. There is no permission request
    /// before it, unlike with [`FakeTurn::call_tool`].
    pub fn call_tool(&self, session: &SessionId, tool: &str, arguments: Value) -> ToolCallQuestion {
        ToolCallQuestion::new(&self.shared, session, tool, arguments)
    }

    /// Sends a permission request to the program; awaiting it returns the decision on the wire. `request` is the member
    /// `permissionRequest`, such as `{"kind": "shell", "fullCommandText": "ls"}`.
    pub fn ask_permission(&self, session: &SessionId, request: Value) -> PermissionQuestion {
        PermissionQuestion::new(&self.shared, session, request)
    }

    /// Sends a request to the program and returns the result.
    ///
    /// # Errors
    ///
    /// Returns the error of the program's response.
    ///
    /// # Panics
    ///
    /// Panics if no response arrives within one minute.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future discards the response; the request was sent.
    pub async fn request(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        let id = self.shared.send_request(method, &params);
        self.shared.response(id, method).await
    }

    /// Sends a notification to the program.
    pub fn notify(&self, method: &str, params: Value) {
        let mut message = json!({"jsonrpc": "2.0", "method": method});
        message["params"] = params;
        self.shared.send(&message);
    }

    /// Sends one frame with a body that need not be JSON.
    pub fn frame(&self, body: impl AsRef<[u8]>) {
        self.shared.send_frame(body.as_ref());
    }

    /// Sends bytes without framing.
    pub fn raw(&self, bytes: impl AsRef<[u8]>) {
        self.shared.send_bytes(bytes.as_ref());
    }

    /// Returns all received messages in order: requests, notifications, responses.
    pub fn received(&self) -> Vec<Value> {
        self.shared.state().received.clone()
    }

    /// Returns the parameters of all received requests of `method`.
    pub fn requests(&self, method: &str) -> Vec<Value> {
        self.shared.state().requests(method)
    }

    /// Waits until `count` requests of `method` have arrived, and returns the parameters of all of them.
    ///
    /// # Panics
    ///
    /// Panics if they do not arrive within one minute.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future has no effect.
    pub async fn requested(&self, method: &str, count: usize) -> Vec<Value> {
        let what = format!("{count} requests of {method}");
        self.shared.until(&what, |state| Some(state.requests(method)).filter(|all| all.len() >= count)).await
    }

    /// Returns the sessions that the program has opened and neither closed nor detached, sorted by id.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> copilot::Result<()> {
    /// let cli = copilot::testing::FakeCli::new();
    /// let client = cli.client_builder().start().await?;
    /// let session = client.session().start().await?;
    /// assert_eq!(cli.open_sessions(), [session.id().clone()]);
    /// session.close().await?;
    /// assert!(cli.open_sessions().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_sessions(&self) -> Vec<SessionId> {
        self.shared.open_sessions()
    }

    /// Stops reading, so that the program's writes block when the pipe is full.
    pub fn stop_reading(&self) {
        self.shared.reading.send_replace(false);
    }

    /// Resumes reading after [`stop_reading`](Self::stop_reading).
    pub fn read_on(&self) {
        self.shared.reading.send_replace(true);
    }

    /// Closes the connection after the queued output, like a CLI that exits. With `.auto_restart(true)` the client
    /// reconnects.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::EventKind;
    /// use copilot::testing::FakeCli;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> copilot::Result<()> {
    /// let cli = FakeCli::new();
    /// let client = cli.client_builder().auto_restart(true).start().await?;
    /// let session = client.session().start().await?;
    /// let mut events = session.events();
    /// cli.hang_up();
    /// while let Some(event) = events.next().await {
    ///     if let EventKind::Restarted(restarted) = event.kind() {
    ///         assert!(restarted.cause.is_retryable());
    ///         break;
    ///     }
    /// }
    /// assert_eq!(session.ask("Still there?").await?.text(), "OK.");
    /// # client.shutdown().await
    /// # }
    /// ```
    pub fn hang_up(&self) {
        self.shared.hang_up();
    }

    /// Closes the output of the CLI after the queued bytes. The CLI continues to read.
    pub fn close_output(&self) {
        self.shared.close_output();
    }

    /// Waits until the program closes its side of the connection.
    ///
    /// # Panics
    ///
    /// Panics if the connection stays open for one minute.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future has no effect.
    pub async fn disconnected(&self) {
        self.shared.until("the program to disconnect", |state| state.client_gone.then_some(())).await;
    }
}

impl Default for FakeCli {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for FakeCli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let received = self.shared.state().received.len();
        f.debug_struct("FakeCli")
            .field("cli", &self.shared.cli)
            .field("received", &received)
            .finish_non_exhaustive()
    }
}

/// The CLI's end of an in-process connection, as byte streams. Returned by [`memory_client`].
#[derive(Debug)]
pub struct FarEnd {
    /// Receives the bytes that the client writes. Dropping it makes the client's writes fail.
    pub reader: DuplexStream,
    /// Sends the bytes that the client reads. Dropping it ends the CLI's output.
    pub writer: DuplexStream,
}

/// Creates a client whose CLI is simulated by the caller, byte by byte. `capacity` is the capacity of the pipe in bytes
/// per direction.
///
/// Use it for benchmarks and for behaviour that [`FakeCli`] does not support.
pub fn memory_client(capacity: usize) -> (ClientBuilder, FarEnd) {
    let (near, reader, writer) = memory::pair(capacity);
    let mut near = Some(near);
    let streams = Streams::in_process(move || near.take());
    (Client::builder().streams_from(streams), FarEnd { reader, writer })
}
