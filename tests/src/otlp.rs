//! A receiver of OTLP over HTTP in JSON, on the loopback interface, and the traces that it has received as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde_json::Value;

type Received = Arc<Mutex<Vec<(String, Value)>>>;

/// A collector on a separate thread, which ends with the process.
#[derive(Debug)]
pub struct Otlp {
    url: String,
    received: Received,
}

/// A span as it was received.
#[derive(Clone, Debug)]
pub struct ReceivedSpan {
    /// The name of the service that has exported it.
    pub service: String,
    /// The name of the span.
    pub name: String,
    /// The attributes, as text.
    pub attributes: BTreeMap<String, String>,
    /// The names of its events.
    pub events: Vec<String>,
    /// The kind and the status, as the names of the protocol.
    pub kind: String,
    /// Whether the status is an error.
    pub is_error: bool,
    trace: String,
    id: String,
    parent: String,
    start: u64,
}

impl Otlp {
    /// Starts a collector.
    ///
    /// # Panics
    ///
    /// Panics if the loopback interface has no free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        listener.set_nonblocking(true).expect("a listener can be made asynchronous");
        let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let received = Received::default();
        let state = Arc::clone(&received);
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener =
                    tokio::net::TcpListener::from_std(listener).expect("the listener is asynchronous");
                let router = Router::new().fallback(receive).with_state(state);
                axum::serve(listener, router).await.expect("the server runs until the process ends");
            });
        });
        Self { url, received }
    }

    /// Returns the address, for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the names of the metrics that a service has exported.
    pub fn metrics(&self, service: &str) -> Vec<String> {
        let bodies = self.bodies("/v1/metrics");
        let resources = bodies.iter().flat_map(|body| list(body, "resourceMetrics"));
        let mut names: Vec<String> = resources
            .filter(|resource| service_of(resource) == service)
            .flat_map(|resource| list(resource, "scopeMetrics"))
            .flat_map(|scope| list(scope, "metrics"))
            .map(|metric| text(&metric["name"]))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Returns all spans.
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        let mut spans = Vec::new();
        for body in self.bodies("/v1/traces") {
            for resource in list(&body, "resourceSpans") {
                let service = service_of(resource);
                for span in list(resource, "scopeSpans").flat_map(|scope| list(scope, "spans")) {
                    spans.push(ReceivedSpan {
                        service: service.clone(),
                        name: text(&span["name"]),
                        attributes: attributes(span),
                        events: list(span, "events").map(|event| text(&event["name"])).collect(),
                        kind: kind(&span["kind"]),
                        is_error: matches!(text(&span["status"]["code"]).as_str(), "2" | "STATUS_CODE_ERROR"),
                        trace: text(&span["traceId"]),
                        id: text(&span["spanId"]),
                        parent: text(&span["parentSpanId"]),
                        start: text(&span["startTimeUnixNano"]).parse().unwrap_or_default(),
                    });
                }
            }
        }
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// Returns the trace with this root as text: a line for each span, in the order of their starts, children below their
    /// parents. `describe` returns the text of a span, or `None` for one that is left out with its children.
    pub fn tree(&self, root: &str, describe: impl Fn(&ReceivedSpan) -> Option<String>) -> String {
        fn write(
            spans: &[ReceivedSpan],
            parent: &ReceivedSpan,
            depth: usize,
            describe: &dyn Fn(&ReceivedSpan) -> Option<String>,
            out: &mut String,
        ) {
            let Some(line) = describe(parent) else { return };
            writeln!(out, "{:indent$}{line}", "", indent = 2 * depth).expect("a string takes every text");
            let is_child = |span: &&ReceivedSpan| span.trace == parent.trace && span.parent == parent.id;
            for child in spans.iter().filter(is_child) {
                write(spans, child, depth + 1, describe, out);
            }
        }
        let (spans, mut out) = (self.spans(), String::new());
        for span in spans.iter().filter(|span| span.name == root) {
            write(&spans, span, 0, &describe, &mut out);
        }
        out
    }

    fn bodies(&self, path: &str) -> Vec<Value> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.iter().filter(|(to, _)| to == path).map(|(_, body)| body.clone()).collect()
    }
}

async fn receive(State(received): State<Received>, uri: Uri, body: Bytes) -> (StatusCode, &'static str) {
    match serde_json::from_slice(&body) {
        Ok(body) => {
            received.lock().unwrap_or_else(PoisonError::into_inner).push((uri.path().to_owned(), body));
            (StatusCode::OK, "{}")
        }
        Err(_) => (StatusCode::BAD_REQUEST, "{}"),
    }
}

fn list<'a>(value: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value[member].as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn kind(value: &Value) -> String {
    match text(value).as_str() {
        "1" | "SPAN_KIND_INTERNAL" => "internal",
        "3" | "SPAN_KIND_CLIENT" => "client",
        _ => "other",
    }
    .to_owned()
}

fn attributes(of: &Value) -> BTreeMap<String, String> {
    let value = |value: &Value| {
        let inner = value.as_object().and_then(|object| object.values().next());
        inner.map(text).unwrap_or_default()
    };
    list(of, "attributes").map(|attribute| (text(&attribute["key"]), value(&attribute["value"]))).collect()
}

fn service_of(resource: &Value) -> String {
    attributes(&resource["resource"]).remove("service.name").unwrap_or_default()
}
