//! One event: a cheap handle that all subscribers share.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::decoded::Decoded;
use super::{EventHead, EventKind, EventName};
use crate::error::{Error, Result};
use crate::protocol::decode::{self, Decode, Reader};
use crate::protocol::timestamp::Timestamp;

/// One event of a session; clones share it.
///
/// # Examples
///
/// ```
/// use copilot::{Event, EventKind};
///
/// fn show(event: &Event) {
///     match event.kind() {
///         EventKind::AssistantMessageDelta(delta) => print!("{}", delta.delta_content),
///         EventKind::ToolExecutionStart(call) => println!("[{}]", call.tool_name),
///         _ => {}
///     }
/// }
/// ```
///
/// Wire: `session.event`, from the CLI.
#[derive(Clone)]
pub struct Event(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) name: EventName,
    /// Name, id, timestamp, parent, agent and data, one after the other: one allocation for all of them. The name is
    /// here only where it is not an [`EventName`].
    pub(super) text: Box<str>,
    /// Where each of the first five ends.
    pub(super) ends: [u32; 5],
    pub(super) ephemeral: bool,
    /// The data where it is large: it stays where it arrived, and `text` does not have it.
    pub(super) large: Option<Box<Large>>,
    pub(super) kind: OnceLock<Decoded>,
}

/// A part of a text that is kept as a whole.
pub(super) struct Large {
    whole: Arc<String>,
    part: Range<usize>,
}

impl Event {
    pub(crate) fn new(head: &EventHead<'_>) -> Self {
        let data = head.data.map_or("null", RawValue::get);
        let large = head.whole.and_then(|whole| Large::find(whole, data)).map(Box::new);
        let parts = [
            if head.tag.name == EventName::Other { &*head.tag.text } else { "" },
            &*head.id,
            head.timestamp.unwrap_or_default(),
            &*head.parent,
            &*head.agent,
            if large.is_none() { data } else { "" },
        ];
        let mut text = String::with_capacity(parts.iter().map(|part| part.len()).sum());
        let mut ends = [0; 5];
        for (at, part) in parts.iter().enumerate() {
            text.push_str(part);
            if let Some(end) = ends.get_mut(at) {
                *end = u32::try_from(text.len()).expect("a frame is shorter than 4 GiB");
            }
        }
        let (name, text, ephemeral) = (head.tag.name, text.into_boxed_str(), head.ephemeral);
        Self(Arc::new(Inner { name, text, ends, ephemeral, large, kind: OnceLock::new() }))
    }

    /// An event that the library made.
    pub(super) fn local(name: EventName, kind: EventKind) -> Self {
        // First, so that what follows has nothing else to drop if it panics.
        let kind = Decoded::local(kind);
        Self(Arc::new(Inner {
            name,
            text: "null".into(),
            ends: [0; 5],
            ephemeral: true,
            large: None,
            kind: OnceLock::from(kind),
        }))
    }

    /// Returns the type's name on the wire, such as `assistant.message`.
    pub fn name(&self) -> &str {
        match self.0.name {
            EventName::Other => &self.0.text[..self.0.ends[0] as usize],
            name => name.as_str(),
        }
    }

    /// Returns the type's name, decoded.
    pub(crate) fn event_name(&self) -> EventName {
        self.0.name
    }

    /// Returns the event's id; empty for a local event.
    pub fn id(&self) -> &str {
        self.part(1)
    }

    /// Returns when it happened; `None` for a local event, and where the CLI sent no time that can be read.
    pub fn timestamp(&self) -> Option<Timestamp> {
        decode::event(self.part(2)).ok().flatten()
    }

    /// Returns the id of the persisted event before this one; `None` for the first one and for local events.
    pub fn parent_id(&self) -> Option<&str> {
        Some(self.part(3)).filter(|part| !part.is_empty())
    }

    /// Returns the sub-agent that the event belongs to; `None` for the session's own agent.
    pub fn agent_id(&self) -> Option<&str> {
        Some(self.part(4)).filter(|part| !part.is_empty())
    }

    /// Returns whether the event is left out of the session's history.
    pub fn is_ephemeral(&self) -> bool {
        self.0.ephemeral
    }

    /// Returns the payload as JSON text, exactly as it was received.
    pub fn raw_data(&self) -> &str {
        match &self.0.large {
            Some(large) => &large.whole[large.part.clone()],
            None => &self.0.text[self.0.ends[4] as usize..],
        }
    }

    /// Decodes the payload into a type of the program.
    ///
    /// # Errors
    ///
    /// When the payload does not have that shape.
    pub fn data<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        serde_json::from_str(self.raw_data()).map_err(|source| {
            Error::decode(format!("{}: the payload has another shape", self.name()), source)
        })
    }

    fn part(&self, at: usize) -> &str {
        &self.0.text[self.0.ends[at - 1] as usize..self.0.ends[at] as usize]
    }

    /// Returns the size of the event in a queue, in bytes.
    pub(super) fn size(&self) -> usize {
        let large = self.0.large.as_ref().map_or(0, |large| large.whole.len());
        self.0.text.len() + large + size_of::<Inner>() + size_of::<Self>()
    }
}

impl Large {
    /// Where `part` stands in `whole`, if it is a part of it and not a copy.
    fn find(whole: &Arc<String>, part: &str) -> Option<Self> {
        let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
        let range = start..start + part.len();
        let same = whole.get(range.clone()).is_some_and(|found| std::ptr::eq(found, part));
        same.then(|| Self { whole: Arc::clone(whole), part: range })
    }
}

/// Events whose payload repeats the URL of an MCP server and what the server answered, which may hold secrets.
const WITH_SECRETS: [EventName; 2] = [EventName::McpOauthRequired, EventName::McpHeadersRequired];

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = if WITH_SECRETS.contains(&self.0.name) { "<redacted>" } else { self.raw_data() };
        f.debug_struct("Event")
            .field("name", &self.name())
            .field("id", &self.id())
            .field("agent_id", &self.agent_id())
            .field("data", &data)
            .finish_non_exhaustive()
    }
}

/// Writes the event as it is on the wire, with the time and the payload as the CLI sent them.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Payloads come out of JSON and are kept as they are, so they are JSON.
        let data: &RawValue = serde_json::from_str(self.raw_data()).map_err(serde::ser::Error::custom)?;
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("type", self.name())?;
        members.serialize_entry("id", self.id())?;
        if let timestamp @ [_, ..] = self.part(2).as_bytes() {
            let timestamp: &RawValue =
                serde_json::from_slice(timestamp).map_err(serde::ser::Error::custom)?;
            members.serialize_entry("timestamp", timestamp)?;
        }
        members.serialize_entry("parentId", &self.parent_id())?;
        if let Some(agent) = self.agent_id() {
            members.serialize_entry("agentId", agent)?;
        }
        if self.is_ephemeral() {
            members.serialize_entry("ephemeral", &true)?;
        }
        members.serialize_entry("data", data)?;
        members.end()
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As text, so that the payload stays exactly as it was received.
        let text: Box<RawValue> = Deserialize::deserialize(deserializer)?;
        decode::answer(text.get()).map_err(serde::de::Error::custom)
    }
}

impl<'de> Decode<'de> for Event {
    fn decode(reader: &mut Reader<'de>) -> decode::Result<Self> {
        // Histories arrive as a whole, so here the text is borrowed from the answer.
        EventHead::decode(reader).map(|head| Self::new(&head))
    }

    decode::sample!({"type": "x"});
}
