//! The requests that are being answered, each in a separate task.
//!
//! The CLI's messages are acknowledged immediately. The pieces of an answer are calls: each is sent after the CLI has
//! answered the one before. An answer always ends, with its last piece or with an error.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use serde_json::value::RawValue;

use super::body::{self, BodyFeed, Chunk};
use super::response::{Body, Chunks, InferenceResponse};
use super::{Inference, InferenceError, InferenceRequest, InferenceTransport};
use crate::contain::UserValue;
use crate::error::Result;
use crate::protocol::base64;
use crate::protocol::decode::{self, DecodeOwned};
use crate::protocol::encode::Encode;
use crate::protocol::inference::{
    HttpRequestChunkParams, HttpRequestStartParams, HttpResponseChunkParams, HttpResponseError,
    HttpResponseResult, HttpResponseStartParams,
};
use crate::rpc::{INVALID_PARAMS, METHOD_NOT_FOUND, NoParams, Peer, Responder};
use crate::task::lock;
use crate::task::{self, Task};

/// The program's models, and what is asked of them.
pub(crate) struct Exchanges {
    models: Arc<dyn ErasedInference>,
    running: Arc<Mutex<Running>>,
}

type Running = HashMap<Arc<str>, Exchange>;

struct Exchange {
    peer: Peer,
    body: BodyFeed,
    _task: Task,
}

impl Exchanges {
    pub(crate) fn new(models: impl Inference) -> Self {
        Self { models: Arc::new(UserValue::new(models)), running: Arc::default() }
    }

    /// A request for `llmInference.` and this name.
    pub(crate) fn request(&self, name: &str, params: &RawValue, responder: Responder) {
        fn read<P: DecodeOwned>(name: &str, params: &RawValue) -> Result<P, String> {
            decode::question(params.get()).map_err(|error| format!("llmInference.{name}: {error}"))
        }
        let read = match name {
            "httpRequestStart" => read(name, params).map(|start| self.start(start, responder.peer())),
            "httpRequestChunk" => read(name, params).and_then(|chunk| self.chunk(chunk)),
            _ => return responder.error(METHOD_NOT_FOUND, &format!("Unhandled method llmInference.{name}")),
        };
        match read {
            Ok(()) => responder.ok(&NoParams {}),
            Err(error) => responder.error(INVALID_PARAMS, &error),
        }
    }

    /// Cancels all requests: no answer would reach the CLI.
    pub(crate) fn cancel_all(&self) {
        let running = std::mem::take(&mut *lock(&self.running));
        drop(running);
    }

    fn start(&self, start: HttpRequestStartParams, peer: &Peer) {
        let id: Arc<str> = start.request_id.as_str().into();
        let (feed, body) = body::channel();
        let answer = Answer {
            peer: peer.clone(),
            id: Arc::clone(&id),
            is_websocket: start.transport == Some(InferenceTransport::WebSocket),
        };
        let request = InferenceRequest::new(start, body);
        let (models, running) = (Arc::clone(&self.models), Arc::downgrade(&self.running));
        let mut table = lock(&self.running);
        // The lock is held, so the task finds its entry when it ends.
        let task = task::spawn(async move {
            answer.give(&*models, request).await;
            finish(&running, &answer.id);
        });
        // Taken out first, as a table keeps the first of two equal keys, and `finish` looks for its own.
        let before = table.remove(&id);
        table.insert(id, Exchange { peer: peer.clone(), body: feed, _task: task });
        drop(table);
        // An id that came twice: the CLI waits for the later one only.
        drop(before);
    }

    fn chunk(&self, chunk: HttpRequestChunkParams) -> Result<(), String> {
        let HttpRequestChunkParams { request_id, data, binary, end, cancel, cancel_reason } = chunk;
        if cancel == Some(true) {
            tracing::debug!(request_id, cancel_reason, "the CLI has cancelled a request to a model");
            let cancelled = lock(&self.running).remove(&*request_id);
            drop(cancelled);
            return Ok(());
        }
        let piece = Chunk::read(data, binary == Some(true))
            .ok_or("llmInference.httpRequestChunk: `data` is not base64")?;
        let table = lock(&self.running);
        // One whose answer has ended is not read any more.
        let Some(exchange) = table.get(&*request_id) else { return Ok(()) };
        let fits = (piece.as_bytes().is_empty() && end == Some(true)) || exchange.body.push(piece);
        if end == Some(true) {
            exchange.body.end();
        }
        drop(table);
        if !fits {
            self.fail(&request_id, "the program does not read the request's body as fast as it arrives");
        }
        Ok(())
    }

    /// Ends an exchange with an error.
    fn fail(&self, id: &str, why: &str) {
        let failed = lock(&self.running).remove(id);
        let Some(Exchange { peer, .. }) = failed else { return };
        tracing::error!(id, why, "a request to a model is cancelled");
        let error = Some(HttpResponseError { message: why, code: None });
        let params = HttpResponseChunkParams { request_id: id, error, ..Default::default() };
        if let Err(error) = peer.request("llmInference.httpResponseChunk", &params).detach() {
            tracing::debug!(%error, "the end of a request could not be sent");
        }
    }
}

