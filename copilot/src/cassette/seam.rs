//! Answers the CLI's requests to models: from the recording, or from the real service while recording it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::answer::Answer;
use super::body::{Ending, StoredResponse, TimedPiece};
use super::builder::is_secret_name;
use super::conversation::{Conversation, api_of};
use super::file::Exchange;
use super::{Mode, Shared};
use crate::host::inference::{
    Headers, Inference, InferenceError, InferenceRequest, InferenceResponse, RequestBody,
};
use crate::protocol::base64;
use crate::task::lock;

/// The answers of a cassette.
pub(super) struct Seam(pub(super) Arc<Shared>);

impl Inference for Seam {
    async fn respond(&self, mut request: InferenceRequest) -> Result<InferenceResponse, InferenceError> {
        if request.is_websocket() {
            // The CLI repeats the request over HTTP.
            return Ok(InferenceResponse::new(501));
        }
        let shared = &self.0;
        if let Some(url) = shared.upstream_url(&request.url) {
            request.url = url;
        }
        let body = request.body.collect().await;
        let api = api_of(&request.url).filter(|_| request.method.eq_ignore_ascii_case("POST"));
        let read = |api| Some((api, serde_json::from_slice::<Value>(&body).ok()?));
        let asked = api.and_then(read);
        match &shared.mode {
            Mode::Record { recorder, upstream } => {
                shared.learn(&request.headers);
                request.body = RequestBody::whole(body);
                let Some((api, json)) = asked else { return upstream(request).await };
                let exchange = recorder.begin(Conversation::read(api, &json, &shared.scrubber));
                match upstream(request).await {
                    Ok(response) => Ok(exchange.record(response)),
                    Err(error) => {
                        exchange.discard();
                        Err(error)
                    }
                }
            }
            Mode::Replay { player, timing } => {
                let Some((api, json)) = asked else { return shared.other(&request) };
                let came = Conversation::read(api, &json, &shared.scrubber);
                let played = lock(player).play(&came).cloned();
                match played {
                    Ok(exchange) => Ok(shared.replayed(&exchange, &came, *timing)),
                    Err(report) => {
                        tracing::warn!("{report}");
                        let error = api.error_body(&report, "not_in_cassette");
                        // Final for the CLI: it does not repeat the request.
                        Ok(InferenceResponse::json(400, &error)?.header("x-should-retry", "false"))
                    }
                }
            }
        }
    }
}

impl Shared {
    /// Registers a base URL of a provider, and returns the URL of the server that stands for it.
    pub(super) fn route(&self, base: &str) -> String {
        let mut routes = lock(&self.routes);
        let base = base.trim_end_matches('/');
        let known = routes.iter().position(|route| route == base);
        let number = known.unwrap_or_else(|| {
            routes.push(base.to_owned());
            routes.len() - 1
        });
        format!("{}/r{number}", self.origin)
    }

    /// Returns the address that an address of the server stands for; `None` for addresses of other servers.
    fn upstream_url(&self, url: &str) -> Option<String> {
        let path = url.strip_prefix(&self.origin)?;
        let routes = lock(&self.routes);
        let numbered = path.strip_prefix("/r").and_then(|rest| {
            let (number, rest) = rest.split_once('/')?;
            Some(format!("{}/{rest}", routes.get(number.parse::<usize>().ok()?)?))
        });
        // A CLI may use only the origin of a base URL.
        numbered.or_else(|| Some(format!("{}{path}", routes.first().map(|base| origin(base))?)))
    }

    /// Adds the credentials of a request to those that are removed from texts.
    fn learn(&self, headers: &Headers) {
        for (_, value) in headers.iter().filter(|(name, _)| is_secret_name(name)) {
            self.scrubber.learn(value);
            let Some((scheme, credential)) = value.split_once(' ') else { continue };
            self.scrubber.learn(credential);
            if scheme.eq_ignore_ascii_case("basic")
                && let Some(pair) = base64::decode(credential).and_then(|pair| String::from_utf8(pair).ok())
            {
                self.scrubber.learn(&pair);
                self.scrubber.learn(pair.split_once(':').map_or("", |(_, password)| password));
            }
        }
    }

    /// Answers a request that is not to a model.
    fn other(&self, request: &InferenceRequest) -> Result<InferenceResponse, InferenceError> {
        let path = request.url.split('?').next().unwrap_or_default().trim_end_matches('/');
        if request.method.eq_ignore_ascii_case("GET") && path.ends_with("/models") {
            let model = json!({"id": self.model(), "object": "model", "created": 0, "owned_by": "cassette"});
            return InferenceResponse::json(200, &json!({"object": "list", "data": [model]}));
        }
        let message =
            format!("a cassette has only requests to models, and this is {} {path}", request.method);
        let error = json!({"error": {"message": message, "code": "not_in_cassette"}});
        Ok(InferenceResponse::json(404, &error)?.header("x-should-retry", "false"))
    }

    /// Returns the name of the model of the first recorded request.
    pub(super) fn model(&self) -> String {
        const UNKNOWN: &str = "cassette";
        match &self.mode {
            Mode::Record { .. } => UNKNOWN.to_owned(),
            Mode::Replay { player, .. } => {
                lock(player).first().map_or_else(|| UNKNOWN.to_owned(), |exchange| exchange.model.clone())
            }
        }
    }

    fn replayed(&self, exchange: &Exchange, came: &Conversation, timing: bool) -> InferenceResponse {
        let mut recorded = exchange.response.clone();
        recorded.body.expand(&self.scrubber);
        if recorded.status == 0 {
            // The CLI cancelled the request before the response, and must do so again.
            return InferenceResponse::new(200).write(|_| std::future::pending());
        }
        let mut response = InferenceResponse::new(recorded.status);
        let is_same_form = exchange.api == came.api && exchange.streamed == came.streamed;
        let pieces = if is_same_form || recorded.status >= 400 {
            for (name, value) in &recorded.headers {
                if timing || !name.starts_with("retry-after") {
                    response = response.header(name, value);
                }
            }
            recorded.body.pieces()
        } else {
            let kind = if came.streamed { "text/event-stream" } else { "application/json" };
            response = response.header("content-type", kind);
            converted(&recorded, exchange, came)
        };
        if recorded.status >= 400 && !timing {
            response = response.header("retry-after-ms", "1");
        }
        played(response, pieces, timing, recorded.ending)
    }
}

/// Returns a recorded answer in the protocol and the form of a request.
fn converted(recorded: &StoredResponse, exchange: &Exchange, came: &Conversation) -> Vec<TimedPiece> {
    let (script, ids) = Answer::read(exchange.api, recorded).turn();
    let pieces = came.api.render(&script, ids, came.streamed);
    pieces.into_iter().map(|piece| (Duration::ZERO, piece)).collect()
}

fn played(
    response: InferenceResponse,
    pieces: Vec<TimedPiece>,
    timing: bool,
    ending: Option<Ending>,
) -> InferenceResponse {
    response.write(move |body| async move {
        if timing {
            for (delay, piece) in pieces {
                tokio::time::sleep(delay).await;
                body.send(piece).await?;
            }
        } else {
            // In one piece, because each is a round trip over the interception.
            body.send(pieces.into_iter().flat_map(|(_, piece)| piece).collect::<Vec<u8>>()).await?;
        }
        match ending {
            None => Ok(()),
            Some(Ending::Broken) => Err(InferenceError::new("the recorded response breaks off here")),
            // The CLI cancelled the request, and must do so again.
            Some(Ending::Cancelled) => std::future::pending().await,
        }
    })
}

/// Returns the part of a URL before its path.
fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + "://".len());
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    &url[..end]
}
