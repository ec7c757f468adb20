//! The one way to decode JSON of the CLI into a type of this crate.
//!
//! Invariant: `null` means absent, in every member of every type, without an attribute on the member. A payload is read
//! once. The error names the member that is wrong.
//!
//! Three kinds of payload differ in how much may be missing from them:
//!
//! - A [`question`] decides what the agent may do, so a member of a wrong type is an error.
//! - An [`answer`] is an error as well then, but `null` entries of its lists are left out, as they are of
//!   an event. Those of maps are left out of all three.
//! - An [`event`] reports. A member that has an absent form (an option, a list, a map, a flag, a number) and is of a
//!   wrong type is left out; a text that must be there is an error, so that no empty answer stands in for it.
//!
//! Types derive [`Decode`], which reads the attributes of serde. They do not use serde's own derive, because its code for
//! a type is some ten times as long, and it cannot leave out a member of a wrong type.

mod fault;
mod reader;
mod values;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use copilot_macros::Decode;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;

pub(crate) use self::fault::{Fault, present};
pub(crate) use self::reader::Reader;
pub(crate) use self::values::sample;
use super::scan::{Scan, Scanner};

/// The result of reading one value.
pub(crate) type Result<T> = std::result::Result<T, Fault>;

/// A type that is read from JSON of the CLI.
pub(crate) trait Decode<'de>: Sized {
    /// Whether a value of another type can be left out of a message that reports. A text cannot.
    const HAS_ABSENT_FORM: bool = true;
    /// Whether `null` is a value of the type, as an entry of a list or map.
    const READS_NULL: bool = false;

    /// Reads the value that is next.
    fn decode(reader: &mut Reader<'de>) -> Result<Self>;

    /// Reads a value that may be absent because it is of another form.
    fn decode_option(reader: &mut Reader<'de>) -> Result<Option<Self>> {
        Self::decode(reader).map(Some)
    }

    /// Returns what a member is that was not sent; `None` where it must be sent.
    fn absent() -> Option<Self> {
        None
    }

    /// Returns a value of the type with all its members, and adds the names of the types in it.
    #[cfg(test)]
    fn sample(seen: &mut std::collections::BTreeSet<String>) -> Value;
}

/// A type that has a default value, into which its members are read.
pub(crate) trait Members<'de> {
    /// Reads the value of a member. Returns the number of the member, or [`Reader::OTHER`] for one that may come again;
    /// `None` where the type has no such member, and the value is still to be read.
    fn member(&mut self, name: &str, reader: &mut Reader<'de>) -> Result<Option<u32>>;
}

/// A type that borrows nothing from the text.
pub(crate) trait DecodeOwned: for<'de> Decode<'de> {}

impl<T: for<'de> Decode<'de>> DecodeOwned for T {}

/// How much may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Question,
    Answer,
    Event,
}

/// Decodes a request of the CLI, or an event that asks.
pub(crate) fn question<'de, T: Decode<'de>>(text: &'de str) -> serde_json::Result<T> {
    read(text, Mode::Question)
}

/// Decodes a question of a type that can be read in the [usual form](super::scan).
pub(crate) fn usual_question<'de, T: Scan<'de> + Decode<'de>>(text: &'de str) -> serde_json::Result<T> {
    let mut value = T::default();
    if Scanner::read(text, &mut value).is_some() { Ok(value) } else { question(text) }
}

/// Decodes the result of a call.
pub(crate) fn answer<'de, T: Decode<'de>>(text: &'de str) -> serde_json::Result<T> {
    read(text, Mode::Answer)
}

/// Decodes a message that reports.
pub(crate) fn event<'de, T: Decode<'de>>(text: &'de str) -> serde_json::Result<T> {
    read(text, Mode::Event)
}

/// Decodes the items of a list that reports, without the list itself.
pub(crate) fn each<'de, T: Decode<'de>>(text: &'de str, mut item: impl FnMut(T)) -> serde_json::Result<()> {
    let mut reader = Reader::new(text, Mode::Event)?;
    let read = reader.list(T::READS_NULL, &mut |reader| {
        item(T::decode(reader)?);
        Ok(())
    });
    reader.end(read)
}

fn read<'de, T: Decode<'de>>(text: &'de str, mode: Mode) -> serde_json::Result<T> {
    let mut reader = Reader::new(text, mode)?;
    let value = T::decode(&mut reader);
    reader.end(value)
}

/// Deserializes a type of the protocol for code that knows it by serde: a program that keeps it in a file, say.
pub(crate) fn from_serde<'de, T: DecodeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<T, D::Error> {
    let value: Value = serde::Deserialize::deserialize(deserializer)?;
    answer(&value.to_string()).map_err(D::Error::custom)
}
