//! What the CLI asks beside tools and permissions, and the tasks in which handlers of the program answer.
//!
//! Runs on the reader's task, so it only looks up and spawns. Every question is answered: where there is no handler,
//! or it fails, with the safe answer of its kind.

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::contain;
use crate::error::{Error, ErrorKind};
use crate::events::{Event, EventName, HandlerFailure};
use crate::protocol::decode;
use crate::random;
use crate::rpc::{INTERNAL_ERROR, Peer, Responder};
use crate::session::core::handler::BoxError;
use crate::session::core::reentrancy::answering;
use crate::session::core::running::{By, Owed, What};
use crate::session::core::{Entry, Inbox, log_unsent};
use crate::task;
use crate::tools::CancellationToken;

/// A question that a handler is about to answer.
pub(crate) struct Question<'a> {
    /// The handler, as its setter is called.
    pub(crate) handler: &'static str,
    /// What is asked, for a person to read.
    pub(crate) what: Cow<'a, str>,
    /// How it came.
    pub(crate) by: By,
}

impl<'a> Question<'a> {
    /// A question that a request has asked.
    pub(crate) fn request(
        handler: &'static str,
        what: impl Into<Cow<'a, str>>,
        responder: &Responder,
    ) -> Self {
        Self::guarded(handler, what, responder, |responder| {
            responder.error(INTERNAL_ERROR, "the session was closed before there was an answer");
        })
    }

    /// A question that a request has asked, with the answer that is given where the handler is aborted.
    pub(crate) fn guarded(
        handler: &'static str,
        what: impl Into<Cow<'a, str>>,
        responder: &Responder,
        safe: fn(Responder),
    ) -> Self {
        let by = By::Request(random::id().into(), Owed::new(responder, safe));
        Self { handler, what: what.into(), by }
    }

    /// A question that an event has asked, with the id to answer it under.
    pub(crate) fn event(handler: &'static str, what: impl Into<Cow<'a, str>>, id: &str) -> Self {
        Self { handler, what: what.into(), by: By::Event(id.into()) }
    }
}

impl Inbox {
    /// Reads the parameters of a request and hands them on.
    pub(crate) fn read<'a, P: Deserialize<'a>>(
        self: &Arc<Self>,
        method: &str,
        params: &'a RawValue,
        responder: Responder,
        then: impl FnOnce(&Arc<Self>, P, Responder),
    ) {
        match decode::question(params.get()) {
            Ok(params) => then(self, params, responder),
            Err(error) => self.refuse_unreadable(method, params, responder, &error),
        }
    }

    /// Reads the payload of an event and hands it on.
    pub(crate) fn read_event<'a, P: Deserialize<'a>>(
        self: &Arc<Self>,
        name: EventName,
        data: &'a RawValue,
        then: impl FnOnce(&Arc<Self>, P),
    ) {
        match decode::question(data.get()) {
            Ok(_) if !self.can_be_answered(name, data) => {}
            Ok(payload) => then(self, payload),
            Err(error) => self.answer_unreadable(name, data, &error),
        }
    }

    /// Has the program answer in a task of its own. `answer` gets what `work` gives, or nothing where the handler
    /// failed or nobody waits any more; it is not called where an event asked and was answered elsewhere.
    pub(crate) fn consult<A, F>(
        self: &Arc<Self>,
        question: Question<'_>,
        work: F,
        answer: impl FnOnce(&Arc<Self>, Option<A>) + Send + 'static,
    ) where
        A: Send + 'static,
        F: Future<Output = Result<A, BoxError>> + Send + 'static,
    {
        let Question { handler, what, by } = question;
        let is_event = matches!(by, By::Event(_));
        let cancel = CancellationToken::default();
        let token = cancel.clone();
        let work = |inbox: Entry| async move {
            let outcome = unless_cancelled(&token, task::catch(work)).await;
            let given = match outcome {
                None => None,
                Some(Ok(Ok(given))) => Some(given),
                Some(Ok(Err(error))) => {
                    inbox.handler_failed(handler, error);
                    None
                }
                Some(Err(panic)) => {
                    inbox.handler_failed(handler, format!("it panicked: {panic}").into());
                    None
                }
            };
            // Who has asked by a request waits for an answer in any case, and by an event only on a connection.
            if !is_event || inbox.asker(&token).await.is_some() {
                answer(&inbox, given);
            }
        };
        let what = What::Question(what.into_owned());
        if !self.run(by, what, cancel, |entry| answering(self, work(entry))) {
            tracing::debug!(handler, "a question came twice, or after the session was closed");
        }
    }

    /// The CLI that an event has asked for, once it is there: a session that is taken up again is asked before it is
    /// whole. None when nobody waits for the answer any more.
    pub(in crate::session) async fn asker(&self, cancel: &CancellationToken) -> Option<Peer> {
        let peer = match self.connection.current() {
            Some(peer) => peer,
            // Boxed, so that no answer has to make room for what is rare.
            None => Box::pin(unless_cancelled(cancel, self.connection.ready())).await?.ok()?,
        };
        Some(peer).filter(|_| !cancel.is_cancelled())
    }

    /// Answers a question that an event has asked.
    pub(crate) fn post_answer<P: Serialize>(&self, method: &'static str, params: &P) {
        // Gone: with the CLI that asked, the question is gone as well.
        let Some(peer) = self.connection.current() else { return };
        log_unsent(peer.request(method, params).detach(), method);
    }

    /// Tells the program that one of its handlers failed; the CLI gets the safe answer.
    pub(crate) fn handler_failed(&self, handler: &'static str, error: BoxError) {
        let text = contain::text(&error);
        contain::discard(error);
        let error = text;
        tracing::error!(handler, error, session = %self.id, "a handler failed; the CLI gets the safe answer");
        let error = Error::new(ErrorKind::Session, format!("the handler `{handler}` failed: {error}"));
        let failed = Event::handler_failed(HandlerFailure { handler, error });
        // Wakers of subscribers may be the program's, and the CLI still waits for the answer.
        if let Err(panic) = contain::run(|| self.subscribers.publish(&failed)) {
            tracing::error!(panic, "a subscriber panicked while it was woken");
        }
    }
}

/// The output of `work`, unless nobody waits for it any more.
pub(in crate::session) async fn unless_cancelled<F: Future>(
    token: &CancellationToken,
    work: F,
) -> Option<F::Output> {
    let (mut cancelled, mut work) = (pin!(token.cancelled()), pin!(work));
    std::future::poll_fn(|cx| {
        if cancelled.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        work.as_mut().poll(cx).map(Some)
    })
    .await
}
