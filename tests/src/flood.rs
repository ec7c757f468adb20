//! A CLI that sends many messages fast, for tests of the cost of a message: on a separate thread, or as a process.
//!
//! On a thread, its allocations are not counted with those of the client's thread. It knows as much of the protocol as
//! these tests do: `connect`, `ping`, `session.create`, and the prompts of [`start`].

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use copilot::ClientBuilder;
use copilot::testing::memory_client;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A step of the agent with a tool call in it, as CLI 1.0.102 sent it; `@SESSION@` stands for the session's id.
const RECORDED_TURN: &str = include_str!("../fixtures/turn.jsonl");
/// As much as a pipe of the system holds.
const PIPE: usize = 64 << 10;
/// The id of events.
const ID: &str = "1b4e28ba-2fa1-41d2-883f-0016d3cca427";
/// The message that every prompt becomes.
const MESSAGE: &str = "0b2f6a4e-message";

/// Starts it, and gives what a client of it is made with. It ends with the client.
///
/// Its prompts: `deltas:N` sends N pieces of a message, `tools:N:C` calls the tool `echo` N times with C calls
/// outstanding, `turns:N` sends N recorded turns, `big:BYTES` one message of that size, and `mixed_big:BYTES` one of
/// [`mixed_text`]. `spread:N:C:T` calls the tools
/// `tool_0` to `tool_T`, which are to add the session's id; `large:N:C:BYTES` calls `large`, which is to give that much;
/// `mixed:N:K` sends N pieces as fast as they are taken, and calls `echo` after every K of them. Each is a turn that
/// ends with a message, which says for calls how many were answered as they should be, and for `mixed` how many
/// microseconds half of them took and how many the slowest. `announced:N:C` is `tools:N:C` with the start of each execution
/// and its end, and `foreign:N:C` the same with starts that name another tool.
pub fn start() -> ClientBuilder {
    let (builder, far) = memory_client(PIPE);
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers");
        runtime.block_on(Flood::new(far.reader, far.writer).run());
    });
    builder
}

/// As [`start`], in this process, over its standard input and output. Returns when the input ends.
pub fn serve() {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.build().expect("a runtime without drivers");
    runtime.block_on(Flood::new(tokio::io::stdin(), tokio::io::stdout()).run());
}

/// A text of about this size, with lines, quotation marks and characters of several bytes.
pub fn mixed_text(bytes: usize) -> String {
    const LINE: &str = "let größe = \"naïve\\tcafé 😀\";\n\tprintln!(\"{größe}\");\n";
    LINE.repeat(bytes / LINE.len())
}

struct Flood<R, W> {
    reader: R,
    writer: W,
    received: Vec<u8>,
    out: Vec<u8>,
    calls: HashMap<String, Calls>,
    pieces: Option<Pieces>,
    /// How many calls there were in all.
    asked: usize,
    /// How many turns have ended.
    ends: usize,
}

/// Tool calls of a session on their way.
struct Calls {
    tool: Tool,
    /// How many calls have come before these: a CLI never uses the id of a question again.
    first: usize,
    total: usize,
    begun: Vec<Instant>,
    took: Vec<Option<Duration>>,
    left: usize,
    correct: usize,
}

