//! The encoding of outgoing messages. Pure.
//!
//! The envelope is written as text, because its names need no escapes; its values are encoded with serde.

use serde::Serialize;
use serde::ser::Error as _;
use serde_json::value::RawValue;

use crate::protocol::encode::Encode;

/// The deepest nesting that the CLI accepts.
const MAX_DEPTH: usize = 127;

/// A JSON-RPC error object.
#[derive(Serialize)]
pub(super) struct ErrorObject<'a, D> {
    pub(super) code: i64,
    pub(super) message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<&'a D>,
}

/// Appends a request.
pub(super) fn request(
    body: &mut Vec<u8>,
    id: u64,
    method: &str,
    params: &dyn Encode,
) -> serde_json::Result<()> {
    body.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    id.encode(body)?;
    body.extend_from_slice(br#","method":"#);
    text(body, method)?;
    body.extend_from_slice(br#","params":"#);
    params.encode(body)?;
    body.push(b'}');
    Ok(())
}

/// Appends the response to a request.
pub(super) fn result(body: &mut Vec<u8>, id: &RawValue, result: &dyn Encode) -> serde_json::Result<()> {
    response(body, id, br#","result":"#, result)
}

/// Appends the error response to a request.
pub(super) fn error(body: &mut Vec<u8>, id: &RawValue, error: &dyn Encode) -> serde_json::Result<()> {
    response(body, id, br#","error":"#, error)
}

fn response(body: &mut Vec<u8>, id: &RawValue, name: &[u8], content: &dyn Encode) -> serde_json::Result<()> {
    body.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    body.extend_from_slice(id.get().as_bytes());
    body.extend_from_slice(name);
    content.encode(body)?;
    body.push(b'}');
    Ok(())
}

/// Appends a text, which usually needs no escapes.
fn text(body: &mut Vec<u8>, text: &str) -> serde_json::Result<()> {
    let is_escaped = |found, byte: &u8| found | matches!(byte, 0..0x20 | b'"' | b'\\');
    if text.as_bytes().iter().fold(false, is_escaped) {
        return text.encode(body);
    }
    body.push(b'"');
    body.extend_from_slice(text.as_bytes());
    body.push(b'"');
    Ok(())
}

/// Returns an error for a message that nests deeper than the CLI reads.
pub(super) fn check_nesting(message: &[u8]) -> serde_json::Result<()> {
    if nesting_exceeds(message, MAX_DEPTH) {
        let message = format!("nested deeper than {MAX_DEPTH} levels, which the CLI does not read");
        return Err(serde_json::Error::custom(message));
    }
    Ok(())
}

/// Returns whether arrays and objects nest deeper than `limit` in a well-formed JSON text.
fn nesting_exceeds(json: &[u8], limit: usize) -> bool {
    // A short text cannot nest so deeply. In others there are usually fewer brackets than levels, and counting is quick.
    if json.len() <= limit || memchr::memchr2_iter(b'{', b'[', json).take(limit + 1).count() <= limit {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn messages_are_those_that_serde_writes() {
        for method in ["ping", "", "a\"b", "a\\b", "a\nb", "é\u{0}"] {
            let mut body = b"before".to_vec();
            request(&mut body, 7, method, &[1, 2]).unwrap();
            let expected = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": [1, 2]});
            let written: Value = serde_json::from_slice(body.strip_prefix(b"before").unwrap()).unwrap();
            assert_eq!(written, expected);
        }
        let id = serde_json::value::to_raw_value("a\"b").unwrap();
        let mut body = Vec::new();
        result(&mut body, &id, &json!({"a": null})).unwrap();
        assert_eq!(body, br#"{"jsonrpc":"2.0","id":"a\"b","result":{"a":null}}"#);
        let mut body = Vec::new();
        error(&mut body, &id, &ErrorObject { code: -7, message: "no", data: Some(&1) }).unwrap();
        assert_eq!(body, br#"{"jsonrpc":"2.0","id":"a\"b","error":{"code":-7,"message":"no","data":1}}"#);
    }

    #[test]
    fn nesting_is_counted_outside_strings() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(!nesting_exceeds(deep(127).as_bytes(), 127));
        assert!(nesting_exceeds(deep(128).as_bytes(), 127));
        let wide = format!("[{}]", ["{}"; 500].join(","));
        assert!(!nesting_exceeds(wide.as_bytes(), 127));
        let quoted = format!(r#""\"{}""#, "[".repeat(500));
        assert!(!nesting_exceeds(quoted.as_bytes(), 127));
        let wide_and_deep = |levels: usize| format!("[[],[],{}]", deep(levels - 1));
        assert!(!nesting_exceeds(wide_and_deep(127).as_bytes(), 127));
        assert!(nesting_exceeds(wide_and_deep(128).as_bytes(), 127));
        let closed_in_strings = r#"["]","}","#.repeat(127) + "[]" + &"]".repeat(127);
        assert!(nesting_exceeds(closed_in_strings.as_bytes(), 127));
    }
}
