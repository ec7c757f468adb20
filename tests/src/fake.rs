//! A client on a fake CLI inside the process, and helpers for its paused clock.
//!
//! The tests that use it run with the clock paused, so that time passes only when nothing else can happen.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use copilot::testing::{FakeCli, pending_calls};
use copilot::{Client, ClientBuilder, Error, Reply, Result, Session, SessionBuilder};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// A played CLI and a client of it.
#[derive(Debug)]
pub struct Fake {
    /// The CLI.
    pub cli: FakeCli,
    /// The client.
    pub client: Client,
}

impl Fake {
    /// The newest CLI.
    pub async fn start() -> Self {
        Self::on(FakeCli::new()).await
    }

    /// A CLI of this version.
    pub async fn of_version(version: &str) -> Self {
        Self::on(FakeCli::of_version(version)).await
    }

    /// The newest CLI, and a client that is configured like this.
    pub async fn start_with(configure: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        Self::on_with(FakeCli::new(), configure).await
    }

    /// This CLI, and a client that is configured like this.
    pub async fn on_with(cli: FakeCli, configure: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        let client =
            configure(cli.client_builder()).start().await.expect("the fake CLI accepts every client");
        Self { cli, client }
    }

    /// A client of this CLI.
    pub async fn on(cli: FakeCli) -> Self {
        let client = cli.client_builder().start().await.expect("the fake CLI accepts every client");
        Self { cli, client }
    }

    /// A client of this CLI, which answers each message with the id `m` and emits no event: the test plays the turn.
    pub async fn with_manual_turns(cli: FakeCli) -> Self {
        cli.on("session.send", |_, _| json!({"messageId": "m"}));
        Self::on(cli).await
    }

    /// Emits the event that begins the turn of message `m`.
    pub fn begin_turn(&self, session: &Session) {
        self.cli.event(session.id(), "user.message", json!({"content": "?", "messageId": "m"}));
    }

    /// Emits an answer to message `m`.
    pub fn say(&self, session: &Session, text: &str) {
        let data = json!({"content": text, "originatingMessageId": "m"});
        self.cli.event(session.id(), "assistant.message", data);
    }

    /// Configures a session.
    pub fn session(&self) -> SessionBuilder {
        self.client.session()
    }

    /// Returns the responses that the CLI has received for its request with this id.
    pub fn answers_to(&self, id: &Value) -> Vec<Value> {
        let answers = |message: &Value| message.get("method").is_none() && message.get("id") == Some(id);
        self.cli.received().into_iter().filter(answers).collect()
    }

    /// How many calls wait for an answer.
    pub fn calls_pending(&self) -> usize {
        pending_calls(&self.client)
    }
}

/// Calls the method `x.y`, which no CLI has, once the future is polled.
pub fn call(client: &Client, params: Value) -> impl Future<Output = Result<Value>> + Send + 'static {
    let client = client.clone();
    async move { client.call("x.y", params).await }
}

/// Returns the error of a turn that must fail.
pub async fn failure(ask: impl IntoFuture<Output = Result<Reply>>) -> Error {
    apart(ask).await.expect_err("the turn fails")
}

/// Runs a future as a task does that nothing else wakes: `join!` polls all of its futures when one of them is woken.
pub async fn apart<F: IntoFuture>(work: F) -> F::Output {
    let (woken, mut work) = (Arc::new(Woken::default()), pin!(work.into_future()));
    let waker = Waker::from(Arc::clone(&woken));
    let mut is_first = true;
    poll_fn(|cx| {
        *woken.outer.lock().expect("a waker does not panic") = Some(cx.waker().clone());
        if !std::mem::take(&mut is_first) && !woken.is_set.swap(false, Ordering::Relaxed) {
            return Poll::Pending;
        }
        work.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await
}

/// Whether a future was woken, and the task that polls it.
#[derive(Default)]
struct Woken {
    is_set: AtomicBool,
    outer: Mutex<Option<Waker>>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.is_set.store(true, Ordering::Relaxed);
        if let Some(outer) = self.outer.lock().expect("a waker does not panic").take() {
            outer.wake();
        }
    }
}

/// Waits until no task can run. With the clock paused a timer fires only then.
pub async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Runs all futures concurrently and returns their outputs in order.
pub async fn all<F>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let mut set = JoinSet::new();
    for (at, future) in futures.into_iter().enumerate() {
        set.spawn(async move { (at, future.await) });
    }
    let mut all = set.join_all().await;
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, output)| output).collect()
}