/// Which tool is called, and so what it is to answer.
#[derive(Clone, Copy)]
enum Tool {
    Echo,
    /// One of so many.
    Spread(usize),
    /// With so many bytes.
    Large(usize),
    /// `echo`, announced under this name.
    Announced(&'static str),
    /// `echo`, when the pieces have come so far.
    Paced,
}

/// Pieces of a message on their way, with a tool call after each so many.
struct Pieces {
    session: String,
    template: String,
    sent: usize,
    total: usize,
    every: usize,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Flood<R, W> {
    fn new(reader: R, writer: W) -> Self {
        Self {
            reader,
            writer,
            received: Vec::new(),
            out: Vec::new(),
            calls: HashMap::new(),
            pieces: None,
            asked: 0,
            ends: 0,
        }
    }

    async fn run(mut self) {
        while self.receive().await {
            let mut start = 0;
            while let Some((message, end)) = frame(&self.received[start..]) {
                start += end;
                self.handle(&message);
            }
            self.received.drain(..start);
            self.add_pieces();
            let written = async {
                self.writer.write_all(&self.out).await?;
                self.writer.flush().await
            };
            if written.await.is_err() {
                return;
            }
            self.out.clear();
        }
    }

    /// Reads what there is; `false` at the end. While pieces are on their way it does not wait for more.
    async fn receive(&mut self) -> bool {
        let waits = self.pieces.is_none();
        let mut read = pin!(self.reader.read_buf(&mut self.received));
        let read = poll_fn(|cx| match read.as_mut().poll(cx) {
            Poll::Pending if !waits => Poll::Ready(Ok(1)),
            polled => polled,
        });
        matches!(read.await, Ok(1..))
    }

    /// Sends as many pieces as fit into the pipe.
    fn add_pieces(&mut self) {
        while let Some(pieces) = self.pieces.as_mut().filter(|_| self.out.len() < PIPE) {
            let body = pieces.template.replace("@AT@", &pieces.sent.to_string());
            pieces.sent += 1;
            let (session, calls) = (pieces.session.clone(), pieces.sent.is_multiple_of(pieces.every));
            if pieces.sent == pieces.total {
                self.pieces = None;
            }
            self.frame(&body);
            if calls {
                self.call(&session);
            }
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
            "session.tools.handlePendingToolCall" => self.answered(session, params),
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
                let template = event(session, "assistant.message_delta", true, &piece());
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
            "tools" | "spread" | "large" | "announced" | "foreign" => {
                let (total, width) = (number(), number());
                let tool = match what {
                    "spread" => Tool::Spread(number()),
                    "large" => Tool::Large(number()),
                    "announced" => Tool::Announced("echo"),
                    "foreign" => Tool::Announced("none"),
                    _ => Tool::Echo,
                };
                self.will_ask(session, tool, total);
                for _ in 0..width {
                    self.call(session);
                }
                return;
            }
            "mixed" => {
                let (total, every) = (number(), number());
                let template = event(session, "assistant.message_delta", true, &piece());
                self.will_ask(session, Tool::Paced, total / every);
                self.pieces = Some(Pieces { session: session.to_owned(), template, sent: 0, total, every });
                return;
            }
            "big" => return self.finish(session, &"x".repeat(number())),
            "mixed_big" => return self.finish(session, &mixed_text(number())),
            _ => {}
        }
        self.finish(session, "done");
    }

    fn will_ask(&mut self, session: &str, tool: Tool, total: usize) {
        self.calls.insert(session.to_owned(), Calls::new(tool, self.asked, total));
        self.asked += total;
    }

    fn call(&mut self, session: &str) {
        let Some(calls) = self.calls.get_mut(session).filter(|calls| calls.begun.len() < calls.total) else {
            return;
        };
        let at = calls.begun.len();
        calls.begun.push(Instant::now());
        let (name, input) = match calls.tool {
            Tool::Echo | Tool::Paced | Tool::Announced(_) => {
                ("echo".to_owned(), json!({"input": format!("text {at}")}))
            }
            Tool::Spread(tools) => (format!("tool_{}", at % tools), json!({"input": format!("text {at}")})),
            Tool::Large(bytes) => ("large".to_owned(), json!({"bytes": bytes, "fill": at % 10})),
        };
        let data = json!({
            "requestId": (calls.first + at).to_string(), "toolCallId": format!("call_{at}"), "toolName": name,
            "arguments": input, "workingDirectory": "/home/user/project",
        });
        if let Tool::Announced(name) = calls.tool {
            let start = json!({"toolCallId": format!("call_{at}"), "toolName": name, "arguments": {}});
            self.event(session, "tool.execution_start", false, &start);
        }
        self.event(session, "external_tool.requested", false, &data);
    }

    fn answered(&mut self, session: &str, params: &Value) {
        let Some(calls) = self.calls.get_mut(session) else { return };
        let id = params["requestId"].as_str().unwrap_or_default();
        let at = id.parse::<usize>().expect("an id that was sent") - calls.first;
        if calls.took[at].replace(calls.begun[at].elapsed()).is_none() {
            let text = params["result"]["textResultForLlm"].as_str().unwrap_or_default();
            calls.correct += usize::from(calls.tool.is_right(session, at, text));
            calls.left -= 1;
        }
        let (done, paced) = (calls.left == 0, matches!(calls.tool, Tool::Paced));
        let announced = matches!(calls.tool, Tool::Announced(_));
        self.event(session, "external_tool.completed", true, &json!({"requestId": id}));
        if announced {
            let complete = json!({"toolCallId": format!("call_{at}"), "success": true});
            self.event(session, "tool.execution_complete", false, &complete);
        }
        if done && let Some(calls) = self.calls.remove(session) {
            self.finish(session, &calls.summary());
        } else if !paced {
            self.call(session);
        }
    }

    fn finish(&mut self, session: &str, text: &str) {
        let data = json!({"messageId": "m", "originatingMessageId": MESSAGE, "content": text});
        self.event(session, "assistant.message", false, &data);
        // The library ignores an end that comes twice, which it knows by the id.
        self.ends += 1;
        let idle = event(session, "session.idle", true, &json!({}));
        self.frame(&idle.replace(ID, &format!("{}-idle", self.ends)));
    }

    fn event(&mut self, session: &str, name: &str, ephemeral: bool, data: &Value) {
        self.frame(&event(session, name, ephemeral, data));
    }

    fn frame(&mut self, body: &str) {
        self.out.extend_from_slice(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }
}

impl Calls {
    fn new(tool: Tool, first: usize, total: usize) -> Self {
        Self {
            tool,
            first,
            total,
            begun: Vec::with_capacity(total),
            took: vec![None; total],
            left: total,
            correct: 0,
        }
    }

    /// The summary of the calls in the last message.
    fn summary(&self) -> String {
        let Tool::Paced = self.tool else { return self.correct.to_string() };
        let mut took: Vec<_> = self.took.iter().flatten().map(Duration::as_micros).collect();
        took.sort_unstable();
        format!("{}:{}:{}", self.correct, took[took.len() / 2], took[took.len() - 1])
    }
}

impl Tool {
    /// Whether this is the answer to the call with this number.
    fn is_right(self, session: &str, at: usize, text: &str) -> bool {
        match self {
            Self::Echo | Self::Paced | Self::Announced(_) => text == format!("text {at}"),
            Self::Spread(_) => text == format!("{session} text {at}"),
            Self::Large(bytes) => text == (at % 10).to_string().repeat(bytes),
        }
    }
}

/// A piece of a message.
fn piece() -> Value {
    let text = "@AT@ and so on, for about as long as a piece of an answer is";
    json!({"messageId": MESSAGE, "deltaContent": text})
}

fn event(session: &str, name: &str, ephemeral: bool, data: &Value) -> String {
    let mut event = json!({
        "type": name, "id": ID, "timestamp": "2026-01-01T00:00:00.000Z",
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
