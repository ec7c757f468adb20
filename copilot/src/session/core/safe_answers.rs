//! The safe answer to each kind of request, in one place.
//!
//! A request gets its safe answer when it cannot be read, when it belongs to no open session, and when its handler has
//! failed or panicked. The safe answer grants nothing: a permission and a guarded tool are denied, a plan is not
//! approved, a form and a login are cancelled. A request without a safe answer, such as one for a token, gets an error.
//! Texts that name the cause name the member of the request.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::json;
use serde_json::value::RawValue;

use super::consult::Question;
use super::handler::BoxError;
use super::state::{SessionCore, Topics};
use super::unreadable::{Named, Unreadable, text};
use crate::rpc::{INVALID_PARAMS, Responder};

impl SessionCore {
    /// Answers a request that belongs to no open session, or does not name one.
    pub(crate) fn refuse(
        topics: &Topics,
        method: &str,
        params: &RawValue,
        responder: Responder,
        code: i64,
        why: &str,
    ) {
        if let Some(responder) = topics.refuse(method, params, responder) {
            responder.error(code, why);
        }
    }

    /// Answers a request of this session that cannot be read, and reports it to the program where it has a handler.
    pub(crate) fn refuse_unreadable(
        &self,
        method: &str,
        params: &RawValue,
        responder: Responder,
        error: &serde_json::Error,
    ) {
        let why = format!("{method}: {error}");
        Self::refuse(self.topics, method, params, responder, INVALID_PARAMS, &why);
        if let Some(handler) = self.topics.handler_of(self, method) {
            self.handler_failed(handler, unreadable(error));
        }
    }

    /// Answers an event of this name that asks and cannot be read. A request that another client of the session has to
    /// answer is left to that client.
    pub(in crate::session) fn answer_unreadable(
        self: &Arc<Self>,
        name: &str,
        data: &RawValue,
        error: &serde_json::Error,
    ) {
        tracing::error!(%error, name, session = %self.id, "a request cannot be read");
        let Some(named) = Named::read(data) else { return };
        let safe = self.topics.unreadable(name).and_then(|safe| safe(self, &named, error));
        let (Some(id), Some(safe)) = (named.id(), safe) else { return };
        let Unreadable { handler, method, answer } = safe;
        let mut params = answer;
        params["sessionId"] = json!(self.id);
        params["requestId"] = json!(id);
        let key = text(Some(id)).unwrap_or(Cow::Borrowed(id.get()));
        let Some(handler) = handler else { return self.post_answer(method, &params) };
        let failed = unreadable(error);
        let question = Question::event(handler, "a request that cannot be read", &key);
        self.consult(question, async { Err::<(), BoxError>(failed) }, move |core, _| {
            core.post_answer(method, &params);
        });
    }

    /// Returns whether an event that asks has an id to answer it under. Without one it is not handled: no answer would
    /// reach the CLI.
    pub(in crate::session) fn can_be_answered(&self, name: &str, data: &RawValue) -> bool {
        let has_id = Named::read(data).is_none_or(|named| named.id().is_some());
        if !has_id {
            tracing::error!(name, session = %self.id, "a request without `requestId` cannot be answered");
        }
        has_id
    }
}

fn unreadable(error: &serde_json::Error) -> BoxError {
    format!("the request cannot be read: {error}").into()
}
