//! A language model that plays a script.
//!
//! The path of a request: `server` reads it, `request` keeps it, `playback` finds the script it belongs to and the turn
//! that is due, `api` has that turn written as JSON, and `sse` sends it in pieces where the request asked for that.
//! Each protocol has a file of its own: `completion`, `responses`, `messages`. All but `server` and `sse` is pure.
//! Nothing here knows the CLI.

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
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use api::ModelApi;
pub use request::{Ending, RecordedCall, RecordedMessage, RecordedRequest, Role};
pub use script::{Script, Scripts, Tokens, ToolUse};

use self::playback::Playback;
use crate::task::{self, Task};
use crate::{Error, ErrorKind, Provider, Result, SessionBuilder};

/// The name of the model in requests and answers.
const MODEL_NAME: &str = "scripted";

/// Where a model without a server is.
const NOWHERE: &str = "http://scripted.invalid";

/// A language model on the loopback interface that plays a [`Script`].
///
/// It speaks the three protocols of [`ModelApi`], the first two also as a resource of Azure does. A session that has
/// it as its provider needs no login and no network. The model checks what it is sent against the
/// script, and records it. When the conversation leaves the script, the request is answered with an error that the
/// CLI does not retry, the session gets it as its own error, and [`finish`](Self::finish) tells what happened.
///
/// Dropping the model stops its server and checks nothing: call `finish` at the end of a test.
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
    /// Where it listens, if it does.
    address: Option<SocketAddr>,
    shared: Arc<ModelState>,
    _server: Option<Task>,
}

/// What the handle and the server's connections both hold.
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
        // The playback catches the panics of checks, and its own state is whole between calls.
        use_playback(&mut self.playback.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SessionBuilder {
    /// Has the scripted model answer, instead of one from a Copilot login.
    pub fn scripted_model(self, model: &ScriptedModel) -> Self {
        self.provider(model.provider()).model(model.model_name())
    }
}

impl ScriptedModel {
    /// Starts a model that plays one script, or several: a conversation plays the first one that fits its first
    /// prompt and that no other conversation plays.
    ///
    /// # Errors
    ///
    /// When a script cannot be played, such as one that ends with an expectation, or no port can be had.
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

    /// A model that listens nowhere: it answers what [`inference`](Self::inference) brings it.
    ///
    /// # Errors
    ///
    /// When a script cannot be played.
    pub fn without_server(scripts: impl Into<Scripts>) -> Result<Self> {
        let shared = ModelState::new(Playback::new(scripts.into())?);
        Ok(Self { address: None, shared, _server: None })
    }

    /// Where the model listens: what the base URL of a provider is that speaks OpenAI's protocols. The one of a model
    /// [without a server](Self::without_server) leads nowhere.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.origin())
    }

    /// Where the model listens, without a path: what the base URL of a provider of Azure or Anthropic is.
    pub fn origin(&self) -> String {
        self.address.map_or_else(|| NOWHERE.to_owned(), |address| format!("http://{address}"))
    }

    /// The name a session gives to select this model.
    pub fn model_name(&self) -> &'static str {
        MODEL_NAME
    }

    /// The provider of a session that talks to this model; [`SessionBuilder::scripted_model`] sets it.
    ///
    /// Wire: `session.create`, to the CLI.
    pub fn provider(&self) -> Provider {
        Provider::openai(self.base_url()).api_key("scripted")
    }

    /// A provider that talks to this model in this protocol.
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

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.requests.borrow().clone()
    }

    /// The request with this index, counted from 0, once it has come.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn request(&self, index: usize) -> RecordedRequest {
        let mut requests = self.shared.requests.subscribe();
        let come = requests.wait_for(|requests| requests.len() > index).await;
        come.expect("the sender is in `self.shared`")[index].clone()
    }

    /// Stops the model and says whether the conversations kept to their scripts, to the last turn.
    ///
    /// # Errors
    ///
    /// A report of every departure and of the turns that were never asked for. Its `Debug` is the report as well, so
    /// `unwrap` in a test shows it.
    pub fn finish(self) -> Result<(), LeftScript> {
        let report = self.shared.playback(|playback| playback.report());
        report.map_or(Ok(()), |report| Err(LeftScript(report)))
    }
}

/// How conversations left their scripts: which turn, what was expected, what came.
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
