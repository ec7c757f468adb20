//! The parts of a request that can be read although the whole cannot, and its safe answer. Pure.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::protocol::decode::{self, Decode};

/// The parts of a question that name it, as they were sent: each may be of a wrong type.
#[derive(Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Named<'a> {
    #[serde(default)]
    pub(in crate::session) request_id: Option<&'a RawValue>,
    #[serde(default)]
    pub(in crate::session) tool_name: Option<&'a RawValue>,
    #[serde(default)]
    pub(in crate::session) command_name: Option<&'a RawValue>,
    #[serde(default)]
    pub(in crate::session) prompt_request: Option<&'a RawValue>,
    #[serde(default)]
    pub(in crate::session) resolved_by_hook: Option<&'a RawValue>,
    #[serde(default)]
    pub(in crate::session) hook_type: Option<&'a RawValue>,
    /// Whether the message was skipped, so that only these parts are known.
    #[serde(skip)]
    pub(in crate::session) is_skipped: bool,
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

    /// The name of the tool, where it can be read.
    pub(crate) fn tool(&self) -> Option<Cow<'a, str>> {
        text(self.tool_name)
    }

    /// The kind of the hook, where it can be read.
    pub(crate) fn hook(&self) -> Option<Cow<'a, str>> {
        text(self.hook_type)
    }

    /// The id that an answer carries: a text that is not empty, or any other value but `null`.
    pub(super) fn id(&self) -> Option<&'a RawValue> {
        self.request_id.filter(|id| id.get() != r#""""#)
    }
}

/// A text; `None` for any other value.
pub(super) fn text(value: Option<&RawValue>) -> Option<Cow<'_, str>> {
    decode::question(value?.get()).ok()
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
