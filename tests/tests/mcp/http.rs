//! The service for HTTP.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tower_service::Service as _;

use crate::client::STATELESS;
use crate::{eventually, mcp_list, server};
use copilot::mcp::{HttpBody, HttpService};

async fn send(service: &HttpService, request: Request<Full<Bytes>>) -> Response<HttpBody> {
    service.clone().call(request).await.unwrap()
}

/// A request of a revision; `headers` replace others.
fn post(revision: &str, message: &Value, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut request = Request::post("/")
        .header("host", "localhost:8080")
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("mcp-protocol-version", revision);
    for (name, value) in headers {
        request
            .headers_mut()
            .unwrap()
            .insert(http::HeaderName::try_from(*name).unwrap(), http::HeaderValue::from_str(value).unwrap());
    }
    request.body(Full::new(Bytes::from(message.to_string()))).unwrap()
}

fn call(tool: &str, arguments: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool, "arguments": arguments } })
}

/// A call of the newest revision, which has headers for what a proxy looks at.
fn stateless(tool: &str, progress: bool) -> Request<Full<Bytes>> {
    let mut message = call(tool, &json!({}));
    message["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    if progress {
        message["params"]["_meta"]["progressToken"] = json!(1);
    }
    post(STATELESS, &message, &[("mcp-method", "tools/call"), ("mcp-name", tool)])
}

async fn body(response: Response<HttpBody>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().into()).unwrap()
}

fn add() -> Value {
    call("mcp_add", &json!({ "a": 1, "b": 2 }))
}

#[tokio::test]
async fn every_request_stands_alone() {
    let service = server().http().unwrap();
    // Without a handshake: another replica may have had it.
    for revision in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let response = send(&service, post(revision, &add(), &[])).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.headers().get("mcp-session-id").is_none());
        let answer: Value = serde_json::from_str(&body(response).await).unwrap();
        assert_eq!(answer["result"]["structuredContent"]["sum"], 3, "{revision}: {answer}");
    }
    let answer: Value =
        serde_json::from_str(&body(send(&service, stateless("mcp_list", false)).await).await).unwrap();
    assert_eq!(answer["result"]["structuredContent"], json!([1, 2]), "{answer}");
    let initialize = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" },
        },
    });
    let response = send(&service, post("2025-06-18", &initialize, &[])).await;
    assert!(response.headers().get("mcp-session-id").is_none());
    assert!(body(response).await.contains(r#""protocolVersion":"2025-06-18""#));
}

#[tokio::test]
async fn a_call_with_progress_is_a_stream() {
    let service = server().http().unwrap();
    let response = send(&service, stateless("mcp_progress", true)).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let stream = body(response).await;
    let [first, second, result] = ["a quarter", r#""message":"all""#, r#""text":"done""#]
        .map(|part| stream.find(part).unwrap_or_else(|| panic!("{part}: {stream}")));
    assert!(first < second && second < result, "{stream}");
}

#[tokio::test]
async fn foreign_hosts_and_origins_and_large_requests_are_refused() {
    let service = server().max_request(2000).http().unwrap();
    let status = async |request| send(&service, request).await.status();
    let with = |headers: &[(&str, &str)]| post("2025-06-18", &add(), headers);
    assert_eq!(status(with(&[("host", "evil.example")])).await, StatusCode::FORBIDDEN);
    for (origin, expected) in [
        ("http://evil.example", StatusCode::FORBIDDEN),
        ("http://localhost.evil.example", StatusCode::FORBIDDEN),
        ("null", StatusCode::FORBIDDEN),
        ("http://localhost:6274", StatusCode::OK),
        ("http://[::1]:80", StatusCode::OK),
    ] {
        assert_eq!(status(with(&[("origin", origin)])).await, expected, "{origin}");
    }
    let large = call("mcp_fail", &json!({ "how": "x".repeat(2000) }));
    assert_eq!(status(post("2025-06-18", &large, &[])).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(status(with(&[("content-type", "text/plain")])).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let service = server()
        .allowed_hosts(["tools.example.com"])
        .allowed_origins(["https://app.example.com:443"])
        .http()
        .unwrap();
    let headers = [("host", "tools.example.com"), ("origin", "https://app.example.com")];
    assert_eq!(send(&service, with(&headers)).await.status(), StatusCode::OK);
    assert_eq!(send(&service, with(&headers[1..])).await.status(), StatusCode::FORBIDDEN);
}

async fn ready(service: &HttpService) -> StatusCode {
    let request = Request::get("/ready").header("host", "10.0.0.7").body(Full::default()).unwrap();
    send(service, request).await.status()
}

#[tokio::test]
async fn a_service_that_drains_is_not_ready_and_still_serves() {
    let service = server().http().unwrap();
    assert_eq!(ready(&service).await, StatusCode::OK);
    service.drain();
    assert!(!service.is_ready());
    assert_eq!(ready(&service).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(send(&service, post("2025-06-18", &add(), &[])).await.status(), StatusCode::OK);
    assert!(service.shutdown(Duration::from_secs(10)).await);
    let refused = send(&service, post("2025-06-18", &add(), &[])).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
}

#[tokio::test]
async fn a_shutdown_waits_for_running_calls_and_then_cancels_them() {
    let service = server().http().unwrap();
    let calling = service.clone();
    let running = tokio::spawn(async move { body(send(&calling, stateless("mcp_wait", true)).await).await });
    eventually(|| service.running() == 1).await;
    assert!(!service.shutdown(Duration::from_millis(50)).await);
    running.await.expect("the response ends");
    eventually(|| service.running() == 0).await;
}

#[tokio::test]
async fn a_shutdown_ends_subscriptions() {
    let server = server().only(["mcp_add"]).handle().unwrap();
    let service = server.http();
    let listen = json!({
        "jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": {
            "notifications": { "toolsListChanged": true },
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": STATELESS,
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    });
    let request = post(STATELESS, &listen, &[("mcp-method", "subscriptions/listen")]);
    let response = send(&service, request).await;
    let mut stream = response.into_body();
    let first = stream.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("acknowledged"), "{first:?}");
    server.tools().add([mcp_list::TOOL]).unwrap();
    let changed = stream.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(String::from_utf8_lossy(&changed).contains("list_changed"), "{changed:?}");
    let ending = tokio::spawn(async move { stream.collect().await.unwrap().to_bytes() });
    assert!(service.shutdown(Duration::from_secs(10)).await, "subscriptions end by themselves");
    drop(ending);
}

#[tokio::test]
async fn a_client_that_closes_its_connection_cancels_its_call() {
    let service = server().http().unwrap();
    let response = send(&service, stateless("mcp_wait", true)).await;
    assert_eq!(service.running(), 1);
    drop(response);
    eventually(|| service.running() == 0).await;
    // A call that runs on would keep the service busy until its timeout.
    assert!(service.shutdown(Duration::from_secs(10)).await);
}
