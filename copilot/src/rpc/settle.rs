//! Calls that must be settled even when their caller has gone: what the CLI has done by then has to be taken note of,
//! or undone.

use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::pending::{Answer, Waiter};
use super::{Peer, disconnected};
use crate::error::Result;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The CLI did what it was asked, as far as can be told.
    pub(crate) done: bool,
    /// The caller is still there.
    pub(crate) awaited: bool,
}

/// What is done when a call has ended. Without a caller it runs on the reader's task, so it must not run a user's code.
pub(super) struct Settle(Box<dyn FnOnce(Outcome) + Send>);

impl Settle {
    pub(super) fn run(self, answer: &Answer, awaited: bool) {
        (self.0)(Outcome { done: answer.is_done(), awaited });
    }
}

impl fmt::Debug for Settle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settle")
    }
}

/// Runs on the reader's task when a call has ended, before the reader delivers anything later, with the result if the
/// CLI did what it was asked. It must not run a user's code.
pub(super) struct Note(Box<Noting>);

type Noting = dyn FnOnce(Option<&RawValue>) + Send;

impl Note {
    pub(super) fn run(self, answer: &Answer<&RawValue>) {
        (self.0)(match answer {
            Answer::Result(result) => Some(result),
            other => other.is_done().then_some(RawValue::NULL),
        });
    }
}

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Note")
    }
}

/// The caller's side; dropped, it leaves the settling to whoever sees the answer, or does it when the answer is here.
struct Awaited(oneshot::Receiver<(Answer, Settle)>);

impl Drop for Awaited {
    fn drop(&mut self) {
        // From here on an answer stays with the reader; one that came before is here.
        self.0.close();
        if let Ok((answer, settle)) = self.0.try_recv() {
            settle.run(&answer, false);
        }
    }
}

impl Peer {
    /// Calls `method` and returns its result as it came. Once the call has left, `settle` runs when it has ended,
    /// before the caller learns of it and also when the caller has gone; until then the call keeps its id. When the
    /// call never left, or the whole table of calls is dropped, `settle` is dropped unused.
    pub(crate) async fn call_and_settle<P>(
        &self,
        method: &str,
        params: &P,
        settle: impl FnOnce(Outcome) + Send + 'static,
    ) -> Result<Box<RawValue>>
    where
        P: Serialize + ?Sized,
    {
        self.room().await;
        let (waiter, answer) = oneshot::channel();
        self.post(method, params, Waiter::Settle(waiter, Settle(Box::new(settle))))?.keep();
        let mut awaited = Awaited(answer);
        let (answer, settle) = (&mut awaited.0).await.map_err(|_| disconnected(method))?;
        settle.run(&answer, true);
        self.read(method, answer)
    }

    /// Calls `method` and returns its result as it came. Once the call has left, `note` runs when it has ended, in order
    /// with everything else that arrives. With `keep` it also does when the caller has gone, and until then the call
    /// keeps its id.
    pub(crate) async fn call_and_note<P>(
        &self,
        method: &str,
        params: &P,
        keep: bool,
        note: impl FnOnce(Option<&RawValue>) + Send + 'static,
    ) -> Result<Box<RawValue>>
    where
        P: Serialize + ?Sized,
    {
        self.room().await;
        let (waiter, answer) = oneshot::channel();
        let registered = self.post(method, params, Waiter::Note(waiter, Note(Box::new(note))))?;
        let _forgets = if keep {
            registered.keep();
            None
        } else {
            Some(registered)
        };
        let answer = answer.await.map_err(|_| disconnected(method))?;
        self.read(method, answer)
    }

    /// Calls `method` without waiting for the answer; `settle` runs when it has come.
    pub(crate) fn post_and_settle<P>(
        &self,
        method: &str,
        params: &P,
        settle: impl FnOnce(Outcome) + Send + 'static,
    ) -> Result<()>
    where
        P: Serialize + ?Sized,
    {
        let (waiter, _) = oneshot::channel();
        self.post(method, params, Waiter::Settle(waiter, Settle(Box::new(settle))))?.keep();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::error::ErrorKind;

    /// Calls when it is dropped.
    struct CallsOnDrop(Peer);

    impl Drop for CallsOnDrop {
        fn drop(&mut self) {
            self.0.post_answer("a.b", &Value::Null).unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_dropped_with_a_call_that_cannot_be_sent_may_call() {
        let peer = Peer::new(Box::new(tokio::io::sink()));
        let calls = CallsOnDrop(peer.clone());
        let deep = (0..200).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
        let refused = peer.call_and_settle("x.y", &deep, move |_| drop(calls)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert_eq!(format!("{peer:?}"), "Peer { pending: 1, .. }");
    }
}
