//! A CLI on a thread of its own that says much and fast, for tests of what a message costs.
//!
//! What it needs for that is not counted with what the client's thread needs. It knows as much of the protocol as
//! these tests do: `connect`, `ping`, `session.create`, and the prompts of [`start`].

use copilot::ClientBuilder;
use copilot::testing::{FarEnd, memory_client};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A step of the agent with a tool call in it, as CLI 1.0.102 sent it; `@SESSION@` stands for the session's id.
const RECORDED_TURN: &str = include_str!("../fixtures/turn.jsonl");
/// As much as a pipe of the system holds.
const PIPE: usize = 64 << 10;
/// The message that every prompt becomes.
const MESSAGE: &str = "0b2f6a4e-message";

/// Starts it, and gives what a client of it is made with. It ends with the client.
///
/// Its prompts: `deltas:N` sends N pieces of a message, `tools:N:C` calls the tool `echo` N times with C calls
/// outstanding, `turns:N` sends N recorded turns, `big:BYTES` one message of that size. Each is a turn that ends with
/// a message, which says for `tools` how many calls were answered as they should be.
pub fn start() -> ClientBuilder {
    let (builder, far) = memory_client(PIPE);
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers");
        runtime.block_on(Flood::new(far).run());
    });
    builder
}

struct Flood {
    far: FarEnd,
    received: Vec<u8>,
    out: Vec<u8>,
    calls: Option<Calls>,
    /// How many calls have come before those of this turn: a CLI never uses the id of a question again.
    asked: usize,
}

/// Tool calls on their way.
struct Calls {
    session: String,
    total: usize,
    sent: usize,
    answered: Vec<bool>,
    left: usize,
    correct: usize,
}

impl Flood {
    fn new(far: FarEnd) -> Self {
        Self { far, received: Vec::new(), out: Vec::new(), calls: None, asked: 0 }
    }

    async fn run(mut self) {
        while matches!(self.far.reader.read_buf(&mut self.received).await, Ok(1..)) {
            let mut start = 0;
            while let Some((message, end)) = frame(&self.received[start..]) {
                start += end;
                self.handle(&message);
            }
            self.received.drain(..start);
            if self.far.writer.write_all(&self.out).await.is_err() {
                return;
            }
            self.out.clear();
        }
    }

    fn handle(&mut self, message: &Value) {
        let params = &message["params"];
        let session = params["sessionId"].as_str().unwrap_or_default();
        let method = message["method"].as_str().unwrap_or_default();
        let result = match method {
            "connect" => json!({"ok": true, "protocolVersion": 3, "version": "1.0.102"}),
            "ping" => json!({"message": "pong", "timestamp": 1, "protocolVersion": 3}),
            "session.create" => json!({"sessionId": session, "workspacePath": "/work", "capabilities": {}}),
            "session.send" => json!({"messageId": MESSAGE}),
            _ => json!({"success": true}),
        };
        self.frame(&json!({"jsonrpc": "2.0", "id": message["id"], "result": result}).to_string());
        match method {
            "session.send" => self.play(session, params["prompt"].as_str().unwrap_or_default()),
            "session.tools.handlePendingToolCall" => self.answered(params),
            _ => {}
        }
    }

    fn play(&mut self, session: &str, prompt: &str) {
        let mut parts = prompt.split(':');
        let what = parts.next().unwrap_or_default();
        let mut number = || parts.next().and_then(|part| part.parse::<usize>().ok()).unwrap_or_default();
        self.event(session, "user.message", false, &json!({"content": prompt, "messageId": MESSAGE}));
        match what {
            "deltas" => {
                let text = "@AT@ and so on, for about as long as a piece of an answer is";
                let data = json!({"messageId": MESSAGE, "deltaContent": text});
                let template = event(session, "assistant.message_delta", true, &data);
                for at in 0..number() {
                    self.frame(&template.replace("@AT@", &at.to_string()));
                }
            }
            "turns" => {
                for _ in 0..number() {
                    for line in RECORDED_TURN.lines() {
                        self.frame(&line.replace("@SESSION@", session));
                    }
                }
            }
            "tools" => {
                let (total, width) = (number(), number());
                let answered = vec![false; total];
                let session = session.to_owned();
                self.calls = Some(Calls { session, total, sent: 0, answered, left: total, correct: 0 });
                for _ in 0..width {
                    self.call();
                }
                return;
            }
            "big" => return self.finish(session, &"x".repeat(number())),
            _ => {}
        }
        self.finish(session, "done");
    }

    fn call(&mut self) {
        let Some(calls) = self.calls.as_mut().filter(|calls| calls.sent < calls.total) else { return };
        let at = calls.sent;
        calls.sent += 1;
        let session = calls.session.clone();
        let data = json!({
            "requestId": (self.asked + at).to_string(), "toolCallId": format!("call_{at}"), "toolName": "echo",
            "arguments": {"input": format!("text {at}")}, "workingDirectory": "/home/user/project",
        });
        self.event(&session, "external_tool.requested", false, &data);
    }

    fn answered(&mut self, params: &Value) {
        let Some(calls) = &mut self.calls else { return };
        let id = params["requestId"].as_str().unwrap_or_default();
        let at = id.parse::<usize>().expect("an id that was sent") - self.asked;
        let first = !std::mem::replace(&mut calls.answered[at], true);
        let right = params["result"]["textResultForLlm"] == format!("text {at}");
        calls.correct += usize::from(first && right);
        calls.left -= usize::from(first);
        let session = calls.session.clone();
        self.event(&session, "external_tool.completed", true, &json!({"requestId": id}));
        self.call();
        if self.calls.as_ref().is_some_and(|calls| calls.left == 0)
            && let Some(calls) = self.calls.take()
        {
            self.asked += calls.total;
            self.finish(&session, &calls.correct.to_string());
        }
    }

    fn finish(&mut self, session: &str, text: &str) {
        let data = json!({"messageId": "m", "originatingMessageId": MESSAGE, "content": text});
        self.event(session, "assistant.message", false, &data);
        self.event(session, "session.idle", true, &json!({}));
    }

    fn event(&mut self, session: &str, name: &str, ephemeral: bool, data: &Value) {
        self.frame(&event(session, name, ephemeral, data));
    }

    fn frame(&mut self, body: &str) {
        self.out.extend_from_slice(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }
}

fn event(session: &str, name: &str, ephemeral: bool, data: &Value) -> String {
    let mut event = json!({
        "type": name, "id": "1b4e28ba-2fa1-41d2-883f-0016d3cca427", "timestamp": "2026-01-01T00:00:00.000Z",
        "parentId": "6fa459ea-ee8a-4ca4-894e-db77e160355e", "data": data,
    });
    if ephemeral {
        event["ephemeral"] = true.into();
    }
    let params = json!({"sessionId": session, "event": event});
    json!({"jsonrpc": "2.0", "method": "session.event", "params": params}).to_string()
}

/// The first message, and where it ends.
fn frame(text: &[u8]) -> Option<(Value, usize)> {
    let header = text.windows(4).position(|end| end == b"\r\n\r\n")?;
    let length = std::str::from_utf8(&text[..header]).ok()?.strip_prefix("Content-Length: ")?;
    let end = header + 4 + length.parse::<usize>().ok()?;
    let message = serde_json::from_slice(text.get(header + 4..end)?).expect("the client writes JSON");
    Some((message, end))
}
