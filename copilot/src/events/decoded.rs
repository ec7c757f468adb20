//! The decoded payload of an event.
//!
//! The code that decodes a payload and drops it is in a program only if something there reads that type. The library
//! reads a few types itself, each with a method below; a program that calls [`Event::kind`] has all of them.

use std::mem::{self, ManuallyDrop};

use serde_json::value::RawValue;

use super::kind::{drop_only, payload};
use super::payloads::agent::SubagentStarted;
use super::payloads::assistant::AssistantMessage;
use super::payloads::session::SessionError;
use super::payloads::tool::{ToolExecutionComplete, ToolExecutionStart};
use super::payloads::usage::{AssistantUsage, ModelCallFailure, ModelCallFinished, ModelCallStart};
use super::{Event, EventKind, EventName};
use crate::protocol::decode::{self, Decode};
use crate::protocol::{MessageId, ToolCallId};

/// A decoded payload, and the function that drops payloads of its type.
pub(super) struct Decoded {
    kind: ManuallyDrop<EventKind>,
    release: fn(EventKind),
}

impl Decoded {
    /// The payload of an event of the CLI, of any type.
    fn any(name: EventName, data: &str) -> Self {
        Self { kind: ManuallyDrop::new(EventKind::read(name, data)), release: drop }
    }

    /// The payload of an event that the library made.
    pub(super) fn local(kind: EventKind) -> Self {
        fn release(kind: EventKind) {
            drop_only!(
                kind,
                MessageSkipped
                    | Disconnected
                    | Restarted
                    | TurnStalled
                    | ToolProgress
                    | AnswerDeferred
                    | HandlerFailed
                    | EventsRecovered
            );
        }
        Self { kind: ManuallyDrop::new(kind), release }
    }
}

impl Drop for Decoded {
    fn drop(&mut self) {
        (self.release)(mem::replace(&mut *self.kind, EventKind::Other));
    }
}

impl Event {
    /// Returns the payload, typed. The first call decodes it, for all clones of the event.
    pub fn kind(&self) -> &EventKind {
        &self.0.kind.get_or_init(|| Decoded::any(self.0.name, self.raw_data())).kind
    }

    /// Returns the payload of an event that the library made; [`Other`](EventKind::Other) for one of the CLI.
    pub(crate) fn local_kind(&self) -> &EventKind {
        match self.0.kind.get() {
            Some(decoded) if self.0.name.is_local() => &decoded.kind,
            _ => &EventKind::Other,
        }
    }

    /// The member `messageId` of the payload, even if others cannot be read.
    pub(crate) fn message_id(&self) -> Option<MessageId> {
        Reached::read(self.raw_data()).message()
    }

    /// The member `originatingMessageId` of the payload, even if others cannot be read.
    pub(crate) fn originating_message_id(&self) -> Option<MessageId> {
        decode::event(self.ids().originating_message_id?.get()).ok()
    }

    /// The member `toolCallId` of the payload, even if others cannot be read.
    pub(crate) fn tool_call_id(&self) -> Option<ToolCallId> {
        decode::event(self.ids().tool_call_id?.get()).ok()
    }

    fn ids(&self) -> Ids<'_> {
        decode::event(self.raw_data()).unwrap_or_default()
    }
}

/// The ids in a payload of any type, each read by itself.
#[derive(Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Ids<'a> {
    originating_message_id: Option<&'a RawValue>,
    tool_call_id: Option<&'a RawValue>,
}

/// The members of `user.message` that say which message has reached the agent, each read by itself.
#[derive(Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Reached<'a> {
    message_id: Option<&'a RawValue>,
    delivery: Option<&'a RawValue>,
}

impl<'a> Reached<'a> {
    pub(crate) fn read(data: &'a str) -> Self {
        decode::event(data).unwrap_or_default()
    }

    /// Returns the message; `None` on CLIs that do not send it.
    pub(crate) fn message(&self) -> Option<MessageId> {
        decode::event(self.message_id?.get()).ok()
    }

