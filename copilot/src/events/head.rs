//! The envelope of an event, as it arrives.
//!
//! A member of the envelope never fails the event, nor the page of the history that it is on.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::value::RawValue;

use super::EventName;
use crate::protocol::scan::{Scan, Scanner};

/// One event as it arrives, its payload untouched. A member that is absent is empty.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct EventHead<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) tag: Tag<'a>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(crate) id: Cow<'a, str>,
    /// The JSON text of the time.
    #[serde(borrow, default, deserialize_with = "json")]
    pub(crate) timestamp: Option<&'a str>,
    #[serde(rename = "parentId", borrow, default, deserialize_with = "text")]
    pub(crate) parent: Cow<'a, str>,
    #[serde(rename = "agentId", borrow, default, deserialize_with = "agent")]
    pub(crate) agent: Cow<'a, str>,
    #[serde(default, deserialize_with = "flag")]
    pub(crate) ephemeral: bool,
    #[serde(borrow, default)]
    pub(crate) data: Option<&'a RawValue>,
    /// The text that `data` is a part of, where it is so large that it is better kept than copied.
    #[serde(skip)]
    pub(crate) whole: Option<&'a Arc<String>>,
}

impl<'a> Scan<'a> for EventHead<'a> {
    const REQUIRED: u32 = 0;

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

impl<'de: 'a, 'a> Deserialize<'de> for Tag<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::<&'de RawValue>::deserialize(deserializer)?;
        value.map(|value| Self::from(as_text(value))).ok_or_else(|| D::Error::missing_field("type"))
    }
}

/// Returns the JSON text of a value.
fn json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de str>, D::Error> {
    Ok(Option::<&'de RawValue>::deserialize(deserializer)?.map(RawValue::get))
}

/// Reads a text; a value of another type counts as absent.
fn text<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, str>, D::Error> {
    let value = Option::<&'de RawValue>::deserialize(deserializer)?;
    Ok(value.filter(|value| value.get().starts_with('"')).map(as_text).unwrap_or_default())
}

/// Reads the id of an agent. It is never absent because of its type: the event would be one of the session's own agent.
fn agent<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, str>, D::Error> {
    let value = Option::<&'de RawValue>::deserialize(deserializer)?;
    Ok(value.map(as_text).unwrap_or_default())
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
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let value = Option::<&'de RawValue>::deserialize(deserializer)?;
    Ok(value.is_some_and(|value| value.get() == "true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_member_of_the_envelope_fails_the_event() {
        let read = |json| serde_json::from_str::<EventHead<'_>>(json).unwrap();
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
            assert!(serde_json::from_str::<EventHead<'_>>(json).is_err(), "{json}");
        }
    }
}
