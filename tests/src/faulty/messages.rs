//! Faults in the bytes and messages of a CLI, each with a name.

use serde_json::{Value, json};

/// One frame.
pub fn frame(body: &[u8]) -> Vec<u8> {
    [format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// An event of a session, as a message.
pub fn event(session: &str, name: &str, data: Value) -> Value {
    let mut event = json!({"type": name, "id": "e", "timestamp": "2026-01-01T00:00:00.000Z"});
    event["data"] = data;
    json!({"jsonrpc": "2.0", "method": "session.event", "params": {"sessionId": session, "event": event}})
}

/// Bytes that are no message. Good messages that follow are to arrive.
pub fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    let deep = |levels: usize| [b"[".repeat(levels), b"]".repeat(levels)].concat();
    let text = |text: &str| text.as_bytes().to_vec();
    let within = |head: &[u8], body: &[u8]| frame(&[head, body, b"}"].concat());
    vec![
        ("a line on stdout", text("a line on stdout before the first frame\n")),
        ("a line and a header that ends", text("a line and a header that ends\r\n\r\n")),
        ("a progress bar", text("\x1b[2K\r 10 %\r 20 %\r")),
        ("empty lines", text("\r\n\r\n\r\n\r\n")),
        ("binary", b"\0\xff\xfe\0\r\n\r\n".to_vec()),
        ("JSON without a frame", text("{\"jsonrpc\":\"2.0\",\"method\":\"session.event\",\"params\":{}}\n")),
        ("twenty thousand bytes of garbage", b"x".repeat(20_000)),
        ("no length", text("Content-Length: \r\n\r\n{}")),
        ("a length that is a word", text("Content-Length: x\r\n\r\n{}")),
        ("a negative length", text("Content-Length: -2\r\n\r\n{}")),
        ("a length with a fraction", text("Content-Length: 2.0\r\n\r\n{}")),
        ("a length with a sign", text("Content-Length: +2\r\n\r\n{}")),
        ("a hexadecimal length", text("Content-Length: 0x2\r\n\r\n{}")),
        ("another header only", text("Content-Type: text/plain\r\n\r\n{}")),
        ("a length of nothing", text("Content-Length: 0\r\n\r\n")),
        ("a huge length", text("Content-Length: 999999999999\r\n\r\n{}")),
        ("a length beyond any number", text("Content-Length: 99999999999999999999999999999999\r\n\r\n{}")),
        ("a length that is too short", text("Content-Length: 1\r\n\r\n{\"jsonrpc\":\"2.0\"}")),
        ("a length that is too long", text("Content-Length: 30\r\n\r\n{\"jsonrpc\":\"2.0\"}")),
        ("a body that is cut off", text("Content-Length: 1000000\r\n\r\n{\"jsonrpc\":\"2.0\",")),
        ("a header that is cut off", text("Content-Len")),
        ("a header without a body", text("Content-Length: 100\r\n\r\n")),
        ("headers with line feeds only", text("Content-Length: 7\n\n{\"a\":1}")),
        ("an empty body", frame(b"")),
        ("half an object", frame(b"{")),
        ("an empty object", frame(b"{}")),
        ("null", frame(b"null")),
        ("a text", frame(b"\"text\"")),
        ("a batch", frame(b"[{\"jsonrpc\":\"2.0\",\"id\":987,\"method\":\"x\"}]")),
        ("an empty batch", frame(b"[]")),
        ("no text at all", frame(b"\xff\xff\xff")),
        ("a method that is not text", frame(b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}")),
        ("half a character for a method", frame(b"{\"jsonrpc\":\"2.0\",\"method\":\"\\ud83d\"}")),
        ("an id that is an object", frame(b"{\"jsonrpc\":\"2.0\",\"id\":{\"a\":1},\"method\":5}")),
        ("200 levels", frame(&deep(200))),
        ("100,000 levels", frame(&deep(100_000))),
        (
            "an event of 5,000 levels",
            within(b"{\"jsonrpc\":\"2.0\",\"method\":\"session.event\",\"params\":", &deep(5000)),
        ),
        ("an answer of 5,000 levels", within(b"{\"jsonrpc\":\"2.0\",\"id\":987,\"result\":", &deep(5000))),
    ]
}

/// Messages in good frames that are unexpected. No call waits for their answers.
pub fn unexpected() -> Vec<(&'static str, Value)> {
    let data = |name: &str, data: Value| event("s", name, data);
    let request = |method: &str, params: Value| json!({"jsonrpc": "2.0", "id": 987_654, "method": method, "params": params});
    vec![
        ("an answer without a waiting call", json!({"jsonrpc": "2.0", "id": 987_654, "result": {}})),
        ("an answer with a text for an id", json!({"jsonrpc": "2.0", "id": "1", "result": {}})),
        ("an answer with a fraction for an id", json!({"jsonrpc": "2.0", "id": 1.5, "result": {}})),
        (
            "an answer with a negative id",
            json!({"jsonrpc": "2.0", "id": -1, "error": {"code": 1, "message": "no"}}),
        ),
        (
            "an error without id",
            json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": "no"}}),
        ),
        ("neither request nor answer", json!({"jsonrpc": "2.0", "id": null})),
        ("another version", json!({"jsonrpc": "1.0", "method": "session.event"})),
        ("a method that is a number", json!({"jsonrpc": "2.0", "id": 987_654, "method": 5})),
        ("parameters that are a number", request("tool.call", json!(5))),
        ("an unknown method", request("no.such", json!({"sessionId": "s"}))),
        (
            "a request for an unknown session",
            request("tool.call", json!({"sessionId": "foreign", "toolName": "echo"})),
        ),
        (
            "a request for no session",
            request("permission.request", json!({"permissionRequest": {"kind": "read"}})),
        ),
        ("a request for a session that is a number", request("hooks.invoke", json!({"sessionId": 5}))),
        ("an event for an unknown session", event("foreign", "session.idle", json!({}))),
        (
            "an event without a payload",
            json!({"jsonrpc": "2.0", "method": "session.event", "params": {"sessionId": "s", "event": {}}}),
        ),
        ("a tool call without a name", data("external_tool.requested", json!({"requestId": "987"}))),
        ("a tool call that is a text", data("external_tool.requested", json!("echo"))),
        (
            "a call of a foreign tool",
            data(
                "external_tool.requested",
                json!({"requestId": "987", "toolCallId": "c", "toolName": "foreign"}),
            ),
        ),
        ("the end of a call that never was", data("external_tool.completed", json!({"requestId": "986"}))),
        ("a permission without a question", data("permission.requested", json!({"requestId": "987"}))),
        (
            "a permission of a kind that is a number",
            data("permission.requested", json!({"requestId": "985", "permissionRequest": {"kind": 5}})),
        ),
        ("a payload of another shape", data("assistant.message", json!({"content": [1, 2]}))),
        ("an unknown event", data("never.heard_of", json!([null]))),
    ]
}
