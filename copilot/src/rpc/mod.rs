//! JSON-RPC 2.0 with one peer: calls out, requests in, both in flight at once.
//!
//! Knows methods, ids and payloads, but no session and no tool: whoever connects brings a [`Service`] for what the
//! other side asks. Invariants: every call ends (an answer, the connection's end, or its future's drop, which frees
//! its id); every request of the other side is answered exactly once; nothing waits on the reader.

mod asked;
mod head;
mod line;
mod message;
mod pending;
mod reader;
mod settle;
mod writer;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::decode;
use crate::transport::WriteHalf;
pub(crate) use asked::AskedId;
use asked::{Asked, Asks};
pub(crate) use head::Head;
pub(crate) use line::{Line, Live};
use message::{ErrorObject, REQUEST_CANCELLED, Reply, ReplyError, Request};
pub(crate) use message::{INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, NoParams};
use pending::{Answer, Pending, Waiter};
pub(crate) use reader::read;
pub(crate) use settle::Outcome;
use writer::Outbox;

/// One end of a connection; clones share it.
#[derive(Clone)]
pub(crate) struct Peer(Arc<Shared>);

struct Shared {
    pending: Mutex<Pending>,
    /// The requests of the other side that wait for an answer of ours.
    asked: Mutex<Asked>,
    outbox: Outbox,
    /// Who the other side is, for errors to name.
    other: OnceLock<Box<str>>,
    /// The connection has ended by itself, and its calls are about to learn of it.
    lost: AtomicBool,
}

