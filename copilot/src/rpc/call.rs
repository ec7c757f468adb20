//! Sending a request: `peer.request(method, &params)`, its options, and the way in which it is awaited.
//!
//! | last call | effect |
//! |---|---|
//! | `decoded().await` | waits for the result and decodes it |
//! | `raw().await` | waits for the result as JSON text |
//! | `queue()` | queues the request immediately; the result is awaited separately |
//! | `detach()` | queues the request; an error response is logged |
//! | `hold()` | as `detach`, but it is sent a little later, and not if the connection is closed before |
//!
//! Dropping the future of a request frees its id; a request that is queued is still sent.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::encode;
use super::outgoing::{Completion, OnEnd, OnResponse, Outcome, Waiter};
use super::peer::Peer;
use super::writer::Write;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::decode::{self, DecodeOwned};
use crate::protocol::encode::Encode;
use crate::task::DropGuard;

/// A request that is not sent yet. Created by [`Peer::request`].
#[must_use = "`raw`, `decoded`, `queue` or `detach` sends the request"]
pub(crate) struct Call<'p, 'm, 'a> {
    peer: &'p Peer,
    method: &'m str,
    params: &'a dyn Encode,
    hook: Hook,
}

/// Work of the library at the end of a request.
enum Hook {
    None,
    OnEnd(OnEnd),
    OnResponse { run: OnResponse, keep: bool },
}

impl Peer {
    /// Prepares a request.
    pub(crate) fn request<'p, 'm, 'a>(&'p self, method: &'m str, params: &'a dyn Encode) -> Call<'p, 'm, 'a> {
        Call { peer: self, method, params, hook: Hook::None }
    }

    fn send(&self, method: &str, params: &dyn Encode, waiter: Waiter, held: bool) -> Result<Registered<'_>> {
        let (id, alone) = self.pending().insert(waiter)?;
        let registered: Registered<'_> = DropGuard::new((self, id), |(peer, id)| {
            // A waiter may run code of the program when it is dropped, such as a waker: not under the lock.
            let waiter = peer.pending().remove(id);
            drop(waiter);
        });
        let write = match (held, alone) {
            (true, _) => Write::Held,
            (false, true) => Write::Now,
            (false, false) => Write::Queued,
        };
        self.0.outbox.push(write, &|body| encode::request(body, id, method, params)).map_err(|source| {
            Error::with_source(
                ErrorKind::InvalidInput,
                format!("{method}: the parameters cannot be sent"),
                source,
            )
        })?;
        Ok(registered)
    }

    /// Converts the end of a request into the result of its caller.
    fn result_of(&self, method: &str, completion: Completion) -> Result<Box<RawValue>> {
        match completion {
            Completion::Result(result) => Ok(result),
            Completion::Error(failure) => {
                let remote = self.0.remote.get();
                Err(failure.into_error(method, remote.map(|remote| &**remote)))
            }
            Completion::Unreadable(source) => {
                Err(Error::decode(format!("{method}: the CLI's response cannot be decoded"), source))
            }
            Completion::Skipped { why, sure } => {
                let what = if sure {
                    "the CLI's response was discarded"
                } else {
                    "a response of the CLI was discarded, and its beginning does not say which request it belongs to"
                };
                Err(Error::new(ErrorKind::Transport, format!("{method}: {what}: {why}")))
            }
            Completion::Lost(cause) => Err(cause),
        }
    }
}

impl<'p> Call<'p, '_, '_> {
    /// Runs `action` once when a sent request has ended: before its caller continues, and also when the caller has gone;
    /// until then the request stays pending. It runs on the reader's task when the caller has gone, so it must not run
    /// code of the program. It is dropped unused when the request was not sent, or with the whole table of requests.
    pub(crate) fn on_end(self, action: impl FnOnce(Outcome) + Send + 'static) -> Self {
        Self { hook: Hook::OnEnd(OnEnd::new(action)), ..self }
    }

    /// Runs `action` on the reader's task when a sent request has ended, before any later message is handled, with the
    /// result if the CLI did the work. It must not run code of the program. With `keep` it also runs when the caller has
    /// gone, and until then the request stays pending.
    pub(crate) fn on_response(
        self,
        keep: bool,
        action: impl FnOnce(Option<&RawValue>) + Send + 'static,
    ) -> Self {
        Self { hook: Hook::OnResponse { run: OnResponse::new(action), keep }, ..self }
    }

