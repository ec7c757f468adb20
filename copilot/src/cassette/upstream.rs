//! The HTTP client that forwards requests to the real service.

use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt;

use crate::error::{Error, ErrorKind, Result};
use crate::host::inference::{Headers, Inference, InferenceError, InferenceRequest, InferenceResponse};

/// The time limit of a connection to the service. A response has none: models think.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Headers that belong to one connection, or that the client sets. Without `accept-encoding` the response is text.
const OF_THE_CONNECTION: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The service that answers during a recording, of any type.
pub(super) type Upstream = Arc<
    dyn Fn(InferenceRequest) -> BoxFuture<'static, Result<InferenceResponse, InferenceError>> + Send + Sync,
>;

/// Returns an [`Inference`] of any type.
pub(super) fn erased(upstream: impl Inference) -> Upstream {
    let upstream = Arc::new(upstream);
    Arc::new(move |request| {
        let upstream = Arc::clone(&upstream);
        Box::pin(async move { upstream.respond(request).await })
    })
}

/// Returns the service at the addresses of the requests.
pub(super) fn network() -> Result<Upstream> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| failed("the certificates of this machine cannot be used", error))?
        .with_no_client_auth();
    let builder = || {
        let builder = reqwest::Client::builder().tls_backend_preconfigured(config.clone());
        builder.connect_timeout(CONNECT_TIMEOUT).redirect(reqwest::redirect::Policy::none())
    };
    let failed = |error| failed("the HTTP client of the recorder cannot be created", error);
    let proxied = builder().build().map_err(failed)?;
    // A proxy would look for the loopback interface of the machine that it runs on.
    let direct = builder().no_proxy().build().map_err(failed)?;
    Ok(Arc::new(move |request| {
        let client = if is_loopback(&request.url) { direct.clone() } else { proxied.clone() };
        Box::pin(forward(client, request))
    }))
}

fn failed(message: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::with_source(ErrorKind::Cassette, message, error)
}

fn is_loopback(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|name| host.strip_prefix(name).is_some_and(|port| port.is_empty() || port.starts_with(':')))
}

/// Returns the headers of a message that the next connection gets as well.
pub(super) fn forwarded(headers: &Headers) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().filter(|(name, _)| !OF_THE_CONNECTION.contains(name))
}

/// Returns an error with its causes, without the address, whose query may have a key.
fn described(error: reqwest::Error) -> InferenceError {
    let error = error.without_url();
    let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
    let message = causes.fold(error.to_string(), |message, cause| format!("{message}: {cause}"));
    InferenceError::new(message)
}

async fn forward(
    client: reqwest::Client,
    mut request: InferenceRequest,
) -> Result<InferenceResponse, InferenceError> {
    let method = reqwest::Method::from_bytes(request.method.as_bytes())?;
    let mut forward = client.request(method, &request.url);
    for (name, value) in forwarded(&request.headers) {
        forward = forward.header(name, value);
    }
    let body = request.body.collect().await;
    let mut answer = forward.body(body).send().await.map_err(described)?;
    let mut response = InferenceResponse::new(answer.status().as_u16());
    for (name, value) in answer.headers() {
        if !OF_THE_CONNECTION.contains(&name.as_str()) {
            response = response.header(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
        }
    }
    Ok(response.write(|body| async move {
        while let Some(piece) = answer.chunk().await.map_err(described)? {
            body.send(piece.to_vec()).await?;
        }
        Ok(())
    }))
}
