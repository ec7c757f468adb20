//! A CLI inside the process that speaks the server's side of the wire.
//!
//! It shares the framing with the library and nothing else: messages are read and written as plain JSON, so that a
//! mistake in the library's own envelopes shows. The folder reads as a message goes: `connection` moves bytes,
//! `exchange` takes a message apart and finds its answer, `answer` is what a test may say, `defaults` what is said
//! otherwise, `session` and `turn` play the agent, `question` asks the program.

mod answer;
mod connection;
mod defaults;
mod exchange;
mod question;
mod session;
mod turn;

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};

use crate::client::ClientBuilder;
use crate::client::memory::Ends;
use crate::protocol::SessionId;
use crate::transport::memory;

pub use answer::{Answer, Asked, HeldRequest, RpcError};
use exchange::{Guard, Shared};
pub use question::{PendingQuestion, PermissionQuestion, ToolCallQuestion};
pub use turn::FakeTurn;

/// The newest CLI that is played.
const NEWEST: &str = "1.0.102";
/// How many bytes wait in each direction.
const PIPE: usize = 64 << 10;

/// A CLI inside the process, for tests: it answers as the real one does, or as a test tells it to.
///
/// Out of the box a client can connect to it, open sessions and send messages. Each message gets an answer
/// ([`says`](Self::says) and [`on_turn`](Self::on_turn) choose it), with the events that the real CLI would send.
/// [`on`](Self::on) and [`hold`](Self::hold) change what a method answers, [`event`](Self::event),
/// [`call_tool`](Self::call_tool), [`ask_permission`](Self::ask_permission) and [`request`](Self::request) act on the
/// CLI's own account, and [`raw`](Self::raw) writes any bytes at all.
///
/// Clones share it. When the last one is dropped the CLI ends, and its connection with it. A closure given to
/// [`on`](Self::on) or [`on_turn`](Self::on_turn) should therefore not hold a clone; it is given one.
///
/// What waits for the program gives up after a minute of Tokio's clock, with a panic that says what was waited for;
/// under `#[tokio::test(start_paused = true)]` (Tokio's feature `test-util`) that is at once when nothing moves any more.
///
/// # Examples
///
/// ```
/// use copilot::testing::FakeCli;
/// use serde_json::json;
///
/// /// Adds two numbers.
/// #[copilot::tool]
/// fn add(
///     /// The first.
///     a: i64,
///     /// The second.
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
    /// Absent where the CLI hands itself to a closure of its own.
    _guard: Option<Arc<Guard>>,
}

impl FakeCli {
    /// The newest CLI that this library knows.
    pub fn new() -> Self {
        Self::of_version(NEWEST)
    }

