//! Received and sent messages: the record of requests, their answers, and waiting for the client.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use super::FakeCli;
use super::answer::{Answer, Answerer, Asked, HeldRequest, RpcError};
use super::connection::Connection;
use super::defaults;
use super::delivery::Deliver;
use super::question::OpenQuestion;
use super::session::FakeSession;
use super::turn::Play;
use crate::contain::panic_message;
use crate::protocol::connection::CliVersion;
use crate::rpc::write_frame;
use crate::task::{DropGuard, lock};
use crate::transport::{ReadHalf, WriteHalf};

/// The timeout of waiting for the program.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) struct Shared {
    pub(super) cli: CliVersion,
    state: Mutex<CliState>,
    /// Notified about each received message.
    changed: Notify,
    pub(super) reading: watch::Sender<bool>,
}

#[derive(Default)]
pub(super) struct CliState {
    connection: Option<Connection>,
    pub(super) client_gone: bool,
    pub(super) answers: HashMap<String, Answerer>,
    pub(super) holding: HashSet<String>,
    pub(super) held: Vec<HeldRequest>,
    pub(super) received: Vec<Value>,
    /// How many of them were of each method.
    counts: HashMap<String, usize>,
    /// The program's responses to requests of the CLI, by id.
    responses: HashMap<u64, Value>,
    /// The program's answers to events, by request id: the parameters of its requests.
    pub(super) settled: HashMap<String, Vec<Value>>,
    /// The unanswered tool calls and permission requests sent as events, by request id.
    pub(super) open: BTreeMap<String, OpenQuestion>,
    /// Decides about each event whether it reaches the program.
    pub(super) deliver: Option<Deliver>,
    /// The events that are sent after the next one of their session.
    pub(super) late: HashMap<String, Value>,
    last_id: u64,
    pub(super) sessions: HashMap<String, FakeSession>,
    pub(super) events: u64,
    pub(super) texts: VecDeque<String>,
    pub(super) play: Option<Play>,
}

impl CliState {
    pub(super) fn requests(&self, method: &str) -> Vec<Value> {
        let of_method = self.received.iter().filter(|message| message["method"] == method);
        of_method.map(|message| message["params"].clone()).collect()
    }
}

/// Ends the CLI when the last handle of a test is dropped.
pub(super) type EndOnDrop = DropGuard<Arc<Shared>>;

impl Shared {
    pub(super) fn end_on_drop(self: &Arc<Self>) -> EndOnDrop {
        DropGuard::new(Arc::clone(self), |shared| {
            let state = std::mem::take(&mut *shared.state());
            // Dropping the state drops a test's closures and stops tasks, so the lock is not held.
            drop(state);
        })
    }

