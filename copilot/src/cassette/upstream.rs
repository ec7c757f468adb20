//! The HTTP client that forwards requests to the real service.
//!
//! Made of parts that a program's own HTTP client does not share: a feature of a common crate would change that one too.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use hyper::http::uri::InvalidUri;
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioExecutor;
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

/// Returns the service at the addresses of the requests, through the proxy that the environment names.
pub(super) fn network() -> Result<Upstream> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| failed("the certificates of this machine cannot be used", error))?
        .with_no_client_auth();
    Ok(through(config, Matcher::from_env()))
}

/// Returns the service at the addresses of the requests, with these certificates and proxies.
pub(super) fn through(config: ClientConfig, proxies: Matcher) -> Upstream {
    let direct = client(secured(&config, connector()));
    Arc::new(move |request| {
        let address = request.url.parse::<Uri>();
        // A proxy would look for the loopback interface of the machine that it runs on.
        let proxy = address.as_ref().ok().filter(|_| !is_loopback(&request.url));
        match proxy.and_then(|address| proxies.intercept(address)) {
            None => Box::pin(forward(direct.clone(), address, request)),
            Some(proxy) => {
                let mut tunnel = Tunnel::new(proxy.uri().clone(), connector());
                if let Some(credentials) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(credentials.clone());
                }
                Box::pin(forward(client(secured(&config, tunnel)), address, request))
            }
        }
    })
}

/// Returns a connector of TCP, also for addresses of HTTPS.
fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector
}

/// Adds encryption to a connector, for addresses of HTTPS.
fn secured<C>(config: &ClientConfig, connector: C) -> HttpsConnector<C> {
    let builder = HttpsConnectorBuilder::new().with_tls_config(config.clone());
    builder.https_or_http().enable_http1().wrap_connector(connector)
}

fn client<C: Connect + Clone>(connector: C) -> Client<C, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build(connector)
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

/// Returns an error with its causes.
fn described(error: &(dyn std::error::Error + 'static)) -> InferenceError {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let message = causes.fold(error.to_string(), |message, cause| format!("{message}: {cause}"));
    InferenceError::new(message)
}

async fn forward<C>(
    client: Client<C, Full<Bytes>>,
    address: Result<Uri, InvalidUri>,
    mut request: InferenceRequest,
) -> Result<InferenceResponse, InferenceError>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let mut forward = Request::builder().method(request.method.as_str()).uri(address?);
    for (name, value) in forwarded(&request.headers) {
        forward = forward.header(name, value);
    }
    let forward = forward.body(Full::from(request.body.collect().await))?;
    let answer = client.request(forward).await.map_err(|error| described(&error))?;
    let mut response = InferenceResponse::new(answer.status().as_u16());
    for (name, value) in answer.headers() {
        if !OF_THE_CONNECTION.contains(&name.as_str()) {
            response = response.header(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
        }
    }
    let mut pieces = answer.into_body();
    Ok(response.write(|body| async move {
        while let Some(piece) = pieces.frame().await {
            if let Ok(piece) = piece.map_err(|error| described(&error))?.into_data() {
                body.send(piece.to_vec()).await?;
            }
        }
        Ok(())
    }))
}
