//! The loopback server that providers of a session point at: for CLIs that cannot give their requests to the program.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::upstream::{Upstream, forwarded};
use crate::host::inference::{
    Chunks, Headers, InferenceError, InferenceRequest, InferenceResponse, RequestBody,
};

/// The maximum size of a request, in bytes.
const MAX_REQUEST: usize = 256 << 20;

/// The delay after a failed `accept`, as when no file descriptors are left.
const ACCEPT_RETRY: Duration = Duration::from_millis(20);

/// Serves until dropped. Dropping the future closes the connections.
pub(super) async fn serve(listener: TcpListener, origin: String, answer: Upstream) {
    let mut connections = JoinSet::new();
    let origin: Arc<str> = origin.into();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // A failure to set the option affects only the latency.
                let _ = stream.set_nodelay(true);
                let (answer, origin) = (Arc::clone(&answer), Arc::clone(&origin));
                let service =
                    service_fn(move |request| respond(Arc::clone(&answer), Arc::clone(&origin), request));
                connections.spawn(async move {
                    // A connection fails when the CLI disconnects, which drops the exchange and so records it.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the server of a cassette could not accept a connection");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn respond(
    answer: Upstream,
    origin: Arc<str>,
    request: Request<Incoming>,
) -> Result<Response<Pieces>, Infallible> {
    let (head, body) = request.into_parts();
    let answered = async {
        let body = Limited::new(body, MAX_REQUEST).collect().await.map_err(InferenceError::from)?.to_bytes();
        let mut headers = Headers::default();
        for (name, value) in &head.headers {
            headers.add(name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned());
        }
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let (method, url) = (head.method.as_str().to_owned(), format!("{origin}{path}"));
        answer(InferenceRequest::http(method, url, headers, RequestBody::whole(body.to_vec()))).await
    };
    // As a failed request through the inference interception, the CLI repeats it.
    let response = answered.await.unwrap_or_else(|error| {
        tracing::warn!(
            error = error.message(),
            "a request to a model failed behind the server of a cassette"
        );
        InferenceResponse::new(502).body(error.message())
    });
    let (status, headers, chunks) = response.into_parts();
    let mut response = Response::new(Pieces(chunks));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in forwarded(&headers) {
        let name = hyper::header::HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value.parse()) {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}

/// A body of pieces.
struct Pieces(Chunks);

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.as_mut().poll_next(cx).map(|piece| {
            piece.map(|piece| match piece {
                Ok(chunk) => Ok(Frame::data(Bytes::copy_from_slice(chunk.as_bytes()))),
                Err(error) => Err(io::Error::other(error.message().to_owned())),
            })
        })
    }
}