    pub(super) fn new(version: &str) -> Arc<Self> {
        let mut cli = CliVersion { protocol: 2, version: Some(version.to_owned()) };
        if cli.at_least([0, 0, 423]) {
            cli.protocol = 3;
        }
        Arc::new(Self {
            cli,
            state: Mutex::default(),
            changed: Notify::new(),
            reading: watch::Sender::new(true),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, CliState> {
        lock(&self.state)
    }

    /// Waits until `check` returns a value.
    pub(super) async fn until<T>(&self, what: &str, mut check: impl FnMut(&mut CliState) -> Option<T>) -> T {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Registered before the check, so that no change is missed.
            changed.as_mut().enable();
            if let Some(found) = check(&mut self.state()) {
                return found;
            }
            if timeout_at(deadline, changed).await.is_err() {
                let state = self.state();
                let last = state.received.last().map_or("nothing".to_owned(), Value::to_string);
                panic!(
                    "the fake CLI waited {WAIT_TIMEOUT:?} for {what}; the last received message is {last}"
                );
            }
        }
    }

    pub(super) fn serve(self: &Arc<Self>, reader: ReadHalf, writer: WriteHalf) {
        let mut state = self.state();
        state.client_gone = false;
        // Under the lock: the first request may be available already, and its response needs the connection.
        let connection = Connection::start(Arc::downgrade(self), self.reading.subscribe(), reader, writer);
        let before = state.connection.replace(connection);
        drop(state);
        drop(before);
    }

    pub(super) fn client_gone(&self) {
        self.state().client_gone = true;
        self.changed.notify_waiters();
    }

    pub(super) fn hang_up(&self) {
        let mut state = self.state();
        if let Some(connection) = &mut state.connection {
            connection.output.end();
            connection.close_input();
        }
    }

    pub(super) fn close_output(&self) {
        if let Some(connection) = &self.state().connection {
            connection.output.end();
        }
    }

    pub(super) fn send_bytes(&self, bytes: &[u8]) {
        if let Some(connection) = &self.state().connection {
            connection.output.push(bytes);
        }
    }

    pub(super) fn send_frame(&self, body: &[u8]) {
        let mut frame = Vec::with_capacity(body.len() + 40);
        let written = write_frame(&mut frame, |frame| {
            frame.extend_from_slice(body);
            Ok::<_, std::convert::Infallible>(())
        });
        match written {
            Ok(()) => self.send_bytes(&frame),
        }
    }

    pub(super) fn send(&self, message: &Value) {
        self.send_frame(message.to_string().as_bytes());
    }

    pub(super) fn send_request(&self, method: &str, params: &Value) -> u64 {
        let id = {
            let mut state = self.state();
            state.last_id += 1;
            state.last_id
        };
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// Waits for the response to a request of the CLI.
    pub(super) async fn response(&self, id: u64, method: &str) -> Result<Value, RpcError> {
        let what = format!("the response to {method}");
        let response = self.until(&what, |state| state.responses.get(&id).cloned()).await;
        match response.get("error") {
            Some(error) => Err(RpcError::read(error)),
            None => Ok(response["result"].clone()),
        }
    }

    pub(super) fn is_answered(&self, id: u64) -> bool {
        self.state().responses.contains_key(&id)
    }

    pub(super) fn respond(&self, id: &Value, answer: Answer) {
        match answer {
            Answer::Result(result) => self.send(&json!({"jsonrpc": "2.0", "id": id, "result": result})),
            Answer::Error(error) => {
                self.send(&json!({"jsonrpc": "2.0", "id": id, "error": error.to_json()}));
            }
            Answer::Never => {}
        }
    }

    /// Reports a malformed message. As with the real CLI, the error does not identify the message.
    pub(super) fn unreadable(&self, why: &str) {
        self.respond(&Value::Null, RpcError::new(-32700, format!("Parse error: {why}")).into());
    }

    /// Handles one message of the program.
    pub(super) fn receive(self: &Arc<Self>, body: &[u8]) {
        let message: Value = match serde_json::from_slice(body) {
            Ok(message) => message,
            Err(error) => return self.unreadable(&error.to_string()),
        };
        let method = message["method"].as_str().map(str::to_owned);
        let id = message.get("id").cloned();
        let params = message["params"].clone();
        let count = {
            let mut state = self.state();
            if let (None, Some(id)) = (&method, id.as_ref().and_then(Value::as_u64)) {
                state.responses.entry(id).or_insert_with(|| message.clone());
            }
            if let Some(id) = params["requestId"].as_str() {
                state.settled.entry(id.to_owned()).or_default().push(params.clone());
            }
            state.received.push(message);
            match &method {
                Some(method) => {
                    let count = state.counts.entry(method.clone()).or_default();
                    *count += 1;
                    *count
                }
                None => 0,
            }
        };
        if let (Some(method), Some(id)) = (method, id) {
            self.answer(id, method, params, count);
        }
        self.changed.notify_waiters();
    }

    fn answer(self: &Arc<Self>, id: Value, method: String, params: Value, count: usize) {
        let answerer = {
            let mut state = self.state();
            if state.holding.contains(&method) {
                let held = HeldRequest::new(self, id, method, params);
                return state.held.push(held);
            }
            state.answers.get(&method).cloned()
        };
        let answer = match answerer {
            Some(answerer) => {
                let asked = Asked { cli: FakeCli::inner(self), method: &method, params: &params, count };
                // A panic may leave the test's own data inconsistent, but the test has failed by then.
                catch_unwind(AssertUnwindSafe(|| answerer(&params, &asked))).unwrap_or_else(|panic| {
                    let text = format!("the test's answer panicked: {}", panic_message(&*panic));
                    RpcError::failed(&method, &text).into()
                })
            }
            None => defaults::answer(self, &method, &params),
        };
        self.respond(&id, answer);
        if method == "runtime.shutdown" {
            self.hang_up();
        }
    }
}
