//! The table of calls that wait for an answer. Pure: no I/O, no clock.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::message::Failure;
use super::settle::{Note, Settle};
use crate::error::{Error, Result};

/// How a call ended. The reader has the result borrowed, and it is copied only for somebody who wants it.
#[derive(Debug)]
pub(super) enum Answer<R = Box<RawValue>> {
    Result(R),
    Refused(Failure<'static>),
    Unreadable(serde_json::Error),
    /// An answer of which only the beginning was read, and why; whether it says that the answer is for this call.
    Skipped {
        why: Arc<str>,
        sure: bool,
    },
    Lost(Error),
}

/// Who wants to know.
#[derive(Debug)]
pub(super) enum Waiter {
    Call(oneshot::Sender<Answer>),
    /// A caller, and what is to be done in any case.
    Settle(oneshot::Sender<(Answer, Settle)>, Settle),
    /// A caller, and what is to be done before it or any later message is.
    Note(oneshot::Sender<Answer>, Note),
    /// Nobody; a refusal of this method is logged.
    Log(&'static str),
}

impl Waiter {
    pub(super) fn finish(self, answer: Answer<&RawValue>) {
        match self {
            // The caller may have gone in this very moment, and then nobody misses the answer.
            Self::Call(waiter) => drop(waiter.send(answer.copied())),
            Self::Settle(waiter, settle) => {
                if let Err((answer, settle)) = waiter.send((answer.copied(), settle)) {
                    settle.run(&answer, false);
                }
            }
            Self::Note(waiter, note) => {
                note.run(&answer);
                drop(waiter.send(answer.copied()));
            }
            Self::Log(method) => {
                if let Answer::Refused(failure) = answer {
                    tracing::warn!(method, error = %failure.into_error(method, None), "the CLI refused an answer");
                }
            }
        }
    }
}

impl<R> Answer<R> {
    /// Whether the CLI did what it was asked, as far as can be told.
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Result(_) | Self::Unreadable(_) | Self::Skipped { sure: true, .. })
    }
}

impl Answer<&RawValue> {
    fn copied(self) -> Answer {
        match self {
            Self::Result(result) => Answer::Result(result.to_owned()),
            Self::Refused(failure) => Answer::Refused(failure),
            Self::Unreadable(error) => Answer::Unreadable(error),
            Self::Skipped { why, sure } => Answer::Skipped { why, sure },
            Self::Lost(cause) => Answer::Lost(cause),
        }
    }
}

/// Calls by id. After [`Pending::close`] it takes no more.
#[derive(Debug, Default)]
pub(super) struct Pending {
    waiters: HashMap<u64, Waiter, BuildHasherDefault<IdHasher>>,
    last: u64,
    closed: Option<Error>,
}

impl Pending {
    /// Registers a call: its id, and whether it is the only one in flight.
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

    /// Takes out all calls: the CLI refused a frame without saying whose it was.
    pub(super) fn take_all(&mut self) -> Vec<Waiter> {
        self.waiters.drain().map(|(_, waiter)| waiter).collect()
    }

    /// Takes out all calls and refuses later ones. The first cause stays.
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

/// Ids are consecutive numbers of our own making: a multiplication spreads them well enough.
#[derive(Debug, Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn ids_are_used_once_and_the_first_cause_stays() {
        let mut pending = Pending::default();
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
