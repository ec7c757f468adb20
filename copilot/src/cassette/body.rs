//! Responses and their bodies in a readable form: the events of a stream as JSON, and their text without secrets. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::scrub::{Scrubber, distribute};
use crate::protocol::base64;

/// The response to a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredResponse {
    pub(super) request: usize,
    pub(super) status: u16,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
    /// Why the body has no end; absent for a complete one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ending: Option<Ending>,
    #[serde(flatten)]
    pub(super) body: StoredBody,
}

/// Why a body has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Ending {
    /// The connection to the model broke.
    Broken,
    /// The CLI cancelled the request.
    Cancelled,
}

/// The body of a response in a cassette.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredBody {
    /// The data of Server-Sent Events, without event names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) events: Option<Vec<Value>>,
    /// The data of Server-Sent Events whose names are their member `type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) typed_events: Option<Vec<Value>>,
    /// The delay before each event in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after_ms: Option<Vec<u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) json: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) base64: Option<String>,
}

/// A piece of a body, with the time of its arrival since the request.
pub(super) type TimedPiece = (Duration, Vec<u8>);

/// The member that has the name of an event whose data has another type.
const EVENT_NAME: &str = "sse";

impl StoredBody {
    /// Reads the pieces of a body. An unfinished event at the end is retained only if the body is complete.
    pub(super) fn read(pieces: &[TimedPiece], content_type: &str, timing: bool, complete: bool) -> Self {
        let bytes = pieces.iter().map(|(_, piece)| piece.as_slice()).collect::<Vec<_>>().concat();
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return Self { base64: Some(base64::encode(&bytes)), ..Self::default() };
        };
        if content_type.starts_with("text/event-stream") {
            return Self::stream(text, pieces, timing, complete);
        }
        match serde_json::from_str(text) {
            Ok(json) => Self { json: Some(json), ..Self::default() },
            Err(_) if text.is_empty() => Self::default(),
            Err(_) => Self { text: Some(text.to_owned()), ..Self::default() },
        }
    }

    fn stream(text: &str, pieces: &[TimedPiece], timing: bool, complete: bool) -> Self {
        let events = parse_events(text, complete);
        let after_ms = timing.then(|| {
            let mut ends = Vec::with_capacity(pieces.len());
            let mut length = 0;
            for (at, piece) in pieces {
                length += piece.len();
                ends.push((length, *at));
            }
            let arrival = |end: usize| {
                ends.iter().find(|(length, _)| *length >= end).map_or(Duration::ZERO, |(_, at)| *at)
            };
            let mut before = Duration::ZERO;
            let delay = |event: &Event| {
                let at = arrival(event.end);
                let delay = at.saturating_sub(before);
                before = at;
                u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)
            };
            events.iter().map(delay).collect()
        });
        let typed = !events.is_empty()
            && events
                .iter()
                .all(|event| event.name.is_some() && event.data["type"].as_str() == event.name.as_deref());
        let values = events.into_iter().map(|event| match event.name {
            Some(name) if !typed => json!({EVENT_NAME: name, "data": event.data}),
            _ => event.data,
        });
        let values = values.collect();
        if typed {
            Self { typed_events: Some(values), after_ms, ..Self::default() }
        } else {
            Self { events: Some(values), after_ms, ..Self::default() }
        }
    }

    /// Removes secrets and personal paths, also those that are distributed over several events.
    pub(super) fn scrub(&mut self, scrubber: &Scrubber) {
        for events in [&mut self.events, &mut self.typed_events].into_iter().flatten() {
            scrub_events(events, scrubber);
        }
        if let Some(json) = &mut self.json {
            scrubber.value(json);
        }
        if let Some(text) = &mut self.text {
            *text = scrubber.text(text);
        }
        // Bytes that are not text: credentials cannot be removed from them without a change of their length.
        if let Some(bytes) = &mut self.base64
            && scrubber.text(bytes) != *bytes
        {
            bytes.clear();
        }
    }

    /// Replaces the placeholders of directories with the directories of this machine.
    pub(super) fn expand(&mut self, scrubber: &Scrubber) {
        for value in [&mut self.events, &mut self.typed_events].into_iter().flatten().flatten() {
            scrubber.expand(value);
        }
        if let Some(json) = &mut self.json {
            scrubber.expand(json);
        }
        if let Some(text) = &mut self.text {
            *text = scrubber.expanded(text);
        }
    }

    /// Returns whether the body has the last event of its protocol, or is a whole JSON object.
    pub(super) fn has_final_event(&self) -> bool {
        const FINAL: &[&str] =
            &["message_stop", "response.completed", "response.failed", "response.incomplete"];
        let is_final = |event: &Value| {
            event == "[DONE]" || event["type"].as_str().is_some_and(|kind| FINAL.contains(&kind))
        };
        self.json.is_some() || self.event_data().last().is_some_and(is_final)
    }

    /// Returns the data of all events.
    pub(super) fn event_data(&self) -> impl Iterator<Item = &Value> {
        self.events.iter().chain(&self.typed_events).flatten().map(unwrapped)
    }

    /// Returns the bytes of the body in pieces, each with the delay before it.
    pub(super) fn pieces(&self) -> Vec<TimedPiece> {
        if let Some(events) = self.events.as_ref().or(self.typed_events.as_ref()) {
            let typed = self.typed_events.is_some();
            let delay = |at: usize| {
                let delays = self.after_ms.as_deref().unwrap_or_default();
                Duration::from_millis(delays.get(at).copied().unwrap_or_default())
            };
            let events = events.iter().enumerate();
            return events.map(|(at, event)| (delay(at), written(event, typed).into_bytes())).collect();
        }
        let bytes = if let Some(json) = &self.json {
            json.to_string().into_bytes()
        } else if let Some(text) = &self.text {
            text.clone().into_bytes()
        } else {
            self.base64.as_deref().and_then(base64::decode).unwrap_or_default()
        };
        vec![(Duration::ZERO, bytes)]
    }
}