    /// Sends the request when the queue has room, and returns its result as JSON text.
    pub(crate) async fn raw(self) -> Result<Box<RawValue>> {
        let Self { peer, method, params, hook } = self;
        peer.room().await;
        match hook {
            Hook::None => peer.request(method, params).queue()?.result(method).await,
            Hook::OnEnd(on_end) => {
                let (waiter, completed) = oneshot::channel();
                peer.send(method, params, Waiter::OnEnd(waiter, on_end), false)?.dismiss();
                // Dropped before the response, the receiver leaves the action to the reader; dropped after it, it runs the
                // action itself.
                let mut completed = DropGuard::new(completed, |mut completed: oneshot::Receiver<_>| {
                    completed.close();
                    if let Ok((completion, on_end)) = completed.try_recv() {
                        OnEnd::run(on_end, &completion, false);
                    }
                });
                let (completion, on_end) = (&mut *completed).await.map_err(|_| disconnected(method))?;
                on_end.run(&completion, true);
                peer.result_of(method, completion)
            }
            Hook::OnResponse { run, keep } => {
                let (waiter, completed) = oneshot::channel();
                let mut registered =
                    Some(peer.send(method, params, Waiter::OnResponse(waiter, run), false)?);
                if keep {
                    registered.take().map(DropGuard::dismiss);
                }
                let completion = completed.await.map_err(|_| disconnected(method))?;
                peer.result_of(method, completion)
            }
        }
    }

    /// Sends the request when the queue has room, and decodes its result.
    pub(crate) async fn decoded<R: DecodeOwned>(self) -> Result<R> {
        let method = self.method;
        let result = self.raw().await?;
        decode(method, &result)
    }

    /// Queues the request immediately, however much is queued. Only for requests without a hook.
    pub(crate) fn queue(self) -> Result<InFlight<'p>> {
        let (waiter, completed) = oneshot::channel();
        let registered = self.peer.send(self.method, self.params, Waiter::Caller(waiter), false)?;
        Ok(InFlight { registered, completed })
    }
}

impl Call<'_, 'static, '_> {
    /// Queues the request immediately and does not wait for its response; an error response is logged.
    pub(crate) fn detach(self) -> Result<()> {
        let waiter = match self.hook {
            Hook::OnEnd(on_end) => Waiter::OnEnd(oneshot::channel().0, on_end),
            Hook::None | Hook::OnResponse { .. } => Waiter::Log(self.method),
        };
        self.peer.send(self.method, self.params, waiter, false)?.dismiss();
        Ok(())
    }

    /// Sends the request like [`detach`](Self::detach), but not if the connection is closed within the next 100 ms. Only
    /// for requests without a hook.
    pub(crate) fn hold(self) -> Result<()> {
        self.peer.send(self.method, self.params, Waiter::Log(self.method), true)?.dismiss();
        Ok(())
    }
}

/// A request in the table of pending requests; the drop removes it.
type Registered<'a> = DropGuard<(&'a Peer, u64)>;

/// A request whose response is pending; the drop frees its id.
pub(crate) struct InFlight<'a> {
    registered: Registered<'a>,
    completed: oneshot::Receiver<Completion>,
}

impl InFlight<'_> {
    /// Waits for the response to the request of `method`.
    pub(crate) async fn result(self, method: &str) -> Result<Box<RawValue>> {
        let completion = self.completed.await;
        // The id is free already.
        let (peer, _) = self.registered.dismiss();
        peer.result_of(method, completion.map_err(|_| disconnected(method))?)
    }
}

/// Returns the error of a request whose waiter was dropped.
fn disconnected(method: &str) -> Error {
    Error::new(ErrorKind::Disconnected, format!("{method}: the connection was dropped"))
}

/// Decodes a result, with the method in the error.
pub(crate) fn decode<R: DecodeOwned>(method: &str, result: &RawValue) -> Result<R> {
    decode::answer(result.get()).map_err(|source| unexpected(method, source))
}

/// Decodes a result into a type of the program, as serde does it.
pub(crate) fn decode_as<R: DeserializeOwned>(method: &str, result: &RawValue) -> Result<R> {
    serde_json::from_str(result.get()).map_err(|source| unexpected(method, source))
}

fn unexpected(method: &str, source: serde_json::Error) -> Error {
    Error::decode(format!("{method}: the CLI's response has an unexpected shape"), source)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Sends a request when it is dropped.
    struct SendsOnDrop(Peer);

    impl Drop for SendsOnDrop {
        fn drop(&mut self) {
            self.0.request("a.b", &Value::Null).detach().unwrap();
        }
    }

    #[tokio::test]
    async fn a_value_that_is_dropped_with_an_unsendable_request_may_send_one() {
        let peer = Peer::new(Box::new(tokio::io::sink()));
        let sends = SendsOnDrop(peer.clone());
        let deep = (0..200).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
        let request = peer.request("x.y", &deep).on_end(move |_| drop(sends));
        let refused = request.raw().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert_eq!(format!("{peer:?}"), "Peer { pending: 1, .. }");
    }
}