/// Takes out an exchange that has ended, from its own task; not a later one whose id is the same.
fn finish(running: &Weak<Mutex<Running>>, id: &Arc<str>) {
    let Some(running) = running.upgrade() else { return };
    let finished = {
        let mut table = lock(&running);
        let is_own = table.get_key_value(id).is_some_and(|(key, _)| Arc::ptr_eq(key, id));
        is_own.then(|| table.remove(id))
    };
    drop(finished);
}

/// The answer to one request.
struct Answer {
    peer: Peer,
    id: Arc<str>,
    is_websocket: bool,
}

/// Why an answer ended before its end.
enum Stopped {
    /// The CLI wants no more of it, or is gone.
    Unwanted,
    Failed(InferenceError),
}

impl Answer {
    async fn give(&self, models: &dyn ErasedInference, request: InferenceRequest) {
        let given = task::catch(async {
            let response = models.respond(request).await.map_err(Stopped::Failed)?;
            self.send(response).await
        });
        let failed = match given.await {
            Ok(Ok(()) | Err(Stopped::Unwanted)) => return,
            Ok(Err(Stopped::Failed(error))) => error,
            Err(panic) => InferenceError::new(format!("the program panicked: {panic}")),
        };
        tracing::error!(id = &*self.id, error = %failed, "a request to a model failed in the program");
        let InferenceError { message, code } = &failed;
        let error = Some(HttpResponseError { message, code: code.as_deref() });
        let params = HttpResponseChunkParams { request_id: &self.id, error, ..Default::default() };
        // A failure here means that the connection is lost, and the error above has been logged.
        let _ = self.call("llmInference.httpResponseChunk", &params).await;
    }

    async fn send(&self, response: InferenceResponse) -> Result<(), Stopped> {
        let InferenceResponse { status, status_text, headers, body } = response;
        let (status_text, headers) = (status_text.as_deref(), headers.as_wire());
        let head = HttpResponseStartParams { request_id: &self.id, status, status_text, headers };
        self.call("llmInference.httpResponseStart", &head).await?;
        match body {
            Body::Whole(chunk) => self.chunk(&chunk, true).await,
            Body::Chunks(chunks) => self.stream(chunks).await,
        }
    }

    async fn stream(&self, mut chunks: Chunks) -> Result<(), Stopped> {
        while let Some(chunk) = poll_fn(|cx| Pin::new(&mut chunks).poll_next(cx)).await {
            self.chunk(&chunk.map_err(Stopped::Failed)?, false).await?;
        }
        self.chunk(&Chunk::from(""), true).await
    }

    async fn chunk(&self, chunk: &Chunk, end: bool) -> Result<(), Stopped> {
        let encoded;
        let (data, binary) = match chunk {
            Chunk::Text(text) => (text.as_str(), false),
            // Of a message the CLI knows whether it is text; of a body it only wants the bytes.
            Chunk::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if !self.is_websocket => (text, false),
                _ => {
                    encoded = base64::encode(bytes);
                    (encoded.as_str(), true)
                }
            },
        };
        let params = HttpResponseChunkParams { request_id: &self.id, data, binary, end, error: None };
        self.call("llmInference.httpResponseChunk", &params).await
    }

    async fn call(&self, method: &'static str, params: &dyn Encode) -> Result<(), Stopped> {
        match self.peer.request(method, params).decoded::<HttpResponseResult>().await {
            Ok(HttpResponseResult { accepted: true }) => Ok(()),
            Ok(HttpResponseResult { accepted: false }) => Err(Stopped::Unwanted),
            Err(error) => {
                tracing::debug!(%error, id = &*self.id, "the CLI did not take a piece of a model's answer");
                Err(Stopped::Unwanted)
            }
        }
    }
}

/// Models of any type.
trait ErasedInference: Send + Sync {
    fn respond(
        &self,
        request: InferenceRequest,
    ) -> BoxFuture<'_, std::result::Result<InferenceResponse, InferenceError>>;
}

impl<M: Inference> ErasedInference for UserValue<M> {
    fn respond(
        &self,
        request: InferenceRequest,
    ) -> BoxFuture<'_, std::result::Result<InferenceResponse, InferenceError>> {
        Box::pin(Inference::respond(&**self, request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_an_exchange_is_not_that_of_a_later_one_with_its_id() {
        let endless = |_| std::future::pending::<std::result::Result<InferenceResponse, InferenceError>>();
        let exchanges = Exchanges::new(endless);
        let start = r#"{"requestId":"1","method":"POST","url":"http://models","headers":{}}"#;
        exchanges.start(decode::answer(start).unwrap(), &Peer::new(Box::new(tokio::io::sink())));
        let running = Arc::downgrade(&exchanges.running);
        finish(&running, &Arc::from("1"));
        assert_eq!(lock(&exchanges.running).len(), 1);
        let own = Arc::clone(lock(&exchanges.running).keys().next().unwrap());
        finish(&running, &own);
        assert!(lock(&exchanges.running).is_empty());
    }
}
