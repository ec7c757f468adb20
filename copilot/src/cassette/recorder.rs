//! Records requests and their responses while these are forwarded.

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::time::Instant;

use super::answer::Answer;
use super::body::{Ending, StoredBody, StoredResponse, TimedPiece};
use super::compare::digest;
use super::conversation::{APIS, Conversation, Definition, Message};
use super::file::{Header, Line, RequestLine, ToolLine, Writer};
use super::scrub::Scrubber;
use crate::error::{Error, ErrorKind, Result};
use crate::host::inference::{Chunk, Chunks, InferenceError, InferenceResponse};
use crate::task::lock;

/// The headers of a response that a cassette holds. Others may have credentials, and the CLI ignores them.
const HEADERS: &[&str] = &["content-type", "retry-after", "retry-after-ms", "x-should-retry"];

/// The parts of a recording that depend on the settings of the cassette.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contents {
    /// Whether the delays between events are recorded.
    pub(super) timing: bool,
    /// Whether the text of the instructions is recorded.
    pub(super) system: bool,
    /// Whether the definitions of all tools are recorded, in place of those that the model calls.
    pub(super) tools: bool,
}

/// A recording in progress. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Recorder {
    state: Arc<Mutex<State>>,
    scrubber: Arc<Scrubber>,
    contents: Contents,
}

#[derive(Debug)]
struct State {
    /// `None` after the end.
    writer: Option<Writer>,
    /// The number of exchanges that have begun.
    begun: usize,
    open: BTreeMap<usize, Open>,
    /// The number, the messages and the tools of each recorded request.
    written: Vec<(usize, Vec<Message>, Vec<String>)>,
    definitions: BTreeMap<String, Definition>,
    failure: Option<std::io::Error>,
}

/// An exchange whose response has not ended.
#[derive(Debug)]
struct Open {
    conversation: Conversation,
    since: Instant,
    response: StoredResponse,
    pieces: Vec<TimedPiece>,
}

impl Recorder {
    pub(super) fn start(
        path: &Path,
        header: &Header,
        scrubber: Arc<Scrubber>,
        contents: Contents,
    ) -> Result<Self> {
        let state = State {
            writer: Some(Writer::create(path, header)?),
            begun: 0,
            open: BTreeMap::new(),
            written: Vec::new(),
            definitions: BTreeMap::new(),
            failure: None,
        };
        Ok(Self { state: Arc::new(Mutex::new(state)), scrubber, contents })
    }

    /// Begins an exchange and returns its number.
    pub(super) fn begin(&self, conversation: Conversation) -> Exchange {
        let mut state = lock(&self.state);
        state.begun += 1;
        let number = state.begun;
        let (since, response) =
            (Instant::now(), StoredResponse { request: number, ..StoredResponse::default() });
        state.open.insert(number, Open { conversation, since, response, pieces: Vec::new() });
        drop(state);
        Exchange { number, recorder: self.clone() }
    }

    /// Ends the recording, and replaces the cassette with it.
    ///
    /// # Errors
    ///
    /// Returns an error if nothing was recorded or the file could not be written. The cassette then stays unchanged.
    pub(super) fn finish(&self, path: &Path) -> Result<()> {
        let shown = path.display();
        let open: Vec<_> = lock(&self.state).open.keys().copied().collect();
        for number in open {
            self.end(number, Some(Ending::Cancelled));
        }
        let mut state = lock(&self.state);
        let cannot = |error| {
            Error::with_source(ErrorKind::Cassette, format!("cannot write the cassette {shown}"), error)
        };
        let writer = state.writer.take();
        if let Some(error) = state.failure.take() {
            return Err(cannot(error));
        }
        let Some(writer) = writer else { return Ok(()) };
        let count = state.written.len();
        if count == 0 {
            writer.discard().map_err(cannot)?;
            return Err(Error::new(
                ErrorKind::Cassette,
                format!(
                    "nothing was recorded for the cassette {shown}: no request to a model passed through it; call \
                     `ClientBuilder::cassette`, or `SessionBuilder::cassette` after `provider`"
                ),
            ));
        }
        writer.finish(count).map_err(cannot)
    }

    /// Closes the file. A recording that is not finished stays incomplete.
    pub(super) fn close(&self) {
        let mut state = lock(&self.state);
        state.open.clear();
        state.writer = None;
    }

    /// Ends an exchange and writes its lines.
    fn end(&self, number: usize, ending: Option<Ending>) {
        let mut state = lock(&self.state);
        let Some(open) = state.open.remove(&number) else { return };
        if state.writer.is_none() {
            return;
        }
        let lines = self.lines(&mut state, open, ending);
        for line in &lines {
            if let Line::Tool(tool) = line {
                state.definitions.insert(tool.name.clone(), tool.definition.clone());
            }
            let text = serde_json::to_string(line).expect("the lines are JSON");
            let text = self.scrubber.line(text);
            let written = state.writer.as_mut().map_or(Ok(()), |writer| writer.write(&text));
            if let Err(error) = written {
                tracing::error!(%error, "a cassette could not be written");
                state.failure.get_or_insert(error);
            }
        }
    }

