//! A language model that follows a script.
//!
//! The path of a request: `server` reads it, `request` records it, `playback` finds its script and the next turn, `api`
//! serializes that turn, and `sse` sends it, in pieces if the request is streamed. Each protocol has a file:
//! `completion`, `responses`, `messages`. All files except `server` and `sse` are pure. None depends on the CLI.

mod api;
mod completion;
mod interception;
mod messages;
mod playback;
mod request;
mod responses;
mod script;
mod server;
mod sse;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use api::ModelApi;
pub use request::{Ending, RecordedCall, RecordedMessage, RecordedRequest, Role};
pub use script::{Script, Scripts, Tokens, ToolUse};

use self::playback::Playback;
use crate::providers::Provider;
use crate::task::lock;
use crate::task::{self, Task};
use crate::{Error, ErrorKind, Result, SessionBuilder};

/// The name of the model in requests and answers.
const MODEL_NAME: &str = "scripted";

/// The origin of a model without a server.
const NOWHERE: &str = "http://scripted.invalid";

/// A language model on the loopback interface that follows a [`Script`].
///
/// It supports the three protocols of [`ModelApi`], the first two also in the form of an Azure resource. A session with
/// this provider needs no login and no network. The model records each request and checks it against the script. When
/// the conversation leaves the script, the response is an error that the CLI does not retry, the session reports that
/// error, and [`finish`](Self::finish) returns it.
///
/// Dropping the model stops its server without a check: call `finish` at the end of a test.
///
/// # Examples
///
/// ```
/// use copilot::testing::{Script, ScriptedModel};
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> copilot::Result<()> {
/// let model = ScriptedModel::start(
///     Script::new()
///         .call("lookup_issue", json!({"id": "GH-42"}))
///         .expect_tool_result("lookup_issue", |text| text.contains("open"))
///         .say("GH-42 is open."),
/// )
/// .await?;
/// assert!(model.base_url().starts_with("http://127.0.0.1:"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ScriptedModel {
    /// The address of the server; `None` without one.
    address: Option<SocketAddr>,
    shared: Arc<ModelState>,
    _server: Option<Task>,
}

/// The state shared by the handle and the connections of the server.
#[derive(Debug)]
struct ModelState {
    playback: Mutex<Playback>,
    requests: watch::Sender<Vec<RecordedRequest>>,
}

impl ModelState {
    fn new(playback: Playback) -> Arc<Self> {
        Arc::new(Self { playback: Mutex::new(playback), requests: watch::Sender::new(Vec::new()) })
    }

    fn playback<T>(&self, use_playback: impl FnOnce(&mut Playback) -> T) -> T {
        // The playback catches panics of checks, so its state is consistent between calls.
        use_playback(&mut lock(&self.playback))
    }
}

impl SessionBuilder {
    /// Sets the scripted model as the model of the session, instead of one from a Copilot login.
    pub fn scripted_model(self, model: &ScriptedModel) -> Self {
        self.provider(model.provider()).model(model.model_name())
    }
}

impl ScriptedModel {
    /// Starts a model with one or several scripts. A conversation uses the first script that matches its first prompt
    /// and that no other conversation uses.
    ///
    /// # Errors
    ///
    /// Returns an error if a script is invalid, such as one that ends with an expectation, or if no port is available.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future starts nothing.
    pub async fn start(scripts: impl Into<Scripts>) -> Result<Self> {
        let playback = Playback::new(scripts.into())?;
        let no_port = |error| {
            Error::with_source(
                ErrorKind::Transport,
                "the scripted model cannot listen on the loopback interface",
                error,
            )
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(no_port)?;
        let address = listener.local_addr().map_err(no_port)?;
        let shared = ModelState::new(playback);
        let server = task::spawn(server::serve(listener, shared.clone()));
        Ok(Self { address: Some(address), shared, _server: Some(server) })
    }

    /// Creates a model without a server, for use with [`inference`](Self::inference).
    ///
    /// # Errors
    ///
    /// Returns an error if a script is invalid.
    pub fn without_server(scripts: impl Into<Scripts>) -> Result<Self> {
        let shared = ModelState::new(Playback::new(scripts.into())?);
        Ok(Self { address: None, shared, _server: None })
    }

    /// Returns the base URL for a provider with OpenAI's protocols. For a model
    /// [without a server](Self::without_server), the host does not exist.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.origin())
    }

    /// Returns the base URL without a path, for a provider of Azure or Anthropic.
    pub fn origin(&self) -> String {
        self.address.map_or_else(|| NOWHERE.to_owned(), |address| format!("http://{address}"))
    }

    /// Returns the name that selects this model in a session.
    pub fn model_name(&self) -> &'static str {
        MODEL_NAME
    }

    /// Returns the provider for a session with this model. [`SessionBuilder::scripted_model`] sets it.
    ///
    /// Wire: `session.create`, to the CLI.
    pub fn provider(&self) -> Provider {
        Provider::openai(self.base_url()).api_key("scripted")
    }

    /// Returns the provider for a session that uses this model with a protocol.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(model: copilot::testing::ScriptedModel) -> copilot::Result<()> {
    /// use copilot::Session;
    /// use copilot::testing::ModelApi;
    ///
    /// let provider = model.provider_of(ModelApi::Messages);
    /// let session = Session::builder().provider(provider).model(model.model_name()).start().await?;
    /// # drop(session);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Wire: `session.create`, to the CLI.
    pub fn provider_of(&self, api: ModelApi) -> Provider {
        match api {
            ModelApi::ChatCompletions => self.provider(),
            ModelApi::Responses => self.provider().responses(),
            ModelApi::Messages => Provider::anthropic(self.origin()).api_key("scripted"),
        }
    }

    /// Returns all requests so far, in the order of arrival.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.requests.borrow().clone()
    }

    /// Waits for the request with an index, counted from 0, and returns it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future has no effect.
    pub async fn request(&self, index: usize) -> RecordedRequest {
        let mut requests = self.shared.requests.subscribe();
        let come = requests.wait_for(|requests| requests.len() > index).await;
        come.expect("the sender is in `self.shared`")[index].clone()
    }

    /// Stops the model and checks that all conversations followed their scripts to the last turn.
    ///
    /// # Errors
    ///
    /// Returns a report of all deviations and of unused turns. `Debug` prints the report too, so that `unwrap` in a
    /// test shows it.
    pub fn finish(self) -> Result<(), LeftScript> {
        let report = self.shared.playback(|playback| playback.report());
        report.map_or(Ok(()), |report| Err(LeftScript(report)))
    }
}

/// The report of [`ScriptedModel::finish`]: the turn, the expectation and the received request of each deviation.
pub struct LeftScript(String);

impl fmt::Display for LeftScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LeftScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LeftScript {}

#[cfg(test)]
mod tests;
