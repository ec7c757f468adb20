//! The loopback HTTP server of the model.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::ModelState;
use super::api::{Frame, ModelApi};
use super::completion;
use super::playback::Reaction;
use super::request::{Ending, RecordedRequest};
use super::script::{Turn, TurnAnswer};
use super::sse::{PacedBody, Running, running};

/// The maximum size of a request, in bytes.
const MAX_REQUEST: usize = 256 << 20;

/// The delay after a failed `accept`, as when no file descriptors are left.
const ACCEPT_RETRY: Duration = Duration::from_millis(20);

/// Serves until dropped. Dropping the future closes the connections.
pub(super) async fn serve(listener: TcpListener, shared: Arc<ModelState>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Tests measure the time of deltas. A failure to set the option affects only the latency.
                let _ = stream.set_nodelay(true);
                let shared = shared.clone();
                let service = service_fn(move |request: Request<Incoming>| answer(shared.clone(), request));
                connections.spawn(async move {
                    // A connection fails when its client disconnects or the script breaks off; both are recorded.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the scripted model could not accept a connection");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Answers one request, from the server or an inference handler.
pub(super) async fn answer<B: Body>(
    shared: Arc<ModelState>,
    request: Request<B>,
) -> Result<Response<PacedBody>, Infallible>
where
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let path = request.uri().path().trim_end_matches('/').to_owned();
    Ok(match (request.method(), ModelApi::at(&path)) {
        (&Method::POST, Some(api)) => complete(&shared, api, request).await,
        (&Method::GET, None) if path == "/v1/models" => object(StatusCode::OK, &completion::models(), None),
        (method, _) => {
            let message = format!("the scripted model has no {method} {path}");
            object(StatusCode::NOT_FOUND, &completion::error(&message, "not_found"), None)
        }
    })
}

async fn complete<B: Body>(shared: &ModelState, api: ModelApi, request: Request<B>) -> Response<PacedBody>
where
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (head, body) = request.into_parts();
    let unreadable = |message: String| {
        let error = api.error(&format!("the request is unreadable: {message}"), "unreadable");
        not_to_be_retried(object(StatusCode::BAD_REQUEST, &error, None))
    };
    let body = match Limited::new(body, MAX_REQUEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return unreadable(error.to_string()),
    };
    let json = match serde_json::from_slice::<Value>(&body) {
        Ok(json) => json,
        Err(error) => return unreadable(error.to_string()),
    };
    let headers = head.headers.iter();
    let headers = headers.map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let path = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let request = RecordedRequest::new(api, path, json, headers.collect());

    // Recorded and matched under one lock, so that the order of the record is the order of the turns.
    let (reaction, number) = shared.playback(|playback| {
        let mut number = 0;
        let reaction = playback.react(&request);
        shared.requests.send_modify(|requests| {
            requests.push(request.clone());
            number = requests.len();
        });
        (reaction, number)
    });
    let (turn, ids) = match reaction {
        Reaction::Play { turn, ids } => (turn, ids),
        Reaction::Refuse(refusal) => {
            tracing::warn!("{refusal}");
            request.end(Ending::Refused);
            let error = api.error(&refusal, "left_script");
            return not_to_be_retried(object(StatusCode::BAD_REQUEST, &error, None));
        }
    };
    let frame = Frame {
        ids,
        number,
        request_bytes: body.len(),
        streams_usage: request.raw()["stream_options"]["include_usage"] == true,
    };
    // From here on, a client that disconnects drops this future or the body, and `running` records either.
    let running = running(request.clone());
    tokio::time::sleep(turn.preparation.delay).await;
    perform(&turn, &frame, &request, running)
}

fn perform(turn: &Turn, frame: &Frame, request: &RecordedRequest, running: Running) -> Response<PacedBody> {
    let api = request.api();
    let ending = match &turn.answer {
        TurnAnswer::BreakOff(_) => Ending::BrokenOff,
        TurnAnswer::Fail { status, message, retry } => {
            let status = StatusCode::from_u16(*status).expect("the playback has checked the status");
            let failure = object(status, &api.error(message, "scripted"), Some(running));
            return if *retry { to_be_retried(failure) } else { not_to_be_retried(failure) };
        }
        TurnAnswer::Say(_) | TurnAnswer::Call(_) => Ending::Answered,
    };
    let (body, kind) = if request.is_streamed() {
        (PacedBody::events(api.stream(turn, frame), ending, running), "text/event-stream")
    } else {
        (PacedBody::object(&api.whole(turn, frame), ending, Some(running)), "application/json")
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn object(status: StatusCode, object: &Value, running: Option<Running>) -> Response<PacedBody> {
    let mut response = Response::new(PacedBody::object(object, Ending::Answered, running));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Prevents a retry for any status: OpenAI's clients and the CLI respect this header.
fn not_to_be_retried(mut response: Response<PacedBody>) -> Response<PacedBody> {
    response.headers_mut().insert("x-should-retry", HeaderValue::from_static("false"));
    response
}

/// Requests an immediate retry. The CLI waits one second in any case.
fn to_be_retried(mut response: Response<PacedBody>) -> Response<PacedBody> {
    response.headers_mut().insert("x-should-retry", HeaderValue::from_static("true"));
    response.headers_mut().insert("retry-after-ms", HeaderValue::from_static("1"));
    response
}
