//! The safe answer to each kind of question, in one place.
//!
//! A question gets it that cannot be read, that belongs to no open session, or whose handler has failed or panicked.
//! The safe answer grants nothing: a permission and a guarded tool are denied, a plan is not approved, a form and a
//! login are cancelled. A question without a safe answer, such as one for a token, gets an error. Texts that name what
//! is wrong name the member of the question.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::events::EventName;
use crate::protocol::decode;
use crate::protocol::permissions::Vocabulary;
use crate::protocol::tools::Wrapped;
use crate::rpc::{Head, INVALID_PARAMS, Responder};
use crate::session::core::Inbox;
use crate::session::core::consult::Question;
use crate::session::core::handler::BoxError;
use crate::session::core::topic::Topics;
use crate::session::permissions::policy::Decision;
use crate::tools::ToolResult;

/// The answer to a permission request.
pub(in crate::session) const PERMISSION: Decision = Decision::Unavailable;
/// The parts of a question that name it, as they were sent: each may be of a wrong type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Named<'a> {
    #[serde(borrow, default)]
    request_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    command_name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    prompt_request: Option<&'a RawValue>,
    #[serde(borrow, default)]
    resolved_by_hook: Option<&'a RawValue>,
    #[serde(borrow, default)]
    hook_type: Option<&'a RawValue>,
}

impl<'a> Named<'a> {
    /// `None` where it is not an object.
    pub(crate) fn read(payload: &'a RawValue) -> Option<Self> {
        decode::event(payload.get()).ok().filter(|_| payload.get().starts_with('{'))
    }

    /// The name of the command, where it can be read.
    pub(crate) fn command(&self) -> Option<Cow<'a, str>> {
        text(self.command_name)
    }

    /// The kind of the hook, where it can be read.
    pub(crate) fn hook(&self) -> Option<Cow<'a, str>> {
        text(self.hook_type)
    }

    /// The id that an answer carries: a text that is not empty, or any other value but `null`.
    fn id(&self) -> Option<&'a RawValue> {
        self.request_id.filter(|id| id.get() != r#""""#)
    }
}

/// A text; `None` for any other value.
fn text(value: Option<&RawValue>) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    decode::question::<Text<'_>>(value?.get()).ok().map(|Text(text)| text)
}

/// The safe answer to an event that asks and cannot be read.
pub(crate) struct Unreadable {
    /// The setter of the handler that the program has for the question, if it has one.
    pub(crate) handler: Option<&'static str>,
    /// The method of the answer.
    pub(crate) method: &'static str,
    /// The members of the answer beside the ids.
    pub(crate) answer: Value,
}

impl Unreadable {
    /// An answer in place of a handler's.
    pub(crate) fn new(handler: &'static str, method: &'static str, answer: Value) -> Self {
        Self { handler: Some(handler), method, answer }
    }
}

impl Inbox {
    /// Answers a request that belongs to no open session, or does not name one.
    pub(crate) fn refuse(
        topics: &Topics,
        method: &str,
        params: &RawValue,
        responder: Responder,
        code: i64,
        why: &str,
    ) {
        if method == "permission.request" {
            // Never by an error, nor in any but the old words: the oldest CLIs take an unknown word for a yes.
            tracing::error!(why, "a permission request cannot be decided; denied");
            return responder.ok(&Wrapped { result: &PERMISSION.to_wire(Vocabulary::Old) });
        }
        if let Some(responder) = topics.refuse(method, params, responder) {
            responder.error(code, why);
        }
    }

    /// Answers a request of this session that cannot be read, and reports it to the program where it has a handler.
    pub(in crate::session) fn refuse_unreadable(
        &self,
        method: &str,
        params: &RawValue,
        responder: Responder,
        error: &serde_json::Error,
    ) {
        let why = format!("{method}: {error}");
        match method {
            "tool.call" => {
                tracing::error!(why, session = %self.id, "a tool call cannot be read");
                let tool = Named::read(params).and_then(|named| text(named.tool_name));
                responder.ok(&Wrapped { result: &unreadable_call(tool.as_deref(), error) });
            }
            _ => Self::refuse(self.topics, method, params, responder, INVALID_PARAMS, &why),
        }
        if let Some(handler) = self.handler_of(method) {
            self.handler_failed(handler, unreadable(error));
        }
    }

