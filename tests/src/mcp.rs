//! An MCP server on the loopback interface, over HTTP, that wants things of its client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// A server with the tools `hello`, which says hello and shows the `_meta` of its call, and `think`, which has the
/// client's model answer a question and repeats the answer. It ends when this is dropped.
#[derive(Debug)]
pub struct LoopbackMcp {
    /// Where it is.
    pub url: String,
    _server: JoinSet<()>,
}

struct Shared {
    /// The header that every request must have.
    wants: Option<(String, String)>,
    /// The waiter for the model's answer.
    thinking: Mutex<Option<oneshot::Sender<Value>>>,
}

impl LoopbackMcp {
    /// A server for everybody.
    pub async fn open() -> Self {
        Self::start(None).await
    }

    /// A server that accepts requests with this header and asks all others for a login.
    pub async fn locked(header: &str, value: &str) -> Self {
        Self::start(Some((header.to_lowercase(), value.to_owned()))).await
    }

    async fn start(wants: Option<(String, String)>) -> Self {
        let listener =
            TcpListener::bind("127.0.0.1:0").await.expect("the loopback interface has a port left");
        let url = format!("http://{}/mcp", listener.local_addr().expect("a listener has an address"));
        let shared = Arc::new(Shared { wants, thinking: Mutex::default() });
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                // A client that goes away is none of the server's business.
                connections.spawn(async move { drop(shared.serve(stream).await) });
            }
        });
        Self { url, _server: server }
    }
}

impl Shared {
    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let (mut first, mut headers) = (String::new(), HashMap::new());
        stream.read_line(&mut first).await?;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
        let welcome = self.wants.as_ref().is_none_or(|(name, value)| headers.get(name) == Some(value));
        if !first.starts_with("POST") {
            return answer(&mut stream, "405 Method Not Allowed", None).await;
        }
        if !welcome {
            let status = "401 Unauthorized\r\nWWW-Authenticate: Bearer scope=\"read\"";
            return answer(&mut stream, status, None).await;
        }
        if let (Some(result), None) = (asked.get("result"), asked.get("method")) {
            let waiting = self.thinking.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(waiting) = waiting {
                drop(waiting.send(result.clone()));
            }
        }
        let (Some(id), Some(method)) = (asked.get("id"), asked["method"].as_str()) else {
            return answer(&mut stream, "202 Accepted", None).await;
        };
        let params = &asked["params"];
        if (method, params["name"].as_str()) == ("tools/call", Some("think")) {
            return self.think(&mut stream, id).await;
        }
        let result = match method {
            "initialize" => json!({
                "protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}},
                "serverInfo": {"name": "loopback", "version": "1"},
            }),
            "tools/list" => json!({"tools": [tool("hello"), tool("think")]}),
            "tools/call" => text(&format!("Hello! {}", params["_meta"])),
            _ => json!({}),
        };
        answer(&mut stream, "200 OK", Some(json!({"jsonrpc": "2.0", "id": id, "result": result}))).await
    }

    /// Answers with a stream in which the server asks first.
    async fn think(&self, stream: &mut BufReader<TcpStream>, id: &Value) -> std::io::Result<()> {
        let (sender, thought) = oneshot::channel();
        *self.thinking.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await?;
        let message = json!({"role": "user", "content": {"type": "text", "text": "What is 1 + 1?"}});
        let params = json!({"messages": [message], "systemPrompt": "Be short.", "maxTokens": 50});
        let question =
            json!({"jsonrpc": "2.0", "id": "thought", "method": "sampling/createMessage", "params": params});
        stream.write_all(format!("event: message\ndata: {question}\n\n").as_bytes()).await?;
        let thought = thought.await.unwrap_or_default();
        let reported = format!("{}: {}", thought["model"], thought["content"]["text"]);
        let result = json!({"jsonrpc": "2.0", "id": id, "result": text(&reported)});
        stream.write_all(format!("event: message\ndata: {result}\n\n").as_bytes()).await?;
        stream.shutdown().await
    }
}

fn tool(name: &str) -> Value {
    json!({"name": name, "description": "A tool.", "inputSchema": {"type": "object", "properties": {}}})
}

fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

async fn answer(stream: &mut BufReader<TcpStream>, status: &str, body: Option<Value>) -> std::io::Result<()> {
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n");
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    stream.shutdown().await
}
