//! Encodes values of this crate as JSON: with serde, into one kind of buffer, so that a type is compiled for one writer.

use std::io;

use serde::Serialize;
use serde::ser::Error as _;
use serde_json::value::RawValue;

use super::raw::raw_value;

/// A value that serde writes. As a trait object, so that the code which sends messages is compiled once and not for each
/// type of a value.
pub(crate) trait Encode: Sync {
    /// Appends the value as JSON.
    fn encode(&self, body: &mut Vec<u8>) -> serde_json::Result<()>;
}

impl<V: Serialize + Sync> Encode for V {
    fn encode(&self, body: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(Tail(body), self)
    }
}

/// Encodes a value, as text that is not encoded again.
pub(crate) fn raw(value: &dyn Encode) -> serde_json::Result<Box<RawValue>> {
    let text = text(value)?;
    match raw_value(&text) {
        Some(raw) => Ok(raw.to_owned()),
        None => RawValue::from_string(text),
    }
}

/// Encodes a value.
pub(crate) fn text(value: &dyn Encode) -> serde_json::Result<String> {
    let mut body = Vec::new();
    value.encode(&mut body)?;
    String::from_utf8(body).map_err(serde_json::Error::custom)
}

/// Appends to a buffer. When a large text makes it grow, room is reserved for the end of the message too: otherwise the
/// last bracket would double the buffer.
struct Tail<'a>(&'a mut Vec<u8>);

impl io::Write for Tail<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.0.capacity() - self.0.len() < bytes.len() {
            self.0.reserve(bytes.len() + 1024);
        }
        match bytes {
            // Most writes of `serde_json` are one quotation mark, comma or colon.
            [byte] => self.0.push(*byte),
            _ => self.0.extend_from_slice(bytes),
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