    /// Whether the message steers the work on an earlier one, and belongs to its turn.
    pub(crate) fn steers(&self) -> bool {
        self.delivery.is_some_and(|delivery| delivery.get() == r#""steering""#)
    }

    /// Whether the message was in the queue until now, so that the work on earlier ones has ended.
    pub(crate) fn was_queued(&self) -> bool {
        self.delivery.is_some_and(|delivery| delivery.get() == r#""queued""#)
    }
}

/// Methods that return the payload of one type: `None` for an event of another type, `Some(Err(..))` for a payload that
/// cannot be read.
macro_rules! payloads {
    ($($method:ident: $variant:ident($payload:ty),)*) => {
        impl Event {
            $(pub(crate) fn $method(&self) -> Option<Result<&$payload, &str>> {
                fn release(kind: EventKind) {
                    drop_only!(kind, $variant | Invalid);
                }
                fn read(data: &str) -> Decoded {
                    let kind = payload(data).map_or_else(
                        |error| EventKind::Invalid(error.to_string()),
                        EventKind::$variant,
                    );
                    Decoded { kind: ManuallyDrop::new(kind), release }
                }
                if self.0.name != EventName::$variant {
                    return None;
                }
                match &*self.0.kind.get_or_init(|| read(self.raw_data())).kind {
                    EventKind::$variant(payload) => Some(Ok(payload)),
                    EventKind::Invalid(why) => Some(Err(why)),
                    _ => None,
                }
            })*
        }
    };
}

payloads! {
    assistant_message: AssistantMessage(AssistantMessage),
    assistant_usage: AssistantUsage(AssistantUsage),
    model_call_failure: ModelCallFailure(ModelCallFailure),
    model_call_finished: ModelCallFinished(ModelCallFinished),
    model_call_start: ModelCallStart(ModelCallStart),
    session_error: SessionError(SessionError),
    subagent_started: SubagentStarted(SubagentStarted),
    tool_execution_complete: ToolExecutionComplete(ToolExecutionComplete),
    tool_execution_start: ToolExecutionStart(ToolExecutionStart),
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::sync::Arc;

    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::events::{HandlerFailure, MessageSkipped};

    fn event(name: &str, data: &str) -> Event {
        let json = format!(r#"{{"type":"{name}","id":"","timestamp":"","data":{data}}}"#);
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn a_payload_is_decoded_once_for_the_library_and_for_the_program() {
        let message = event("assistant.message", r#"{"content":"a"}"#);
        assert!(message.session_error().is_none());
        let typed = message.assistant_message().unwrap().unwrap();
        let EventKind::AssistantMessage(any) = message.kind() else { panic!("{:?}", message.kind()) };
        assert!(std::ptr::eq(typed, &raw const **any));
        // The other way round.
        let message = event("assistant.message", r#"{"content":"a"}"#);
        let EventKind::AssistantMessage(any) = message.kind() else { panic!("{:?}", message.kind()) };
        assert!(std::ptr::eq(message.assistant_message().unwrap().unwrap(), &raw const **any));
    }

    #[test]
    fn a_payload_that_cannot_be_read_says_why() {
        let message = event("assistant.message", r#"{"content":5}"#);
        let why = message.assistant_message().unwrap().unwrap_err().to_owned();
        assert!(why.contains("expected a string"), "{why}");
        assert!(matches!(message.kind(), EventKind::Invalid(same) if *same == why));
    }

    #[test]
    fn only_events_of_the_library_have_a_local_kind() {
        let message = event("assistant.message", r#"{"content":"a"}"#);
        assert!(matches!(message.local_kind(), EventKind::Other));
        message.kind();
        assert!(matches!(message.local_kind(), EventKind::Other));
        assert!(matches!(Event::lagged(3).local_kind(), EventKind::Lagged(3)));
    }

    #[test]
    fn a_member_is_read_although_others_cannot_be() {
        let complete = event("tool.execution_complete", r#"{"success":7,"toolCallId":"c"}"#);
        assert_eq!(complete.tool_call_id(), Some("c".into()));
        assert_eq!(complete.message_id(), None);
        assert_eq!(event("x", "[]").tool_call_id(), None);
    }

    #[test]
    fn what_a_local_event_owns_is_dropped_with_it() {
        #[derive(Debug)]
        struct Source(Arc<()>);
        impl fmt::Display for Source {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "owned by {}", Arc::strong_count(&self.0))
            }
        }
        impl std::error::Error for Source {}
        let owned = Arc::new(());
        let error = || Error::with_source(ErrorKind::Session, "m", Source(owned.clone()));
        let events = [
            Event::disconnected(error()),
            Event::handler_failed(HandlerFailure { handler: "h", error: error() }),
            Event::message_skipped(MessageSkipped { event: None, error: error() }),
        ];
        assert_eq!(Arc::strong_count(&owned), 4);
        drop(events);
        assert_eq!(Arc::strong_count(&owned), 1);
    }
}