    fn handler_of(&self, method: &str) -> Option<&'static str> {
        match method {
            "permission.request" => self.policy.handler.is_some().then_some("on_permission"),
            _ => self.topics.handler_of(self, method),
        }
    }

    /// Answers an event of this name that asks and cannot be read. A question that another client of the session has
    /// to answer is left to that one.
    pub(in crate::session) fn answer_unreadable(
        self: &Arc<Self>,
        name: EventName,
        data: &RawValue,
        error: &serde_json::Error,
    ) {
        tracing::error!(%error, name = name.as_str(), session = %self.id, "a question cannot be read");
        let Some(named) = Named::read(data) else { return };
        let (Some(id), Some(safe)) = (named.id(), self.safe_answer(name, &named, error)) else { return };
        let Unreadable { handler, method, answer } = safe;
        let mut params = answer;
        params["sessionId"] = json!(self.id);
        params["requestId"] = json!(id);
        let key = text(Some(id)).unwrap_or(Cow::Borrowed(id.get()));
        let Some(handler) = handler else { return self.post_answer(method, &params) };
        let failed = unreadable(error);
        let question = Question::event(handler, "a question that cannot be read", &key);
        self.consult(question, async { Err::<(), BoxError>(failed) }, move |inbox, _| {
            inbox.post_answer(method, &params);
        });
    }

    /// Answers an event of which only the beginning is known, where it asks and that names the request.
    pub(in crate::session) fn answer_skipped(self: &Arc<Self>, head: &Head<'_>, why: &str) {
        let (Some(event), Some(request)) = (&head.event, &head.request) else { return };
        let name = EventName::read(event);
        let asks = match name {
            // Without its name the tool may be another client's.
            EventName::ExternalToolRequested => head.tool.is_some(),
            // In a session of other clients these decide.
            EventName::PermissionRequested => !self.joins,
            _ => self.topics.unreadable(name).is_some(),
        };
        if !asks {
            return;
        }
        // Every CLI denies what it does not understand in an answer to an event, so the newest words are safe.
        let mut known = json!({"requestId": request, "promptRequest": {}});
        if let Some(tool) = &head.tool {
            known["toolName"] = json!(tool);
        }
        let known = to_raw_value(&known).expect("text is JSON");
        self.answer_unreadable(name, &known, &serde::de::Error::custom(why));
    }

    fn safe_answer(
        &self,
        name: EventName,
        named: &Named<'_>,
        error: &serde_json::Error,
    ) -> Option<Unreadable> {
        match name {
            EventName::ExternalToolRequested => {
                let tool = text(named.tool_name);
                // A call whose tool cannot be read is not another client's either.
                if tool.as_deref().is_some_and(|tool| self.tools().get(tool).is_none()) {
                    return None;
                }
                let answer = json!({"result": unreadable_call(tool.as_deref(), error)});
                Some(Unreadable { handler: None, method: "session.tools.handlePendingToolCall", answer })
            }
            EventName::PermissionRequested => {
                if named.resolved_by_hook.is_some_and(|resolved| resolved.get() == "true") {
                    return None;
                }
                let words = if named.prompt_request.is_some() { Vocabulary::New } else { Vocabulary::Old };
                let method = "session.permissions.handlePendingPermissionRequest";
                let answer = json!({"result": PERMISSION.to_wire(words)});
                let handler = self.policy.handler.is_some().then_some("on_permission");
                Some(Unreadable { handler, method, answer })
            }
            _ => self.topics.unreadable(name)?(self, named, error),
        }
    }

    /// Whether an event that asks has an id to answer it under. Without one it is not handled: no answer would reach
    /// the CLI.
    pub(in crate::session) fn can_be_answered(&self, name: EventName, data: &RawValue) -> bool {
        let has_id = Named::read(data).is_none_or(|named| named.id().is_some());
        if !has_id {
            let name = name.as_str();
            tracing::error!(name, session = %self.id, "a question without `requestId` cannot be answered");
        }
        has_id
    }
}

fn unreadable(error: &serde_json::Error) -> BoxError {
    format!("the question cannot be read: {error}").into()
}

fn unreadable_call(tool: Option<&str>, error: &serde_json::Error) -> ToolResult {
    let tool = tool.map_or_else(String::new, |tool| format!(" of `{tool}`"));
    ToolResult::failure(format!("The call{tool} cannot be read, and the tool was not run: {error}"))
}
