//! Requests that handlers of the program answer, each in a separate task.
//!
//! Runs on the reader's task, so it only looks up and spawns. Every question is answered: where there is no handler,
//! or it fails, with the safe answer of its kind.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use futures_core::future::BoxFuture;
use serde_json::value::RawValue;
use tracing::Span;

use super::handler::BoxError;
use super::in_flight::{self, Cause, SafeResponse, Work};
use super::reentrancy::within_session;
use super::state::{Entry, SessionCore};
use crate::contain;
use crate::error::{Error, ErrorKind};
use crate::events::{Event, EventName, HandlerFailure};
use crate::protocol::ToolCallId;
use crate::protocol::decode::{self, Decode};
use crate::protocol::encode::Encode;
use crate::protocol::tools::Settled;
use crate::random;
use crate::rpc::{INTERNAL_ERROR, Responder};
use crate::task::{self, lock};
use crate::tools::CancellationToken;
use crate::trace;

/// Answers a question with the value in its slot, or with the safe answer where the slot is empty.
type GiveAnswer = Box<dyn FnOnce(&Arc<SessionCore>) + Send>;

/// A question that a handler is about to answer.
pub(crate) struct Question<'a> {
    /// The handler, as its setter is called.
    pub(crate) handler: &'static str,
    /// The subject of the question, for a person to read.
    pub(crate) what: Cow<'a, str>,
    /// How it came.
    pub(crate) cause: Cause,
    /// The tool call that the question is about.
    pub(crate) call_id: Option<ToolCallId>,
    /// The trace context that came with the question: `traceparent` and `tracestate`.
    pub(crate) trace: Option<(String, Option<String>)>,
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
        let cause = Cause::Request(random::id().into(), SafeResponse::new(responder, safe));
        Self { handler, what: what.into(), cause, call_id: None, trace: None }
    }

    /// A question that an event has asked, with the id to answer it under.
    pub(crate) fn event(handler: &'static str, what: impl Into<Cow<'a, str>>, id: &str) -> Self {
        Self { handler, what: what.into(), cause: Cause::Event(id.into()), call_id: None, trace: None }
    }
}

impl SessionCore {
    /// Reads the parameters of a request and hands them on.
    pub(crate) fn read<'a, P: Decode<'a>>(
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
    pub(crate) fn read_event<'a, P: Decode<'a>>(
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

    /// Runs a handler of the program in a separate task. `answer` gets the output of `work`, or `None` where the handler
    /// failed or was cancelled; it is not called where an event asked and was answered elsewhere.
    pub(crate) fn consult<A, F>(
        self: &Arc<Self>,
        question: Question<'_>,
        work: F,
        answer: impl FnOnce(&Arc<Self>, Option<A>) + Send + 'static,
    ) where
        A: Send + 'static,
        F: Future<Output = Result<A, BoxError>> + Send + 'static,
    {
        // The handler puts its value into a slot, so that the rest of the code is not generic over its type.
        let given = Arc::new(Mutex::new(None));
        let take = {
            let given = Arc::clone(&given);
            move |core: &Arc<Self>| {
                let given = lock(&given).take();
                answer(core, given);
            }
        };
        let work = async move {
            *lock(&given) = Some(work.await?);
            Ok(())
        };
        self.consult_any(question, Box::pin(work), Box::new(take));
    }

    /// Runs a handler. `answer` runs when the work has ended in any way; the slot is empty unless it has succeeded.
    fn consult_any(
        self: &Arc<Self>,
        question: Question<'_>,
        work: BoxFuture<'static, Result<(), BoxError>>,
        answer: GiveAnswer,
    ) {
        let Question { handler, what, cause, call_id, trace } = question;
        let trace = trace.as_ref().map(|(parent, state)| (parent.as_str(), state.as_deref()));
        let call_id = call_id.as_ref().map(ToolCallId::as_str);
        let span = self.spans.handler(&self.id, handler, call_id, trace);
        let is_event = matches!(cause, Cause::Event(_));
        let cancel = CancellationToken::default();
        let token = cancel.clone();
        let work = |core: Entry| async move {
            match token.run_until_cancelled(task::catch(work)).await {
                None | Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => core.handler_failed(handler, error),
                Some(Err(panic)) => core.handler_failed(handler, format!("it panicked: {panic}").into()),
            }
            // A request waits for its answer in any case; the answer to an event needs a connection.
            if !is_event || core.peer_unless_cancelled(&token).await.is_some() {
                answer(&core);
            }
        };
        let request = Work::Request(what.into_owned());
        if !in_flight::run(self, cause, request, cancel, |entry| {
            within_session(self, span, Box::pin(work(entry)))
        }) {
            tracing::debug!(handler, "a question came twice, or after the session was closed");
        }
    }

    /// Answers a question that an event has asked.
    pub(crate) fn post_answer(&self, method: &'static str, params: &dyn Encode) {
        // Gone: with the CLI that asked, the question is gone as well.
        let Some(peer) = self.connection.current() else { return };
        log_unsent(peer.request(method, params).detach(), method);
    }

    /// Reports a failed handler to the program; the CLI gets the safe answer.
    pub(crate) fn handler_failed(&self, handler: &'static str, error: BoxError) {
        let text = contain::text(&error);
        contain::discard(error);
        let error = text;
        // That of the handler, or of the decision about a permission.
        trace::fail(&Span::current(), Some("handler_failed"));
        tracing::error!(handler, error, session = %self.id, "a handler failed; the CLI gets the safe answer");
        let error = Error::new(ErrorKind::Session, format!("the handler `{handler}` failed: {error}"));
        let failed = Event::handler_failed(HandlerFailure { handler, error });
        // Wakers of subscribers may be the program's, and the CLI still waits for the answer.
        if let Err(panic) = contain::run(|| self.subscribers.publish(&failed)) {
            tracing::error!(panic, "a subscriber panicked while it was woken");
        }
    }
}

/// Cancels the handler of a request that was answered elsewhere. For the `*.completed` events.
pub(crate) fn settled(session: &Arc<SessionCore>, data: &RawValue) {
    if let Ok(settled) = decode::usual_question::<Settled<'_>>(data.get()) {
        session.calls.cancel(&settled.request_id);
        session.open_answers.remove(&settled.request_id);
    }
}

/// Logs an answer that could not be sent. One that is lost with its connection is not an error, because the end of the
/// connection is reported elsewhere.
pub(crate) fn log_unsent(sent: crate::Result<()>, what: &str) {
    if let Err(error) = sent {
        if error.is_disconnected() || error.kind() == ErrorKind::Closed {
            tracing::debug!(%error, "{what} came after the connection had ended");
        } else {
            tracing::error!(%error, "{what} could not be sent");
        }
    }
}