/// A Server-Sent Event.
struct Event {
    name: Option<String>,
    data: Value,
    /// The number of bytes of the body up to its end.
    end: usize,
}

fn parse_events(text: &str, complete: bool) -> Vec<Event> {
    let mut events = Vec::new();
    let (mut name, mut data, mut at) = (None, None::<String>, 0);
    for line in text.split_inclusive('\n') {
        at += line.len();
        let ended = line.ends_with('\n');
        let line = line.trim_end_matches(['\n', '\r']);
        if line.is_empty() && ended {
            flush(&mut events, &mut name, &mut data, at);
        } else if ended || complete {
            match line.split_once(':').unwrap_or((line, "")) {
                ("event", value) => name = Some(value.trim_start().to_owned()),
                ("data", value) => {
                    let value = value.strip_prefix(' ').unwrap_or(value);
                    match &mut data {
                        Some(data) => {
                            data.push('\n');
                            data.push_str(value);
                        }
                        None => data = Some(value.to_owned()),
                    }
                }
                // Comments, ids and retry intervals: clients of models ignore them.
                _ => {}
            }
        }
    }
    if complete {
        flush(&mut events, &mut name, &mut data, at);
    }
    events
}

fn flush(events: &mut Vec<Event>, name: &mut Option<String>, data: &mut Option<String>, end: usize) {
    let name = name.take();
    if let Some(data) = data.take() {
        let data = match serde_json::from_str::<Value>(&data) {
            Ok(json @ (Value::Object(_) | Value::Array(_))) => json,
            _ => Value::String(data),
        };
        events.push(Event { name, data, end });
    }
}

/// Returns the data of an event that may be stored with its name.
fn unwrapped(event: &Value) -> &Value {
    match event {
        Value::Object(members) if members.len() == 2 && members.contains_key(EVENT_NAME) => &members["data"],
        _ => event,
    }
}

fn written(event: &Value, typed: bool) -> String {
    let wrapped = event.as_object().filter(|members| members.len() == 2);
    let wrapped =
        wrapped.and_then(|members| Some((members.get(EVENT_NAME)?.as_str()?, members.get("data")?)));
    let (name, data) = match wrapped {
        Some((name, data)) => (Some(name), data),
        None => (event["type"].as_str().filter(|_| typed), event),
    };
    let mut text = name.map_or_else(String::new, |name| format!("event: {name}\n"));
    let data = data.as_str().map_or_else(|| data.to_string(), str::to_owned);
    for line in data.split('\n') {
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    text
}

/// The place of a string in events: the names on the way to it, and the indexes that distinguish parallel texts.
type Place = Vec<String>;

/// Scrubs events. The strings at the same place of all events are pieces of one text, and scrubbed together as well as
/// one by one.
fn scrub_events(events: &mut [Value], scrubber: &Scrubber) {
    let mut texts: BTreeMap<Place, Vec<(usize, String)>> = BTreeMap::new();
    for (number, event) in events.iter().enumerate() {
        let mut place = indexes(event);
        collect(event, &mut place, &mut |place, text| {
            texts.entry(place.clone()).or_default().push((number, text.to_owned()));
        });
    }
    let mut changes: BTreeMap<(usize, Place), String> = BTreeMap::new();
    for (place, pieces) in texts {
        let parts: Vec<&str> = pieces.iter().map(|(_, text)| text.as_str()).collect();
        // An id or a name that every event repeats.
        if parts.windows(2).all(|pair| pair[0] == pair[1]) {
            continue;
        }
        let joined = parts.concat();
        let scrubbed = scrubber.text(&joined);
        if scrubbed == joined {
            continue;
        }
        let new = distribute(&parts, &scrubbed);
        let changed = pieces.iter().zip(new).filter(|((_, old), new)| old != new);
        changes.extend(changed.map(|((number, _), new)| ((*number, place.clone()), new)));
    }
    for (number, event) in events.iter_mut().enumerate() {
        let mut place = indexes(event);
        replace(event, &mut place, &mut |place, text| {
            if let Some(new) = changes.remove(&(number, place.clone())) {
                *text = new;
            }
        });
        scrubber.value(event);
    }
}

/// Returns the members that distinguish the texts that an event may be a part of.
fn indexes(event: &Value) -> Place {
    ["output_index", "content_index", "summary_index", "index", "item_id"]
        .iter()
        .filter(|name| !event[**name].is_null())
        .map(|name| format!("{name}={}", event[*name]))
        .collect()
}

/// The name of an item of an array: its member `index`, as streams have it, or its position.
fn item_name(item: &Value, position: usize) -> String {
    item["index"].as_u64().unwrap_or(position as u64).to_string()
}

fn collect(value: &Value, place: &mut Place, found: &mut impl FnMut(&Place, &str)) {
    match value {
        Value::String(text) => found(place, text),
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                place.push(item_name(item, position));
                collect(item, place, found);
                place.pop();
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                place.push(name.clone());
                collect(member, place, found);
                place.pop();
            }
        }
        _ => {}
    }
}

fn replace(value: &mut Value, place: &mut Place, change: &mut impl FnMut(&Place, &mut String)) {
    match value {
        Value::String(text) => change(place, text),
        Value::Array(items) => {
            for (position, item) in items.iter_mut().enumerate() {
                place.push(item_name(item, position));
                replace(item, place, change);
                place.pop();
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                place.push(name.clone());
                replace(member, place, change);
                place.pop();
            }
        }
        _ => {}
    }
}
