//! The file of a cassette: one JSON object a line, written as the conversation proceeds.
//!
//! A recording is written beside the file, with the ending `.incomplete`, and replaces the file when it is finished. So
//! a crash leaves the last complete cassette, and the beginning of the new one under a name that says so.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::body::StoredResponse;
use super::compare::Expected;
use super::conversation::{APIS, Definition, Message};
use crate::error::{Error, ErrorKind, Result};
use crate::task::lock;
use crate::testing::ModelApi;

/// The version of the format.
const FORMAT: u32 = 1;

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Line {
    Cassette(Header),
    Tool(ToolLine),
    Request(RequestLine),
    Response(StoredResponse),
    End(EndLine),
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: u32,
    /// The day of the recording, in UTC.
    pub(super) recorded: String,
    /// The version of this library.
    pub(super) library: String,
    /// The names of the directories that placeholders stand for.
    pub(super) directories: Vec<String>,
}

/// The definition of a tool, before the first request that the file needs it for and after each change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ToolLine {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) definition: Definition,
}

/// A request. It has only the messages that the request which it follows does not have.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RequestLine {
    pub(super) number: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) follows: Option<usize>,
    pub(super) api: String,
    pub(super) model: String,
    pub(super) stream: bool,
    /// The digest of the instructions.
    pub(super) system: String,
    /// The instructions, where they are compared; those of a request that follows another one are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) system_text: Option<String>,
    /// The names of all tools; absent where they are those of the request that this one follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tools: Option<Vec<String>>,
    pub(super) messages: Vec<Message>,
}

/// The last line of a complete file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EndLine {
    pub(super) requests: usize,
}

/// A recorded request with its response.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) number: usize,
    pub(super) follows: Option<usize>,
    pub(super) api: ModelApi,
    pub(super) model: String,
    pub(super) streamed: bool,
    pub(super) expected: Expected,
    pub(super) response: StoredResponse,
}

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Cassette, message)
}

/// Reads a complete cassette.
pub(super) fn load(path: &Path) -> Result<Vec<Exchange>> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::NotFound => {
                "; set COPILOT_CASSETTE=record, or call `Cassette::record`, to record it"
            }
            _ => "",
        };
        Error::with_source(ErrorKind::Cassette, format!("cannot read the cassette {shown}{hint}"), error)
    })?;
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parse = |(at, line): (usize, &str)| {
        serde_json::from_str::<Line>(line).map_err(|error| {
            let message = format!("line {} of the cassette {shown} cannot be read", at + 1);
            Error::with_source(ErrorKind::Cassette, message, error)
        })
    };
    match lines.next().map(parse).transpose()? {
        Some(Line::Cassette(Header { format: FORMAT, .. })) => {}
        Some(Line::Cassette(header)) => {
            let format = header.format;
            return Err(failed(format!(
                "the cassette {shown} has the format {format}, and this library reads {FORMAT}; record it again"
            )));
        }
        _ => return Err(failed(format!("{shown} is not a cassette: its first line has no `cassette`"))),
    }
    let mut reader = Reader::default();
    for line in lines {
        let (number, line) = (line.0 + 1, parse(line)?);
        if reader.add(line).is_none() {
            return Err(failed(format!(
                "line {number} of the cassette {shown} does not fit the lines before it; record it again"
            )));
        }
    }
    if reader.end != Some(reader.exchanges.len()) {
        return Err(failed(format!(
            "the cassette {shown} is incomplete: its recording did not reach `finish`; record it again"
        )));
    }
    Ok(reader.exchanges)
}

#[derive(Default)]
struct Reader {
    exchanges: Vec<Exchange>,
    tools: BTreeMap<String, Definition>,
    request: Option<RequestLine>,
    end: Option<usize>,
}

