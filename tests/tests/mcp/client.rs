//! A client that writes and reads lines of JSON.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf,
};

use copilot::mcp::{Server, ServerHandle};
use tokio::task::JoinHandle;

/// The newest revision, which has no sessions.
pub(crate) const STATELESS: &str = "2026-07-28";

pub(crate) struct Client {
    pub(crate) server: ServerHandle,
    writer: WriteHalf<DuplexStream>,
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    serving: JoinHandle<copilot::Result<()>>,
    next: u32,
    /// The metadata of each request.
    meta: Value,
    /// The answers to questions, in order.
    pub(crate) answers: Vec<Value>,
    /// The notifications and requests of the server.
    pub(crate) received: Vec<Value>,
}

impl Client {
    pub(crate) fn connect(server: Server) -> Self {
        let server = server.handle().unwrap();
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(theirs);
        let handle = server.clone();
        let serving = tokio::spawn(async move { handle.serve(reader, writer).await });
        let (reader, writer) = tokio::io::split(ours);
        Self {
            server,
            writer,
            lines: BufReader::new(reader).lines(),
            serving,
            next: 0,
            meta: json!({}),
            answers: Vec::new(),
            received: Vec::new(),
        }
    }

    /// Connects a client of a revision with a handshake.
    pub(crate) async fn of(revision: &str, server: Server, capabilities: Value) -> Self {
        let mut client = Self::connect(server);
        let info = json!({ "name": "test", "version": "1" });
        let params = json!({ "protocolVersion": revision, "capabilities": capabilities, "clientInfo": info });
        let answer = client.request("initialize", params).await;
        assert_eq!(answer["result"]["protocolVersion"], revision, "{answer}");
        client.notify("notifications/initialized", json!({})).await;
        client
    }

    /// Connects a client of the newest revision.
    pub(crate) fn stateless(server: Server, capabilities: &Value) -> Self {
        let mut client = Self::connect(server);
        client.meta = json!({
            "io.modelcontextprotocol/protocolVersion": STATELESS,
            "io.modelcontextprotocol/clientCapabilities": capabilities,
        });
        client
    }

    pub(crate) fn meta(&mut self, key: &str, value: impl Into<Value>) {
        self.meta[key] = value.into();
    }

    pub(crate) async fn write(&mut self, message: &Value) {
        self.writer.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    pub(crate) async fn notify(&mut self, method: &str, params: Value) {
        self.write(&json!({ "jsonrpc": "2.0", "method": method, "params": params })).await;
    }

    /// Sends a request, and returns its id.
    pub(crate) async fn send(&mut self, method: &str, mut params: Value) -> u32 {
        self.next += 1;
        if self.meta.as_object().is_some_and(|meta| !meta.is_empty()) {
            params["_meta"] = self.meta.clone();
        }
        self.write(&json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params })).await;
        self.next
    }

    pub(crate) async fn read(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(60), self.lines.next_line());
        let line = line.await.expect("the server answers").unwrap().expect("the server is connected");
        serde_json::from_str(&line).unwrap()
    }

    /// Returns the answer to a request. Other messages are kept, and questions are answered.
    pub(crate) async fn answer(&mut self, id: u32) -> Value {
        loop {
            let message = self.read().await;
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
            if message["method"] == "elicitation/create" && !self.answers.is_empty() {
                let answer = self.answers.remove(0);
                let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": answer });
                self.write(&answer).await;
            }
            self.received.push(message);
        }
    }

    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params).await;
        self.answer(id).await
    }

    /// Calls a tool, and returns its result.
    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let mut answer = self.request("tools/call", json!({ "name": tool, "arguments": arguments })).await;
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].take()
    }

    /// Waits for a message of the server that is not an answer.
    pub(crate) async fn receive(&mut self, method: &str) -> Value {
        loop {
            if let Some(at) = self.received.iter().position(|message| message["method"] == method) {
                return self.received.remove(at);
            }
            let message = self.read().await;
            self.received.push(message);
        }
    }

    /// Drops the future that serves the client.
    pub(crate) fn stop(&self) {
        self.serving.abort();
    }

    /// Returns whether the server has sent a message, and not ended the connection.
    pub(crate) async fn ends_or_reads(&mut self) -> bool {
        let line = tokio::time::timeout(Duration::from_secs(60), self.lines.next_line());
        line.await.expect("the connection ends").unwrap().is_some()
    }

    /// Ends the connection, and returns the result of the server.
    pub(crate) async fn close(mut self) -> copilot::Result<()> {
        self.writer.shutdown().await.unwrap();
        self.serving.await.expect("the server does not panic")
    }
}

/// Returns the text of a result.
pub(crate) fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_default()
}
