//! Cassettes: conversations with a real model, recorded once and replayed without a network.
//!
//! A test runs the real CLI against a recorded model: the agent, its loop and the program's tools are real, and only the
//! answers of the model come from a file.
//!
//! ```no_run
//! use copilot::Client;
//! use copilot::cassette::Cassette;
//! use copilot::providers::Provider;
//!
//! /// Refunds an order.
//! #[copilot::tool]
//! fn refund(
//!     /// The number of the order.
//!     order: u32,
//! ) -> String {
//!     format!("order {order} is refunded")
//! }
//!
//! # async fn example() -> copilot::Result<()> {
//! let cassette = Cassette::auto("tests/cassettes/refund.jsonl").await?;
//! let client = Client::builder().cassette(&cassette).start().await?;
//! let provider = Provider::openai("https://api.openai.com/v1").api_key(std::env::var("API_KEY").unwrap_or_default());
//! let session = client.session().with_tools([refund::TOOL]).provider(provider).model("gpt-5").cassette(&cassette);
//! let reply = session.start().await?.ask("Refund order 42.").await?;
//! assert!(reply.text().contains("refunded"));
//! client.shutdown().await?;
//! cassette.finish()
//! # }
//! ```
//!
//! The first run records the file; the next ones replay it. The variable `COPILOT_CASSETTE` decides for all cassettes
//! made by [`Cassette::auto`]: `record` records them again, `replay` makes a missing file an error, as a continuous
//! integration should, and `auto` is the default.
//!
//! # Where requests are recorded
//!
//! - [`SessionBuilder::cassette`](crate::SessionBuilder::cassette) directs the provider of the session to a server of the
//!   cassette on the loopback interface. It works with every CLI. In a replay it sets a provider with the recorded
//!   protocol and model, so that a session that was recorded with a Copilot login needs no login.
//! - [`ClientBuilder::cassette`](crate::ClientBuilder::cassette) records the requests of all sessions, those with a
//!   Copilot login among them, and needs CLI 1.0.82. In a replay no request to a model leaves the machine.
//!
//! Streams reach the CLI while they are recorded. WebSockets are declined, and the CLI uses HTTP. Requests that are not to
//! a model, such as the list of models, are forwarded and not recorded.
//!
//! # The file
//!
//! Each line is a JSON object: first `cassette` with the version of the format, then for each exchange a `request` with
//! the messages that are new in it and a `response`, and last `end`. The events of a stream are JSON, and `tool` has the
//! definition of a tool that the model calls. A file without `end` is refused. A recording is written to a file with the
//! ending `.incomplete`, and [`finish`](Cassette::finish) renames it, so a crash leaves the last complete cassette.
//!
//! # Secrets and paths
//!
//! Headers of requests are never written, and of those of a response only the content type and the ones about retries.
//! In all texts, the following become `<<secret>>`: the credentials in the headers of recorded requests, the values of
//! variables whose name has `TOKEN`, `KEY`, `SECRET`, `PASSWORD` or `CREDENTIAL`, in the environments of this
//! process and of the client, the client's GitHub token, each also in base64 and percent-encoded; and tokens with a known
//! shape, such as `ghp_`, `sk-`, JSON Web Tokens, keys of AWS, private keys, and passwords in URLs. A credential of fewer
//! than 12 bytes is not searched. A secret in several pieces of a stream is found too. The current, the home and the
//! temporary directory become `<<cwd>>`, `<<home>>` and `<<temp>>`, and a replay puts those of its machine in their
//! place. [`CassetteBuilder`] adds rules. Images and other binary data are not recorded with messages.
//!
//! # How requests are compared
//!
//! By the conversation, in a form common to all protocols: the messages of the user, of the model and of the tools. Ids
//! of calls, UUIDs, dates and times, random names of temporary directories, the order of parallel results, and the blocks
//! that the CLI adds to prompts are replaced before. The system prompt and built-in tools belong to a version of the CLI
//! and are not compared, unless the [builder](CassetteBuilder) enables it; a tool that the model calls must have the
//! recorded parameters, by names, types, and which are required. Each request is answered once; equal ones in the order of the recording.
//!
//! A request that was not recorded gets an error that the CLI does not retry. The session reports it, and
//! [`finish`](Cassette::finish) returns the differences:
//!
//! ```text
//! request 2 differs from request 2 of the cassette refund.jsonl:
//!   message 3 (result of `refund`):
//!     - 12 EUR are refunded
//!     + 13 EUR are refunded
//! ```

mod answer;
mod body;
mod builder;
mod compare;
mod conversation;
mod file;
mod player;
mod plug;
mod recorder;
mod script;
mod scrub;
mod seam;
mod server;
mod upstream;

use std::fmt;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;

pub use builder::CassetteBuilder;
pub use script::Recording;

use self::builder::Wanted;
use self::player::Player;
use self::recorder::{Contents, Recorder};
use self::scrub::Scrubber;
use self::seam::Seam;
use self::upstream::Upstream;
use crate::error::{Error, ErrorKind, Result};
use crate::task::{self, Task};

