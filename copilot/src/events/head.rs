//! The envelope of an event, as it arrives.
//!
//! A member of the envelope never fails the event, nor the page of the history that it is on.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::EventName;
use crate::protocol::decode::{self, Decode, Reader};
use crate::protocol::scan::{Scan, Scanner};

/// One event as it arrives, its payload untouched. A member that is absent is empty.
#[derive(Debug, Default, Decode)]
pub(crate) struct EventHead<'a> {
    #[serde(rename = "type")]
    pub(crate) tag: Tag<'a>,
    #[serde(default)]
    #[decode(with = text)]
    pub(crate) id: Cow<'a, str>,
    /// The JSON text of the time.
    #[serde(default)]
    #[decode(with = json)]
    pub(crate) timestamp: Option<&'a str>,
    #[serde(rename = "parentId", default)]
    #[decode(with = text)]
    pub(crate) parent: Cow<'a, str>,
    #[serde(rename = "agentId", default)]
    #[decode(with = agent)]
    pub(crate) agent: Cow<'a, str>,
    #[serde(default)]
    #[decode(with = flag)]
    pub(crate) ephemeral: bool,
    #[serde(default)]
    pub(crate) data: Option<&'a RawValue>,
    /// The text that `data` is a part of, where it is so large that it is better kept than copied.
    #[serde(skip)]
    pub(crate) whole: Option<&'a Arc<String>>,
}

impl<'a> Scan<'a> for EventHead<'a> {
    const REQUIRED: u32 = 0;

    #[inline]
    fn member(&mut self, name: &'a str, scanner: &mut Scanner<'a>) -> Option<u32> {
        let text = |scanner: &mut Scanner<'a>| if scanner.null() { Some("") } else { scanner.text() };
        Some(match name {
            "type" => {
                self.tag = scanner.text()?.into();
                Self::REQUIRED
            }
            "id" => {
                self.id = text(scanner)?.into();
                1
            }
            "timestamp" => {
                self.timestamp = Some(scanner.quoted()?);
                2
            }
            "parentId" => {
                self.parent = text(scanner)?.into();
                3
            }
            "agentId" => {
                self.agent = text(scanner)?.into();
                4
            }
            "ephemeral" => {
                self.ephemeral = scanner.flag()?;
                5
            }
            "data" => {
                self.data = scanner.value()?;
                6
            }
            _ => scanner.other()?,
        })
    }
}

impl EventHead<'_> {
    pub(crate) fn name(&self) -> EventName {
        self.tag.name
    }

    /// The sub-agent that the event belongs to; `None` for the session's own agent.
    pub(crate) fn agent(&self) -> Option<&str> {
        Some(&*self.agent).filter(|agent| !agent.is_empty())
    }

    /// The payload as JSON text.
    pub(crate) fn data(&self) -> &RawValue {
        self.data.unwrap_or(RawValue::NULL)
    }
}

/// The type of an event, decoded, with its text for a type that is not an [`EventName`].
#[derive(Clone, Debug)]
pub(crate) struct Tag<'a> {
    pub(crate) name: EventName,
    pub(crate) text: Cow<'a, str>,
}

impl Tag<'_> {
    /// Returns the name of the type on the wire.
    pub(super) fn to_name(&self) -> Cow<'static, str> {
        match self.name {
            EventName::Other => Cow::Owned(self.text.clone().into_owned()),
            name => Cow::Borrowed(name.as_str()),
        }
    }
}

impl Default for Tag<'_> {
    fn default() -> Self {
        Self { name: EventName::Other, text: Cow::Borrowed("") }
    }
}

impl<'a, T: Into<Cow<'a, str>>> From<T> for Tag<'a> {
    fn from(text: T) -> Self {
        let text = text.into();
        Self { name: EventName::read(&text), text }
    }
}

impl<'de> Decode<'de> for Tag<'de> {
    fn decode(reader: &mut Reader<'de>) -> decode::Result<Self> {
        reader.raw().map(|value| Self::from(as_text(value)))
    }

    decode::sample!("x");
}

/// Returns the JSON text of a value.
fn json<'de>(reader: &mut Reader<'de>) -> decode::Result<Option<&'de str>> {
    reader.raw().map(|value| Some(value.get()))
}

/// Reads a text; a value of another type counts as absent.
fn text<'de>(reader: &mut Reader<'de>) -> decode::Result<Cow<'de, str>> {
    let value = Some(reader.raw()?).filter(|value| value.get().starts_with('"'));
    Ok(value.map(as_text).unwrap_or_default())
}

/// Reads the id of an agent. It is never absent because of its type: the event would be one of the session's own agent.
fn agent<'de>(reader: &mut Reader<'de>) -> decode::Result<Cow<'de, str>> {
    reader.raw().map(as_text)
}

/// Returns the text that a value is; its JSON where it is not a text.
fn as_text(value: &RawValue) -> Cow<'_, str> {
    let json = value.get();
    match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(text) if !text.contains('\\') => Cow::Borrowed(text),
        Some(_) => serde_json::from_str(json).map_or(Cow::Borrowed(json), Cow::Owned),
        None => Cow::Borrowed(json),
    }
}

/// Reads a flag; any value but `true` is `false`.
fn flag(reader: &mut Reader<'_>) -> decode::Result<bool> {
    reader.raw().map(|value| value.get() == "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_member_of_the_envelope_fails_the_event() {
        let read = |json| decode::event::<EventHead<'_>>(json).unwrap();
        let json = r#"{"type":"session.\u0069dle","id":"a\"b","timestamp":7,"parentId":[1],"agentId":{"a":1},
            "ephemeral":"x","data":5}"#;
        let head = read(json);
        assert_eq!((head.name(), &*head.id, &*head.parent), (EventName::SessionIdle, "a\"b", ""));
        assert_eq!((head.agent(), head.ephemeral), (Some(r#"{"a":1}"#), false));
        assert_eq!(head.timestamp, Some("7"));
        let head =
            read(r#"{"type":"x","id":null,"timestamp":null,"parentId":null,"agentId":null,"data":null}"#);
        assert_eq!(
            (head.name(), &*head.tag.text, &*head.id, head.agent()),
            (EventName::Other, "x", "", None)
        );
        assert!(head.timestamp.is_none() && head.parent.is_empty());
        // Without a type there is nothing that a subscriber could know.
        for json in ["{}", r#"{"type":null}"#] {
            assert!(decode::event::<EventHead<'_>>(json).is_err(), "{json}");
        }
    }
}
