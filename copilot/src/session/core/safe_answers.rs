//! The safe answer to each kind of request, in one place.
//!
//! A request gets its safe answer when it cannot be read, when it belongs to no open session, and when its handler has
//! failed or panicked. The safe answer grants nothing: a permission and a guarded tool are denied, a plan is not
//! approved, a form and a login are cancelled. A request without a safe answer, such as one for a token, gets an error.
//! Texts that name the cause name the member of the request.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::consult::Question;
use super::handler::BoxError;
use super::state::{SessionCore, Topics};
use super::unreadable::{Named, Unreadable, text};
use crate::events::EventName;
use crate::rpc::{Head, INVALID_PARAMS, Responder};

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
        name: EventName,
        data: &RawValue,
        error: &serde_json::Error,
    ) {
        tracing::error!(%error, name = name.as_str(), session = %self.id, "a request cannot be read");
        if let Some(named) = Named::read(data) {
            self.send_safe_answer(name, &named, error);
        }
    }

    /// Answers an event that was skipped, where it asks and its beginning names the request.
    pub(super) fn answer_skipped(self: &Arc<Self>, head: &Head<'_>, why: &str) {
        let (Some(event), Some(request)) = (&head.event, &head.request) else { return };
        let name = EventName::read(event);
        if self.topics.unreadable(name).is_none() {
            return;
        }
        // Every CLI denies words that it does not know in an answer to an event, so the newest words are safe.
        let mut known = json!({"requestId": request, "promptRequest": {}});
        if let Some(tool) = &head.tool {
            known["toolName"] = json!(tool);
        }
        let known = to_raw_value(&known).expect("text is JSON");
        let Some(named) = Named::read(&known) else { return };
        let error: serde_json::Error = serde::de::Error::custom(why);
        tracing::error!(%error, event = name.as_str(), session = %self.id, "a request was skipped");
        self.send_safe_answer(name, &Named { is_skipped: true, ..named }, &error);
    }

    fn send_safe_answer(self: &Arc<Self>, name: EventName, named: &Named<'_>, error: &serde_json::Error) {
        let safe = self.topics.unreadable(name).and_then(|safe| safe(self, named, error));
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
    pub(in crate::session) fn can_be_answered(&self, name: EventName, data: &RawValue) -> bool {
        let has_id = Named::read(data).is_none_or(|named| named.id().is_some());
        if !has_id {
            tracing::error!(name = name.as_str(), session = %self.id, "a request without `requestId` cannot be answered");
        }
        has_id
    }
}

fn unreadable(error: &serde_json::Error) -> BoxError {
    format!("the request cannot be read: {error}").into()
}