    /// Returns the lines of an exchange: new definitions of tools, the request, and the response.
    fn lines(&self, state: &mut State, open: Open, ending: Option<Ending>) -> Vec<Line> {
        let Open { conversation, mut response, pieces, .. } = open;
        let content_type = response.headers.get("content-type").map_or("", String::as_str);
        let complete = ending.is_none();
        let mut body = StoredBody::read(&pieces, content_type, self.contents.timing, complete);
        response.ending = ending.filter(|_| !body.has_final_event());
        body.scrub(&self.scrubber);
        response.body = body;
        for value in response.headers.values_mut() {
            *value = self.scrubber.text(value);
        }

        let answer = Answer::read(conversation.api, &response);
        let called = |name: &String| answer.calls.iter().any(|call| call.name == *name);
        let needed = conversation.tools.iter().filter(|(name, _)| self.contents.tools || called(name));
        let new = needed.filter(|(name, definition)| state.definitions.get(*name) != Some(definition));
        let mut lines: Vec<Line> = new
            .map(|(name, definition)| {
                Line::Tool(ToolLine { name: name.clone(), definition: definition.clone() })
            })
            .collect();

        let names: Vec<String> = conversation.tools.into_keys().collect();
        let before = state.written.iter().rev();
        let before = before.filter(|(_, messages, _)| conversation.messages.starts_with(messages));
        let before = before.max_by_key(|(_, messages, _)| messages.len());
        let (follows, known, tools) = match before {
            Some((number, messages, tools)) => {
                (Some(*number), messages.len(), (*tools != names).then(|| names.clone()))
            }
            None => (None, 0, Some(names.clone())),
        };
        let api = APIS.iter().find(|(_, api)| *api == conversation.api).map_or("", |(name, _)| name);
        let number = response.request;
        lines.push(Line::Request(RequestLine {
            number,
            follows,
            api: api.to_owned(),
            model: conversation.model,
            stream: conversation.streamed,
            system: digest(&conversation.system),
            system_text: (self.contents.system && follows.is_none()).then_some(conversation.system),
            tools,
            messages: conversation.messages[known..].to_vec(),
        }));
        lines.push(Line::Response(response));
        state.written.push((number, conversation.messages, names));
        lines
    }
}

/// An exchange that is being recorded. Dropping it before the end records that the CLI cancelled the request.
#[derive(Debug)]
pub(super) struct Exchange {
    number: usize,
    recorder: Recorder,
}

impl Exchange {
    /// Records a response while it is read.
    pub(super) fn record(self, response: InferenceResponse) -> InferenceResponse {
        let (status, headers, chunks) = response.into_parts();
        if let Some(open) = lock(&self.recorder.state).open.get_mut(&self.number) {
            open.response.status = status;
            let kept = headers.iter().filter(|(name, _)| HEADERS.contains(name));
            open.response.headers = kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        }
        let mut passed = InferenceResponse::new(status);
        for (name, value) in headers.iter() {
            passed = passed.header(name, value);
        }
        passed.stream(Recorded { chunks, exchange: Some(self) })
    }

    /// Forgets the exchange: the request failed without a response, and the CLI repeats it.
    pub(super) fn discard(self) {
        lock(&self.recorder.state).open.remove(&self.number);
    }

    fn piece(&self, bytes: &[u8]) {
        if let Some(open) = lock(&self.recorder.state).open.get_mut(&self.number) {
            open.pieces.push((open.since.elapsed(), bytes.to_vec()));
        }
    }

    fn end(self, ending: Option<Ending>) {
        self.recorder.end(self.number, ending);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // Without effect after the end.
        self.recorder.end(self.number, Some(Ending::Cancelled));
    }
}

/// The body of a response that is recorded while it is read.
struct Recorded {
    chunks: Chunks,
    exchange: Option<Exchange>,
}

impl Stream for Recorded {
    type Item = Result<Chunk, InferenceError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.chunks.as_mut().poll_next(cx);
        match &polled {
            Poll::Ready(Some(Ok(chunk))) => {
                if let Some(exchange) = &self.exchange {
                    exchange.piece(chunk.as_bytes());
                }
            }
            Poll::Ready(end) => {
                let ending = end.is_some().then_some(Ending::Broken);
                if let Some(exchange) = self.exchange.take() {
                    exchange.end(ending);
                }
            }
            Poll::Pending => {}
        }
        polled
    }
}