/// The variable that decides about the mode of cassettes.
const MODE_VARIABLE: &str = "COPILOT_CASSETTE";

/// A recorded conversation with a model, or one that is being recorded.
///
/// Dropping a cassette checks nothing and leaves a recording incomplete: call [`finish`](Self::finish) at the end of a
/// test.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> copilot::Result<()> {
/// use copilot::cassette::Cassette;
/// use copilot::testing::hermetic_client;
///
/// let directory = tempfile::tempdir().expect("a directory can be made");
/// let cassette = Cassette::replay("tests/cassettes/refund.jsonl").await?;
/// let client = hermetic_client(directory.path()).start().await?;
/// let session = client.session().cassette(&cassette).start().await?;
/// println!("{}", session.ask("Refund order 42.").await?);
/// client.shutdown().await?;
/// cassette.finish()
/// # }
/// ```
pub struct Cassette {
    shared: Arc<Shared>,
    _server: Task,
}

/// The state shared by the handle, the client's interception and the server.
struct Shared {
    path: PathBuf,
    /// The address of the server, such as `http://127.0.0.1:4321`.
    origin: String,
    /// The base URLs that paths of the server stand for, during a recording.
    routes: Mutex<Vec<String>>,
    scrubber: Arc<Scrubber>,
    mode: Mode,
}

enum Mode {
    Record { recorder: Recorder, upstream: Upstream },
    Replay { player: Mutex<Player>, timing: bool },
}

impl Cassette {
    /// Replays the file if it exists, and records it otherwise. The variable `COPILOT_CASSETTE` decides differently:
    /// `record` or `replay`.
    pub fn auto(path: impl AsRef<Path>) -> CassetteBuilder {
        CassetteBuilder::new(path, Wanted::Auto)
    }

    /// Records the file, in place of an earlier one.
    pub fn record(path: impl AsRef<Path>) -> CassetteBuilder {
        CassetteBuilder::new(path, Wanted::Record)
    }

    /// Replays the file.
    pub fn replay(path: impl AsRef<Path>) -> CassetteBuilder {
        CassetteBuilder::new(path, Wanted::Replay)
    }

    /// Reads a recorded conversation, to turn it into a script.
    ///
    /// # Errors
    ///
    /// Returns an error if the cassette is missing, incomplete or unreadable.
    pub fn load(path: impl AsRef<Path>) -> Result<Recording> {
        Ok(Recording::new(file::load(path.as_ref())?))
    }

    async fn start(builder: CassetteBuilder, records: bool) -> Result<Self> {
        let no_port = |error| {
            let message = "a cassette cannot listen on the loopback interface";
            Error::with_source(ErrorKind::Transport, message, error)
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(no_port)?;
        let origin = format!("http://{}", listener.local_addr().map_err(no_port)?);
        let scrubber = Arc::new(builder.scrubber());
        let mode = if records {
            let header = file::header(builder.directory_names());
            let compare = builder.compare;
            let contents = Contents { timing: builder.timing, system: compare.system, tools: compare.tools };
            let upstream = builder.upstream.map_or_else(upstream::network, Ok)?;
            let recorder = Recorder::start(&builder.path, &header, Arc::clone(&scrubber), contents)?;
            Mode::Record { recorder, upstream }
        } else {
            let exchanges = file::load(&builder.path)?;
            let name = builder.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let player = Mutex::new(Player::new(name, exchanges, builder.compare));
            Mode::Replay { player, timing: builder.timing }
        };
        let routes = Mutex::default();
        let shared = Arc::new(Shared { path: builder.path, origin: origin.clone(), routes, scrubber, mode });
        let server =
            task::spawn(server::serve(listener, origin, upstream::erased(Seam(Arc::clone(&shared)))));
        Ok(Self { shared, _server: server })
    }

    /// Returns whether the conversation is being recorded, with the real model.
    pub fn is_recording(&self) -> bool {
        matches!(self.shared.mode, Mode::Record { .. })
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Ends the cassette. A recording replaces the file; a replay is checked. Shut the client down before, so that no
    /// request is running.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`Cassette`](ErrorKind::Cassette). For a recording: nothing was recorded, or the file
    /// could not be written. For a replay: a request was not recorded, or a recorded request was not made; the message
    /// lists all differences, and `Debug` prints it too, so that `unwrap` in a test shows it.
    pub fn finish(self) -> Result<()> {
        match &self.shared.mode {
            Mode::Record { recorder, .. } => recorder.finish(&self.shared.path),
            Mode::Replay { player, .. } => match task::lock(player).report() {
                Some(report) => Err(Error::new(ErrorKind::Cassette, report)),
                None => Ok(()),
            },
        }
    }
}

impl Drop for Cassette {
    fn drop(&mut self) {
        // The client may outlive the cassette and shares its state.
        if let Mode::Record { recorder, .. } = &self.shared.mode {
            recorder.close();
        }
    }
}

impl fmt::Debug for Cassette {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cassette")
            .field("path", &self.shared.path)
            .field("is_recording", &self.is_recording())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
