//! An MCP server on the loopback interface, reached over HTTP: with answers as JSON (the streamable transport), or with
//! answers as server-sent events (the older one). Its one tool, `say`, greets with the request's `greeting` header.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The limit of events that wait for the listener; more than any test sends.
const UNSENT: usize = 64;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct McpHttp {
    address: SocketAddr,
    _server: JoinSet<()>,
}

/// Where the answers for the one client of the older transport go.
type Events = Arc<Mutex<Option<mpsc::Sender<Value>>>>;

#[derive(Debug)]
struct Request {
    method: String,
    path: String,
    headers: HashMap<String, String>,
    body: Value,
}

impl McpHttp {
    /// Starts a server.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port can be had");
        let address = listener.local_addr().expect("it listens");
        let mut server = JoinSet::new();
        server.spawn(async move {
            let (mut connections, events) = (JoinSet::new(), Events::default());
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&events)));
            }
        });
        Self { address, _server: server }
    }

    /// Where it speaks the streamable transport.
    pub fn streamable(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Where it speaks the older one.
    pub fn events(&self) -> String {
        format!("http://{}/sse", self.address)
    }
}

async fn serve(stream: TcpStream, events: Events) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    // Each connection carries one request, so that requests need no ids.
    let Some(request) = read(&mut reader).await else { return };
    let written = match (request.method.as_str(), request.path.split('?').next().unwrap_or_default()) {
        ("POST", "/mcp") => match answer(&request) {
            Some(answer) => respond(&mut writer, "200 OK", "application/json", &answer.to_string()).await,
            None => respond(&mut writer, "202 Accepted", "text/plain", "").await,
        },
        ("DELETE", "/mcp") => respond(&mut writer, "200 OK", "text/plain", "").await,
        ("POST", "/messages") => {
            let listener = events.lock().expect("no holder panics").clone();
            if let (Some(listener), Some(answer)) = (listener, answer(&request)) {
                listener.send(answer).await.expect("the client listens while it asks");
            }
            respond(&mut writer, "202 Accepted", "text/plain", "Accepted").await
        }
        ("GET", "/sse") => {
            let (sender, mut answers) = mpsc::channel(UNSENT);
            *events.lock().expect("no holder panics") = Some(sender);
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
                        event: endpoint\ndata: /messages?session=1\n\n";
            let mut written = writer.write_all(head.as_bytes()).await;
            while let (Ok(()), Some(answer)) = (&written, answers.recv().await) {
                written = writer.write_all(format!("event: message\ndata: {answer}\n\n").as_bytes()).await;
            }
            written
        }
        ("GET", "/mcp") => respond(&mut writer, "405 Method Not Allowed", "text/plain", "").await,
        _ => respond(&mut writer, "404 Not Found", "text/plain", "").await,
    };
    // A client that goes away has its reasons.
    drop(written);
}

async fn read(reader: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).await.ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(Some(0), |length| length.parse().ok())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.ok()?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Some(Request { method, path, headers, body })
}

async fn respond(
    writer: &mut (impl tokio::io::AsyncWrite + Unpin),
    status: &str,
    kind: &str,
    body: &str,
) -> std::io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    writer.write_all(head.as_bytes()).await?;
    writer.write_all(body.as_bytes()).await?;
    writer.shutdown().await
}

/// The answer to a message; notifications get none.
fn answer(request: &Request) -> Option<Value> {
    let message = &request.body;
    let id = message.get("id")?;
    let result = match message["method"].as_str()? {
        "initialize" => json!({
            "protocolVersion": message["params"]["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "greeter", "version": "1"},
        }),
        "tools/list" => {
            let schema = json!({"type": "object", "properties": {"text": {"type": "string"}}});
            json!({"tools": [{"name": "say", "description": "Greets.", "inputSchema": schema}]})
        }
        "tools/call" => {
            let greeting = request.headers.get("greeting").map_or("no greeting for", String::as_str);
            let text = message["params"]["arguments"]["text"].as_str().unwrap_or_default();
            json!({"content": [{"type": "text", "text": format!("{greeting} {text}")}]})
        }
        "ping" => json!({}),
        other => {
            let error = json!({"code": -32601, "message": format!("no method {other}")});
            return Some(json!({"jsonrpc": "2.0", "id": id, "error": error}));
        }
    };
    Some(json!({"jsonrpc": "2.0", "id": id, "result": result}))
}
