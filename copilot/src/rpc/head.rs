//! The beginning of a message that cannot be decoded as a whole, with the members that say which request it concerns. Pure.
//!
//! The text may end anywhere, and need not be JSON. Members count as far as they are complete, in any order.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::transport::framing::HEAD;

/// The members that say what a message is and which request it concerns.
#[derive(Debug, Default)]
pub(crate) struct Head<'a> {
    pub(super) id: Option<&'a RawValue>,
    pub(super) method: Option<String>,
    /// Whether there are parameters, so that it is a request or a notification.
    pub(super) asks: bool,
    /// The session id in the parameters.
    pub(crate) session: Option<String>,
    /// The type of the event in the parameters.
    pub(crate) event: Option<String>,
    /// The request id of an event that demands an answer.
    pub(crate) request: Option<String>,
    /// The tool name of such an event.
    pub(crate) tool: Option<String>,
}

/// The object of the message that a member belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Envelope,
    Params,
    Event,
    Data,
}

impl<'a> Head<'a> {
    /// Reads the beginning of a body. Returns `None` if it does not begin as a message does.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let bytes = &body[..body.len().min(HEAD)];
        let mut head = Self::default();
        let mut text = Text { bytes, at: 0 };
        if text.peek() != Some(b'{') {
            return None;
        }
        // Stops at the end of the text, or where it is not JSON any more.
        let _ = text.members(Place::Envelope, &mut head);
        Some(head)
    }

    fn take(&mut self, place: Place, name: &[u8], value: &'a [u8]) {
        match (place, name) {
            (Place::Envelope, b"id") => {
                // An object or array is not an id, and null is the absence of one.
                let id = serde_json::from_slice::<&RawValue>(value).ok();
                self.id = id.filter(|id| !id.get().starts_with(['{', '[']) && id.get() != "null");
            }
            (Place::Envelope, b"method") => self.method = read(value),
            (Place::Params, b"sessionId") => self.session = read(value),
            (Place::Event, b"type") => self.event = read(value),
            (Place::Data, b"requestId") => self.request = read(value),
            (Place::Data, b"toolName") => self.tool = read(value),
            _ => {}
        }
    }
}

fn read<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    serde_json::from_slice(value).ok()
}

struct Text<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Text<'a> {
    /// Returns the next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at)?.is_ascii_whitespace() {
            self.at += 1;
        }
        Some(self.bytes[self.at])
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Reads the members of an object. Returns `None` if the text ends before the object.
    fn members(&mut self, place: Place, head: &mut Head<'a>) -> Option<()> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            if self.peek()? != b'"' {
                return None;
            }
            let name = self.value()?;
            let name = &name[1..name.len() - 1];
            self.expect(b':')?;
            let inner = match (place, name) {
                (Place::Envelope, b"params") => {
                    head.asks = true;
                    Some(Place::Params)
                }
                (Place::Params, b"event") => Some(Place::Event),
                (Place::Event, b"data") => Some(Place::Data),
                _ => None,
            };
            match inner.filter(|_| self.peek() == Some(b'{')) {
                Some(inner) => self.members(inner, head)?,
                None => {
                    let value = self.value()?;
                    head.take(place, name, value);
                }
            }
            if self.peek()? == b'}' {
                self.at += 1;
                return Some(());
            }
            self.expect(b',')?;
        }
    }

    /// Returns the next value, if the text has all of it.
    fn value(&mut self) -> Option<&'a [u8]> {
        let first = self.peek()?;
        let (start, mut depth) = (self.at, 0_usize);
        if !matches!(first, b'"' | b'{' | b'[') {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
            self.at += self.bytes[start..].iter().position(ends)?;
            return Some(&self.bytes[start..self.at]);
        }
        loop {
            match self.bytes.get(self.at)? {
                b'"' => self.string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
            if depth == 0 {
                return Some(&self.bytes[start..self.at]);
            }
        }
    }

    /// Skips the string that begins here.
    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            self.at += memchr::memchr2(b'"', b'\\', self.bytes.get(self.at..)?)?;
            if self.bytes[self.at] == b'"' {
                self.at += 1;
                return Some(());
            }
            self.at += 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Option<String> {
        Head::read(text.as_bytes()).and_then(|head| head.id.map(|id| id.get().to_owned()))
    }

    #[test]
    fn the_id_is_found_in_any_order_of_the_members() {
        for text in [
            r#"{"jsonrpc":"2.0","id":17,"result":{"events":[{"a""#,
            r#"{"id":17,"result":""#,
            r#"{ "result" : {"id":1,"a":"}\"{"} , "id" : 17 , "x"#,
            r#"{"id":17,"#,
            r#"{"id":17}"#,
            r#"{"params":{"sessionId":"s","event":{"data":{}}},"id":17,"x"#,
            r#"{"params":{ },"id":17,"x"#,
        ] {
            assert_eq!(id(text).as_deref(), Some("17"), "{text}");
        }
        assert_eq!(id(r#"{"id":"a\"b","method""#).as_deref(), Some(r#""a\"b""#));
    }

    #[test]
    fn an_id_that_is_cut_off_or_not_of_the_message_does_not_count() {
        for text in [
            r#"{"id":17"#,
            r#"{"id":"17"#,
            r#"{"id":null,"a":1}"#,
            r#"{"id":[1],"a":1}"#,
            r#"{"result":{"id":17},"a"#,
            r#"[{"id":17}]"#,
            r#"{"a"}"#,
            "{",
            "",
            "Content-Length: 3",
        ] {
            assert_eq!(id(text), None, "{text}");
        }
    }

    #[test]
    fn the_session_and_the_request_of_an_event_are_found() {
        let text = r#"{"jsonrpc":"2.0","method":"session.event","params":{"sessionId":"s\u0031","event":{"id":"e",
            "type":"external_tool.requested","data":{"requestId":"r","toolName":"add","arguments":{"text":"xxx"#;
        let head = Head::read(text.as_bytes()).unwrap();
        assert_eq!((head.method.as_deref(), head.session.as_deref()), (Some("session.event"), Some("s1")));
        assert_eq!(head.event.as_deref(), Some("external_tool.requested"));
        assert_eq!((head.request.as_deref(), head.tool.as_deref()), (Some("r"), Some("add")));
        assert!(head.asks && head.id.is_none());
    }
}