    /// A CLI of this version, such as `0.0.403` (protocol 2), `1.0.32` (no `connect`) or `1.0.57`: it knows the
    /// methods, speaks the protocol and uses the words that the real one of that version does.
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
        let guard = Arc::new(Guard::new(&shared));
        Self { shared, _guard: Some(guard) }
    }

    fn inner(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), _guard: None }
    }

    /// Configures a client of this CLI.
    ///
    /// The connection is made here. A second one takes the place of the first, as if the CLI had been started again;
    /// what it knows of sessions stays, but the turn that one is in ends when it is resumed, unless the program wants it
    /// continued. So that a lost connection stays lost unless a test is about that,
    /// [`auto_restart`](ClientBuilder::auto_restart) is off.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
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
        ClientBuilder::default().memory(Ends::new(connect)).auto_restart(false)
    }

    /// Speaks with a client over these bytes, such as the halves of an accepted TCP connection.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    pub fn serve(
        &self,
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) {
        self.shared.serve(Box::new(reader), Box::new(writer));
    }

    /// Answers `method` with what `answer` says from now on: a value, a `Result`, or an [`Answer`].
    ///
    /// It is called with the parameters of the request, in the order of arrival, before the answer is sent; if it
    /// panics the request is refused with the panic's message.
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

    /// Leaves requests of `method` unanswered until [`held`](Self::held) takes them.
    pub fn hold(&self, method: &str) {
        self.shared.state().holding.insert(method.to_owned());
    }

    /// Waits for the next request of a method that is on [`hold`](Self::hold).
    ///
    /// # Panics
    ///
    /// When none comes within a minute.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a request is taken only when the future completes.
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

    /// The texts of the next answers, one a message; then, and unless set, it answers `OK.`
    pub fn says(&self, texts: impl IntoIterator<Item = impl Into<String>>) {
        self.shared.state().texts.extend(texts.into_iter().map(Into::into));
    }

    /// What the agent does with each message from now on, in place of saying a text.
    ///
    /// The message is announced before, and the turn is ended after it. If it panics, the turn ends with
    /// `session.error`.
    pub fn on_turn<F>(&self, play: impl Fn(FakeTurn) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let play: turn::Play = Arc::new(move |turn| Box::pin(play(turn)));
        self.shared.state().play = Some(play);
    }

    /// Sends an event of a session; gives its id.
    ///
    /// Id, time and predecessor are filled in, and the types that the real CLI does not keep are marked so.
    pub fn event(&self, session: &SessionId, name: &str, data: Value) -> String {
        let mut event = json!({"type": name});
        event["data"] = data;
        self.whole_event(session, event)
    }

    /// Sends an event of a session with more than type and data, such as an `agentId`; gives its id. Members of the
    /// envelope that are missing are filled in as by [`event`](Self::event).
    pub fn whole_event(&self, session: &SessionId, event: Value) -> String {
        self.shared.event(session, event)
    }

    /// Asks the program to run a tool; await it for the result as it came over the wire. No permission is asked for
    /// before; [`FakeTurn::call_tool`] does as the real agent does.
    pub fn call_tool(&self, session: &SessionId, tool: &str, arguments: Value) -> ToolCallQuestion {
        ToolCallQuestion::new(&self.shared, session, tool, arguments)
    }

    /// Asks the program for a permission; await it for the decision as it came over the wire. `request` is the
    /// `permissionRequest`, such as `{"kind": "shell", "fullCommandText": "ls"}`.
    pub fn ask_permission(&self, session: &SessionId, request: Value) -> PermissionQuestion {
        PermissionQuestion::new(&self.shared, session, request)
    }

    /// Calls a method of the program.
    ///
    /// # Errors
    ///
    /// When the program refuses.
    ///
    /// # Panics
    ///
    /// When no answer comes within a minute.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the answer; the program has been asked.
    pub async fn request(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        let id = self.shared.send_request(method, &params);
        self.shared.response(id, method).await
    }

    /// Tells the program something that needs no answer.
    pub fn notify(&self, method: &str, params: Value) {
        let mut message = json!({"jsonrpc": "2.0", "method": method});
        message["params"] = params;
        self.shared.send(&message);
    }

    /// Sends one frame with this body, which need not be JSON.
    pub fn frame(&self, body: impl AsRef<[u8]>) {
        self.shared.send_frame(body.as_ref());
    }

    /// Sends these bytes as they are.
    pub fn raw(&self, bytes: impl AsRef<[u8]>) {
        self.shared.send_bytes(bytes.as_ref());
    }

    /// Every message that came so far, in order: requests, notifications, answers.
    pub fn received(&self) -> Vec<Value> {
        self.shared.state().received.clone()
    }

    /// The parameters of every request of `method` that came so far.
    pub fn requests(&self, method: &str) -> Vec<Value> {
        self.shared.state().requests(method)
    }

    /// Waits until `count` requests of `method` have come; gives the parameters of all of them.
    ///
    /// # Panics
    ///
    /// When they do not come within a minute.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future changes nothing.
    pub async fn requested(&self, method: &str, count: usize) -> Vec<Value> {
        let what = format!("{count} requests of {method}");
        self.shared.until(&what, |state| Some(state.requests(method)).filter(|all| all.len() >= count)).await
    }

    /// The sessions that the program has opened and not let go of, sorted: what would be left in the CLI if the program
    /// forgot them.
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

    /// Leaves what comes in the pipe from now on, so that the program's writes have to wait.
    pub fn stop_reading(&self) {
        self.shared.reading.send_replace(false);
    }

    /// Reads on after [`stop_reading`](Self::stop_reading).
    pub fn read_on(&self) {
        self.shared.reading.send_replace(true);
    }

    /// Ends the connection once what was sent has left, as a CLI that exits does. With `.auto_restart(true)` the client
    /// connects again.
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

    /// Ends the CLI's side of the connection once what was sent has left; it goes on reading.
    pub fn close_output(&self) {
        self.shared.close_output();
    }

    /// Waits until the program has closed its side of the connection.
    ///
    /// # Panics
    ///
    /// When it does not within a minute.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future changes nothing.
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

/// The CLI's end of a connection inside the process, as bytes. Made by [`memory_client`].
#[derive(Debug)]
pub struct FarEnd {
    /// What the client writes. Dropping it breaks the client's pipe.
    pub reader: DuplexStream,
    /// What the client reads. Dropping it is the end of the CLI's output.
    pub writer: DuplexStream,
}

/// A client of a CLI that the caller plays by hand, byte by byte; at most `capacity` bytes wait in each direction.
///
/// [`FakeCli`] knows the protocol; this is for benchmarks and for what it cannot be made to do.
pub fn memory_client(capacity: usize) -> (ClientBuilder, FarEnd) {
    let (near, reader, writer) = memory::pair(capacity);
    (ClientBuilder::default().memory(Ends::once(near)), FarEnd { reader, writer })
}
