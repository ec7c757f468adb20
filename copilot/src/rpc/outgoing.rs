//! The table of pending requests, which wait for a response. Pure: no I/O, no clock.

use std::fmt;
use std::sync::Arc;

use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::message::Failure;
use crate::error::{Error, Result};
use crate::hash::IdMap;

/// The end of a request. The reader borrows the result, which is copied only for a caller.
#[derive(Debug)]
pub(super) enum Completion<R = Box<RawValue>> {
    Result(R),
    /// A JSON-RPC error response.
    Error(Failure<'static>),
    Unreadable(serde_json::Error),
    /// A response of which only the beginning was read.
    Skipped {
        why: Arc<str>,
        /// Whether the beginning says that the response belongs to this request.
        sure: bool,
    },
    /// The connection ended.
    Lost(Error),
}

impl<R> Completion<R> {
    /// Returns whether the CLI did the work, as far as is known.
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Result(_) | Self::Unreadable(_) | Self::Skipped { sure: true, .. })
    }
}

impl Completion<&RawValue> {
    fn copied(self) -> Completion {
        match self {
            Self::Result(result) => Completion::Result(result.to_owned()),
            Self::Error(failure) => Completion::Error(failure),
            Self::Unreadable(error) => Completion::Unreadable(error),
            Self::Skipped { why, sure } => Completion::Skipped { why, sure },
            Self::Lost(cause) => Completion::Lost(cause),
        }
    }
}

/// The end of a request, for [`OnEnd`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Whether the CLI did the work, as far as is known.
    pub(crate) done: bool,
    /// Whether the caller still waits.
    pub(crate) awaited: bool,
}

/// An action for the end of a request. Without a caller it runs on the reader's task.
pub(super) struct OnEnd(Box<dyn FnOnce(Outcome) + Send>);

impl OnEnd {
    pub(super) fn new(action: impl FnOnce(Outcome) + Send + 'static) -> Self {
        Self(Box::new(action))
    }

    pub(super) fn run(self, completion: &Completion, awaited: bool) {
        (self.0)(Outcome { done: completion.is_done(), awaited });
    }
}

impl fmt::Debug for OnEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnEnd")
    }
}

/// An action that runs on the reader's task before any later message is handled.
pub(super) struct OnResponse(Box<ResponseAction>);

type ResponseAction = dyn FnOnce(Option<&RawValue>) + Send;

impl OnResponse {
    pub(super) fn new(action: impl FnOnce(Option<&RawValue>) + Send + 'static) -> Self {
        Self(Box::new(action))
    }

    fn run(self, completion: &Completion<&RawValue>) {
        (self.0)(match completion {
            Completion::Result(result) => Some(result),
            other => other.is_done().then_some(RawValue::NULL),
        });
    }
}

impl fmt::Debug for OnResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnResponse")
    }
}

/// The receiver of a response.
#[derive(Debug)]
pub(super) enum Waiter {
    /// The caller.
    Caller(oneshot::Sender<Completion>),
    /// A caller that may go, and an action that runs in any case.
    OnEnd(oneshot::Sender<(Completion, OnEnd)>, OnEnd),
    /// A caller, and an action that runs before it continues.
    OnResponse(oneshot::Sender<Completion>, OnResponse),
    /// The log, which receives an error response to this method.
    Log(&'static str),
}

impl Waiter {
    pub(super) fn complete(self, completion: Completion<&RawValue>) {
        match self {
            // A caller that has gone meanwhile does not miss the response.
            Self::Caller(waiter) => drop(waiter.send(completion.copied())),
            Self::OnEnd(waiter, on_end) => {
                if let Err((completion, on_end)) = waiter.send((completion.copied(), on_end)) {
                    on_end.run(&completion, false);
                }
            }
            Self::OnResponse(waiter, on_response) => {
                on_response.run(&completion);
                drop(waiter.send(completion.copied()));
            }
            Self::Log(method) => {
                if let Completion::Error(failure) = completion {
                    tracing::warn!(method, error = %failure.into_error(method, None), "the CLI returned an error");
                }
            }
        }
    }
}

/// Pending requests by id. [`PendingRequests::close`] is final.
#[derive(Debug, Default)]
pub(super) struct PendingRequests {
    waiters: IdMap<u64, Waiter>,
    last: u64,
    closed: Option<Error>,
}

impl PendingRequests {
    /// Adds a request. Returns its id, and whether it is the only pending one.
    pub(super) fn insert(&mut self, waiter: Waiter) -> Result<(u64, bool)> {
        if let Some(cause) = &self.closed {
            return Err(cause.clone());
        }
        self.last += 1;
        self.waiters.insert(self.last, waiter);
        Ok((self.last, self.waiters.len() == 1))
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Waiter> {
        self.waiters.remove(&id)
    }

    /// Removes all requests: the response to one of them was lost, and it is unknown to which one.
    pub(super) fn take_all(&mut self) -> Vec<Waiter> {
        self.waiters.drain().map(|(_, waiter)| waiter).collect()
    }

    /// Removes all requests, and makes later ones fail. The first cause stays.
    pub(super) fn close(&mut self, cause: Error) -> Vec<Waiter> {
        self.closed.get_or_insert(cause);
        let waiters = self.take_all();
        self.waiters.shrink_to_fit();
        waiters
    }

    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn ids_are_used_once_and_the_first_cause_stays() {
        let mut pending = PendingRequests::default();
        let (first, alone) = pending.insert(Waiter::Log("a")).unwrap();
        assert!(alone);
        let (second, alone) = pending.insert(Waiter::Log("b")).unwrap();
        assert!(!alone && first != second);
        assert!(pending.remove(first).is_some() && pending.remove(first).is_none());
        assert_eq!(pending.close(Error::new(ErrorKind::Disconnected, "one")).len(), 1);
        assert!(pending.close(Error::new(ErrorKind::Disconnected, "two")).is_empty());
        assert_eq!(pending.insert(Waiter::Log("c")).unwrap_err().to_string(), "one");
    }
}