/// What the other side may ask of us. Called on the reader's task, so nothing here may wait or run a user's code.
pub(crate) trait Service: Send + Sync + 'static {
    /// What the parameters of the frequent notifications are decoded into while the frame is read.
    type Params<'a>: serde::Deserialize<'a>;

    /// A notification whose parameters have the frequent shape. Where it is large they are a part of `whole`, which
    /// may be kept instead of a copy.
    fn notification(&self, method: &str, params: Self::Params<'_>, whole: Option<&Arc<String>>);

    /// A notification whose parameters have another shape, or none.
    fn unusual_notification(&self, method: &str, params: &RawValue);

    /// All that had arrived is handled and the reader is about to wait: what was put off until then is done now.
    fn caught_up(&self);

    /// A request; `responder` must be used, and says so itself when it is dropped instead.
    fn request(&self, method: &str, params: &RawValue, responder: Responder);

    /// A request of which only the method can be read, if that. It is answered with why, or with what is safe.
    fn unreadable_request(&self, method: &str, responder: Responder, why: &str);

    /// A message that expects no answer was skipped; all that is known of it is how it begins.
    fn skipped(&self, head: &Head<'_>, why: &str);

    /// The other side no longer wants this request, and has been told that it is cancelled.
    fn cancelled(&self, id: AskedId);
}

impl Peer {
    /// A peer that writes to `writer`. [`Peer::write`] must run for frames to leave when the writer is busy.
    pub(crate) fn new(writer: WriteHalf) -> Self {
        let (pending, outbox) = (Mutex::default(), Outbox::new(writer));
        Self(Arc::new(Shared {
            pending,
            asked: Mutex::default(),
            outbox,
            other: OnceLock::new(),
            lost: AtomicBool::new(false),
        }))
    }

    /// Says who the other side is; errors about what it lacks name it. Only the first word counts.
    pub(crate) fn introduce(&self, other: &str) {
        self.0.other.get_or_init(|| other.into());
    }

    /// Writes queued frames until the peer is closed, or until that fails.
    pub(crate) async fn write(&self) -> std::io::Result<()> {
        self.0.outbox.run().await
    }

    /// Calls `method` and decodes its result.
    ///
    /// Cancel safe in the sense that dropping the future frees the call's id; a request already queued is still sent.
    pub(crate) async fn call<P, R>(&self, method: &'static str, params: &P) -> Result<R>
    where
        P: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        let result = self.call_raw(method, params).await?;
        decode(method, &result)
    }

    /// Calls `method` and returns its result as it came.
    pub(crate) async fn call_raw<P>(&self, method: &str, params: &P) -> Result<Box<RawValue>>
    where
        P: Serialize + ?Sized,
    {
        self.0.outbox.room().await;
        self.begin(method, params)?.answer(method).await
    }

    /// Queues a call at once, whatever waits already; its answer is waited for separately.
    pub(crate) fn begin<P>(&self, method: &str, params: &P) -> Result<InFlight<'_>>
    where
        P: Serialize + ?Sized,
    {
        let (waiter, answer) = oneshot::channel();
        let registered = self.post(method, params, Waiter::Call(waiter))?;
        Ok(InFlight { registered, answer })
    }

    /// Calls `method` without waiting for the answer; a refusal is logged.
    ///
    /// For answers to the CLI's own questions: whoever gives one has nothing to do with its receipt.
    pub(crate) fn post_answer<P>(&self, method: &'static str, params: &P) -> Result<()>
    where
        P: Serialize + ?Sized,
    {
        self.post(method, params, Waiter::Log(method)).map(Registered::keep)
    }

    /// Waits until the queue of outgoing bytes has room.
    pub(crate) async fn room(&self) {
        self.0.outbox.room().await;
    }

    /// Marks the connection as lost: from here on every [`Line`] that holds this peer waits for the next connection.
    /// Comes before [`Peer::close`], so that a caller that learns of the loss and tries again waits too.
    pub(crate) fn lose(&self) {
        self.0.lost.store(true, Ordering::Release);
    }

    /// Whether the connection has ended by itself.
    pub(crate) fn is_lost(&self) -> bool {
        self.0.lost.load(Ordering::Acquire)
    }

    /// Waits until everything that is queued was written, or is dropped by the end of the connection.
    pub(crate) async fn written(&self) {
        self.0.outbox.written().await;
    }

    /// Ends the connection: every waiting and every later call fails with `cause`.
    pub(crate) fn close(&self, cause: &Error) {
        let waiters = self.pending().close(cause.clone());
        for waiter in waiters {
            // One waker that panics must not leave the other calls asleep.
            crate::contain::logged("a waker", || waiter.finish(Answer::Lost(cause.clone())));
        }
        self.0.outbox.close();
    }

    fn post<P>(&self, method: &str, params: &P, waiter: Waiter) -> Result<Registered<'_>>
    where
        P: Serialize + ?Sized,
    {
        let (id, alone) = self.pending().insert(waiter)?;
        let registered = Registered { peer: Some(self), id };
        self.0.outbox.push(&Request { jsonrpc: "2.0", id, method, params }, alone).map_err(|source| {
            Error::with_source(
                ErrorKind::InvalidInput,
                format!("{method}: the parameters cannot be sent"),
                source,
            )
        })?;
        Ok(registered)
    }

    /// What the answer to a call of `method` means for its caller.
    fn read(&self, method: &str, answer: Answer) -> Result<Box<RawValue>> {
        match answer {
            Answer::Result(result) => Ok(result),
            Answer::Refused(failure) => {
                let other = self.0.other.get();
                Err(failure.into_error(method, other.map(|other| &**other)))
            }
            Answer::Unreadable(source) => {
                let message = format!("{method}: the CLI's answer cannot be read");
                Err(Error::with_source(ErrorKind::Decode, message, source))
            }
            Answer::Skipped { why, sure } => {
                let what = if sure {
                    "the CLI's answer was skipped"
                } else {
                    "an answer of the CLI was skipped, and its beginning does not say which call it is for"
                };
                Err(Error::new(ErrorKind::Transport, format!("{method}: {what}: {why}")))
            }
            Answer::Lost(cause) => Err(cause),
        }
    }

    /// The other side takes a request back: it is answered at once, and later answers are dropped.
    fn cancel_asked(&self, id: &RawValue) -> Option<AskedId> {
        let asked = self.asked().take_back(id.get())?;
        self.reply_error(id, REQUEST_CANCELLED, "the request was cancelled");
        Some(asked)
    }

    fn reply<R: Serialize + ?Sized>(&self, id: &RawValue, result: &R) {
        if let Err(error) = self.0.outbox.push(&Reply { jsonrpc: "2.0", id, result }, false) {
            tracing::error!(%error, "an answer cannot be encoded");
            self.reply_error(id, INTERNAL_ERROR, &format!("the answer cannot be encoded: {error}"));
        }
    }

    fn reply_error(&self, id: &RawValue, code: i64, message: &str) {
        self.reply_error_with::<()>(id, code, message, None);
    }

    fn reply_error_with<D: Serialize>(&self, id: &RawValue, code: i64, message: &str, data: Option<&D>) {
        let error = ErrorObject { code, message, data };
        if let Err(error) = self.0.outbox.push(&ReplyError { jsonrpc: "2.0", id, error }, false) {
            tracing::error!(%error, "an error answer cannot be encoded");
        }
    }

    /// How many calls wait for an answer.
    #[cfg(feature = "testing")]
    pub(crate) fn pending_calls(&self) -> usize {
        self.pending().len()
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.0.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        // The table is only touched by code that cannot panic, so a poisoned lock still holds a whole table.
        self.0.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live for Peer {
    fn is_live(&self) -> bool {
        !self.is_lost()
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("pending", &self.pending().len()).finish_non_exhaustive()
    }
}

/// Decodes a result, naming the method in the error.
pub(crate) fn decode<R: DeserializeOwned>(method: &str, result: &RawValue) -> Result<R> {
    decode::answer(result.get()).map_err(|source| {
        Error::with_source(
            ErrorKind::Decode,
            format!("{method}: the CLI's answer has an unexpected shape"),
            source,
        )
    })
}

/// A call in the table of pending calls; dropping it takes the call out.
struct Registered<'a> {
    peer: Option<&'a Peer>,
    id: u64,
}

impl Registered<'_> {
    /// Leaves the call in the table for its answer to find.
    fn keep(mut self) {
        self.peer = None;
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        if let Some(peer) = self.peer {
            // Its drop may be anybody's code, such as a waker's: not under the lock.
            let gone = peer.pending().remove(self.id);
            drop(gone);
        }
    }
}

/// A call on its way; dropping it frees its id.
pub(crate) struct InFlight<'a> {
    registered: Registered<'a>,
    answer: oneshot::Receiver<Answer>,
}

impl InFlight<'_> {
    /// Waits for the answer to the call of `method`.
    pub(crate) async fn answer(self, method: &str) -> Result<Box<RawValue>> {
        let answer = self.answer.await;
        let peer = self.registered.peer;
        // Answered, so the id is free already.
        self.registered.keep();
        match (answer, peer) {
            (Ok(answer), Some(peer)) => peer.read(method, answer),
            _ => Err(disconnected(method)),
        }
    }
}