impl Reader {
    /// Adds a line; `None` where it does not fit the lines before.
    fn add(&mut self, line: Line) -> Option<()> {
        if self.end.is_some() {
            return None;
        }
        match (line, self.request.take()) {
            (Line::Tool(tool), None) => {
                self.tools.insert(tool.name, tool.definition);
            }
            (Line::Request(request), None) => self.request = Some(request),
            (Line::Response(response), Some(request)) if response.request == request.number => {
                let exchange = self.exchange(request, response)?;
                self.exchanges.push(exchange);
            }
            (Line::End(end), None) => self.end = Some(end.requests),
            _ => return None,
        }
        Some(())
    }

    fn exchange(&self, request: RequestLine, response: StoredResponse) -> Option<Exchange> {
        let api = APIS.iter().find(|(name, _)| *name == request.api)?.1;
        let (mut messages, mut tool_names, mut system) = (Vec::new(), Vec::new(), None);
        if let Some(follows) = request.follows {
            let before = self.exchanges.iter().find(|exchange| exchange.number == follows)?;
            messages.extend(before.expected.messages.iter().cloned());
            tool_names.clone_from(&before.expected.tool_names);
            let is_same = before.expected.system_digest == request.system;
            system = before.expected.system.clone().filter(|_| is_same);
        }
        messages.extend(request.messages);
        tool_names = request.tools.unwrap_or(tool_names);
        let offered = self.tools.iter().filter(|(name, _)| tool_names.contains(name));
        let called = Answer::read(api, &response).calls.into_iter().map(|call| call.name);
        let expected = Expected {
            messages,
            system_digest: request.system,
            system: request.system_text.or(system),
            tools: offered.map(|(name, definition)| (name.clone(), definition.clone())).collect(),
            tool_names,
            called: called.collect(),
        };
        let (number, follows, model) = (request.number, request.follows, request.model);
        Some(Exchange { number, follows, api, model, streamed: request.stream, expected, response })
    }
}

/// The files that are being recorded by this process.
static RECORDING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Writes a cassette line by line.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    incomplete: PathBuf,
    file: File,
}

impl Writer {
    /// Creates the incomplete file with its first line.
    pub(super) fn create(path: &Path, header: &Header) -> Result<Self> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let shown = path.display();
        if !lock(&RECORDING).insert(path.clone()) {
            return Err(failed(format!(
                "the cassette {shown} is being recorded by this program already; use a file for each test"
            )));
        }
        let cannot = |error| {
            Error::with_source(ErrorKind::Cassette, format!("cannot write the cassette {shown}"), error)
        };
        let mut name: OsString = path.as_os_str().to_owned();
        name.push(".incomplete");
        let incomplete = PathBuf::from(name);
        let created =
            path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create(&incomplete));
        let file = created.map_err(|error| {
            lock(&RECORDING).remove(&path);
            cannot(error)
        })?;
        let mut writer = Self { path: path.clone(), incomplete, file };
        let line = serde_json::to_string(header).expect("the header can be written");
        writer.write(&format!("{{\"cassette\":{line}}}")).map_err(cannot)?;
        Ok(writer)
    }

    pub(super) fn write(&mut self, line: &str) -> std::io::Result<()> {
        debug_assert!(!line.contains('\n'), "a line has no line break");
        // In one call, so that a crash leaves whole lines.
        self.file.write_all(format!("{line}\n").as_bytes())
    }

    /// Removes the file of a recording without requests.
    pub(super) fn discard(self) -> std::io::Result<()> {
        fs::remove_file(&self.incomplete)
    }

    /// Writes the last line and replaces the cassette.
    pub(super) fn finish(mut self, requests: usize) -> std::io::Result<()> {
        let line = serde_json::to_string(&Line::End(EndLine { requests })).expect("a number can be written");
        self.write(&line)?;
        self.file.sync_all()?;
        fs::rename(&self.incomplete, &self.path)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        lock(&RECORDING).remove(&self.path);
    }
}

/// Returns the header of a recording that begins now.
pub(super) fn header(directories: Vec<String>) -> Header {
    let now = crate::events::Timestamp::now().to_string();
    let recorded = now.split('T').next().unwrap_or_default().to_owned();
    Header { format: FORMAT, recorded, library: env!("CARGO_PKG_VERSION").to_owned(), directories }
}
