//! JSON-RPC 2.0 with one peer: calls out, requests in, both in flight at once.
//!
//! Knows methods, ids and payloads, but no session and no tool: whoever connects brings a [`Service`] for what the
//! other side asks. Invariants: every call ends (an answer, the connection's end, or its future's drop, which frees
//! its id); every request of the other side is answered exactly once; nothing waits on the reader.

mod line;
mod message;
mod pending;
mod reader;
mod writer;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind, Result};
use crate::transport::WriteHalf;
pub(crate) use line::Line;
use message::{Failure, Reply, ReplyError, Request};
pub(crate) use message::{INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, NoParams};
pub(crate) use pending::Undo;
use pending::{Answer, Pending, Waiter};
pub(crate) use reader::read;
use writer::Outbox;

/// One end of a connection; clones share it.
#[derive(Clone)]
pub(crate) struct Peer(Arc<Shared>);

struct Shared {
    pending: Mutex<Pending>,
    outbox: Outbox,
    /// Who the other side is, for errors to name.
    other: OnceLock<Box<str>>,
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
}

impl Peer {
    /// A peer that writes to `writer`. [`Peer::write`] must run for frames to leave when the writer is busy.
    pub(crate) fn new(writer: WriteHalf) -> Self {
        let (pending, outbox) = (Mutex::default(), Outbox::new(writer));
        Self(Arc::new(Shared { pending, outbox, other: OnceLock::new() }))
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

    /// Calls `method` for something that outlasts the call. When the future is dropped, or what it gives, `undo` is run
    /// as soon as the other side has done it; [`Undo::keep`] prevents that.
    ///
    /// `undo` may run on the reader's task, so it must not wait.
    pub(crate) async fn call_undoable<P>(
        &self,
        method: &str,
        params: &P,
        undo: impl FnOnce() + Send + 'static,
    ) -> Result<(Box<RawValue>, Undo)>
    where
        P: Serialize + ?Sized,
    {
        self.0.outbox.room().await;
        let (waiter, answer) = oneshot::channel();
        // It stays in the table when the future is dropped, so that its answer is seen.
        self.post(method, params, Waiter::Undoable(waiter, Undo::new(undo)))?.keep();
        match answer.await {
            Ok((answer, undo)) => self.read(method, answer).map(|result| (result, undo)),
            Err(_) => Err(dropped(method)),
        }
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

    /// Ends the connection: every waiting and every later call fails with `cause`.
    pub(crate) fn close(&self, cause: &Error) {
        let waiters = self.pending().close(cause.clone());
        for waiter in waiters {
            waiter.finish(Answer::Lost(cause.clone()));
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
            Error::with_source(ErrorKind::Config, format!("{method}: the parameters cannot be sent"), source)
        })?;
        Ok(registered)
    }

    /// What an answer means to the caller of `method`.
    fn read(&self, method: &str, answer: Answer) -> Result<Box<RawValue>> {
        match answer {
            Answer::Result(result) => Ok(result),
            Answer::Refused(failure) => {
                Err(failure.into_error(method, self.0.other.get().map(|other| &**other)))
            }
            Answer::Unreadable(source) => {
                let message = format!("{method}: the CLI's answer cannot be read");
                Err(Error::with_source(ErrorKind::Decode, message, source))
            }
            Answer::Lost(cause) => Err(cause),
        }
    }

    fn reply<R: Serialize + ?Sized>(&self, id: &RawValue, result: &R) {
        if let Err(error) = self.0.outbox.push(&Reply { jsonrpc: "2.0", id, result }, false) {
            tracing::error!(%error, "an answer cannot be encoded");
            self.reply_error(id, INTERNAL_ERROR, &format!("the answer cannot be encoded: {error}"));
        }
    }

    fn reply_error(&self, id: &RawValue, code: i64, message: &str) {
        let error = Failure { code, message: message.into() };
        if let Err(error) = self.0.outbox.push(&ReplyError { jsonrpc: "2.0", id, error }, false) {
            tracing::error!(%error, "an error answer cannot be encoded");
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        // The table is only touched by code that cannot panic, so a poisoned lock still holds a whole table.
        self.0.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("pending", &self.pending().len()).finish_non_exhaustive()
    }
}

/// Decodes a result, naming the method in the error.
pub(crate) fn decode<R: DeserializeOwned>(method: &str, result: &RawValue) -> Result<R> {
    serde_json::from_str(result.get()).map_err(|source| {
        Error::with_source(
            ErrorKind::Decode,
            format!("{method}: the CLI's answer has an unexpected shape"),
            source,
        )
    })
}

fn dropped(method: &str) -> Error {
    Error::new(ErrorKind::Disconnected, format!("{method}: the connection was dropped"))
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
            drop(peer.pending().remove(self.id));
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
        match (peer, answer) {
            (Some(peer), Ok(answer)) => peer.read(method, answer),
            _ => Err(dropped(method)),
        }
    }
}

/// The duty to answer one request. Dropped without an answer, it sends an error.
#[must_use]
pub(crate) struct Responder {
    peer: Peer,
    id: Option<Box<RawValue>>,
}

impl Responder {
    fn new(peer: Peer, id: Box<RawValue>) -> Self {
        Self { peer, id: Some(id) }
    }

    /// Answers with a result.
    pub(crate) fn ok<R: Serialize + ?Sized>(mut self, result: &R) {
        if let Some(id) = self.id.take() {
            self.peer.reply(&id, result);
        }
    }

    /// Answers with an error.
    pub(crate) fn error(mut self, code: i64, message: &str) {
        if let Some(id) = self.id.take() {
            self.peer.reply_error(&id, code, message);
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.peer.reply_error(&id, INTERNAL_ERROR, "the handler ended without an answer");
        }
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder").field("id", &self.id).finish_non_exhaustive()
    }
}