/// The error for a call whose waiter was dropped.
fn disconnected(method: &str) -> Error {
    Error::new(ErrorKind::Disconnected, format!("{method}: the connection was dropped"))
}

/// The duty to answer one request. Dropped without an answer, it sends an error.
#[must_use]
pub(crate) struct Responder {
    peer: Peer,
    id: Option<Box<RawValue>>,
    asks: Asks,
}

impl Responder {
    /// The responder of a request that a test made up.
    #[cfg(test)]
    pub(crate) fn with_id(peer: &Peer, id: &str) -> Self {
        Self::new(peer.clone(), RawValue::from_string(id.to_owned()).expect("the id is JSON"))
    }

    fn new(peer: Peer, id: Box<RawValue>) -> Self {
        let asks = peer.asked().insert(id.get());
        Self { peer, id: Some(id), asks }
    }

    /// The connection on which it was asked.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Another way to the same request, for where this one is out of reach. It is answered once all the same.
    pub(crate) fn stand_in(&self) -> StandIn {
        StandIn { peer: self.peer.clone(), id: self.id.clone(), asks: self.asks }
    }

    /// Whether the other side has taken it back: then no answer leaves.
    pub(crate) fn is_taken_back(&self) -> bool {
        self.id.as_ref().is_some_and(|id| !self.peer.asked().waits(id.get(), &self.asks))
    }

    /// Answers with a result.
    pub(crate) fn ok<R: Serialize + ?Sized>(mut self, result: &R) {
        if let Some(id) = self.due() {
            self.peer.reply(&id, result);
        }
    }

    /// Answers with an error.
    pub(crate) fn error(mut self, code: i64, message: &str) {
        if let Some(id) = self.due() {
            self.peer.reply_error(&id, code, message);
        }
    }

    /// Answers with an error that carries more than its message.
    pub(crate) fn error_with<D: Serialize>(mut self, code: i64, message: &str, data: &D) {
        if let Some(id) = self.due() {
            self.peer.reply_error_with(&id, code, message, Some(data));
        }
    }

    /// The id, if an answer is still wanted.
    fn due(&mut self) -> Option<Box<RawValue>> {
        let id = self.id.take()?;
        self.peer.asked().settle(id.get(), &self.asks).then_some(id)
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if let Some(id) = self.due() {
            self.peer.reply_error(&id, INTERNAL_ERROR, "the handler ended without an answer");
        }
    }
}

/// A second way to answer a request. Made by [`Responder::stand_in`]; dropped, it does nothing.
pub(crate) struct StandIn {
    peer: Peer,
    id: Option<Box<RawValue>>,
    asks: Asks,
}

impl StandIn {
    /// The id that the other side takes the request back by.
    pub(crate) fn asked_id(&self) -> AskedId {
        self.asks.id()
    }

    /// The duty to answer; its answer is discarded where there was one before.
    pub(crate) fn into_responder(self) -> Responder {
        Responder { peer: self.peer, id: self.id, asks: self.asks }
    }
}

impl fmt::Debug for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandIn").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_whose_answer_cannot_be_encoded_is_answered_with_an_error() {
        let (mut far, near) = tokio::io::duplex(4096);
        let peer = Peer::new(Box::new(near));
        let deep = (0..200).fold(Value::Null, |inner, _| json!([inner]));
        Responder::new(peer.clone(), serde_json::value::to_raw_value(&7).unwrap()).ok(&deep);
        let mut answer = vec![0; 4096];
        let writing = tokio::time::timeout(std::time::Duration::from_secs(60), async {
            let reading = async {
                let read = far.read(&mut answer).await.unwrap();
                peer.close(&Error::new(ErrorKind::Closed, "the end"));
                read
            };
            tokio::join!(peer.write(), reading).1
        });
        let read = writing.await.expect("an answer leaves");
        let answer = std::str::from_utf8(&answer[..read]).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["id"], &body["error"]["code"]), (&json!(7), &json!(INTERNAL_ERROR)));
    }
}
