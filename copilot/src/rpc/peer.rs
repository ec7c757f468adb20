//! One end of a connection: the tables of requests in both directions, and the outgoing bytes.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use serde::Serialize;
use serde_json::value::RawValue;

use super::encode::{self, ErrorObject};
use super::incoming::{IncomingId, OpenRequests};
use super::message::{INTERNAL_ERROR, REQUEST_CANCELLED};
use super::outgoing::{Completion, PendingRequests};
use super::reconnectable::Live;
use super::writer::{Outbox, Write};
use crate::error::Error;
use crate::protocol::encode::Encode;
use crate::task::lock;
use crate::transport::WriteHalf;

/// One end of a connection; clones share it.
#[derive(Clone)]
pub(crate) struct Peer(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pending: Mutex<PendingRequests>,
    /// The requests of the other side that are not answered yet.
    open: Mutex<OpenRequests>,
    pub(super) outbox: Outbox,
    /// The name and version of the other side, for errors.
    pub(super) remote: OnceLock<Box<str>>,
    /// Whether the connection has ended by itself. Set before the calls fail.
    lost: AtomicBool,
}

impl Peer {
    /// Creates a peer that writes to `writer`. [`Peer::write`] must run for frames to leave when the writer is busy.
    pub(crate) fn new(writer: WriteHalf) -> Self {
        Self(Arc::new(Shared {
            pending: Mutex::default(),
            open: Mutex::default(),
            outbox: Outbox::new(writer),
            remote: OnceLock::new(),
            lost: AtomicBool::new(false),
        }))
    }

    /// Sets the name and version of the other side, for errors. Only the first call has an effect.
    pub(crate) fn set_remote(&self, remote: &str) {
        self.0.remote.get_or_init(|| remote.into());
    }

    /// Writes queued frames until the peer is closed, or until a write fails.
    pub(crate) async fn write(&self) -> std::io::Result<()> {
        self.0.outbox.run().await
    }

    /// Returns the number of outgoing bytes that wait.
    #[cfg(feature = "metrics")]
    pub(crate) fn queued(&self) -> usize {
        self.0.outbox.len()
    }

    /// Waits until the queue of outgoing bytes has room.
    pub(crate) async fn room(&self) {
        self.0.outbox.room().await;
    }

    /// Waits until all queued bytes are written, held ones too, or are discarded by the end of the connection.
    pub(crate) async fn written(&self) {
        self.0.outbox.written().await;
    }

    /// Writes the requests of [`Call::hold`](super::Call::hold) that are still held, before the peer is closed.
    pub(crate) fn write_held(&self) {
        self.0.outbox.write_held();
    }

    /// Marks the connection as lost: every [`Reconnectable`](super::Reconnectable) that holds this peer then waits for the
    /// next connection. Called before [`Peer::close`], so that a caller that retries after the failure waits too.
    pub(crate) fn mark_lost(&self) {
        self.0.lost.store(true, Ordering::Release);
    }

    /// Returns whether the connection has ended by itself.
    pub(crate) fn is_lost(&self) -> bool {
        self.0.lost.load(Ordering::Acquire)
    }

    /// Ends the connection: every pending and every later request fails with `cause`.
    pub(crate) fn close(&self, cause: &Error) {
        let waiters = self.pending().close(cause.clone());
        for waiter in waiters {
            // A waker that panics must not leave the other calls asleep.
            crate::contain::logged("a waker", || waiter.complete(Completion::Lost(cause.clone())));
        }
        self.0.outbox.close();
    }

    /// Cancels a request of the other side: it is answered immediately, and later answers are discarded.
    pub(super) fn cancel_open(&self, id: &RawValue) -> Option<IncomingId> {
        let cancelled = self.open().cancel(id.get())?;
        self.reply_error(id, REQUEST_CANCELLED, "the request was cancelled");
        Some(cancelled)
    }

    pub(super) fn reply(&self, id: &RawValue, result: &dyn Encode) {
        if let Err(error) = self.0.outbox.push(Write::Queued, &|body| encode::result(body, id, result)) {
            tracing::error!(%error, "an answer cannot be encoded");
            self.reply_error(id, INTERNAL_ERROR, &format!("the answer cannot be encoded: {error}"));
        }
    }

    pub(super) fn reply_error(&self, id: &RawValue, code: i64, message: &str) {
        self.reply_error_with::<()>(id, code, message, None);
    }

    pub(super) fn reply_error_with<D: Serialize + Sync>(
        &self,
        id: &RawValue,
        code: i64,
        message: &str,
        data: Option<&D>,
    ) {
        let error = ErrorObject { code, message, data };
        if let Err(error) = self.0.outbox.push(Write::Queued, &|body| encode::error(body, id, &error)) {
            tracing::error!(%error, "an error answer cannot be encoded");
        }
    }

    /// Returns the number of pending requests.
    #[cfg(feature = "testing")]
    pub(crate) fn pending_calls(&self) -> usize {
        self.pending().len()
    }

    pub(super) fn open(&self) -> MutexGuard<'_, OpenRequests> {
        lock(&self.0.open)
    }

    pub(super) fn pending(&self) -> MutexGuard<'_, PendingRequests> {
        lock(&self.0.pending)
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
