//! Events that the library itself adds to a session's stream. They never come from the CLI, and have no id.

use std::time::Duration;

use super::{Event, EventHead, EventKind, EventName};
use crate::error::Error;
use crate::protocol::decode::Decode;
use crate::protocol::permissions::PendingPermission;
use crate::protocol::tools::PendingTool;
use crate::protocol::{RequestId, ToolCallId, decode};

/// A tool reports its progress, with `ToolContext::progress`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ToolProgress {
    /// The tool call.
    pub tool_call_id: ToolCallId,
    /// The tool's name.
    pub tool_name: String,
    /// The completed part, from 0 to 1; `None` where the tool gave a number that is not finite.
    pub fraction: Option<f64>,
    /// The text of the tool, for people.
    pub message: String,
}

/// An answer that the CLI waits for was left for later: the result of a [deferred](crate::deferred) call, or the decision
/// about a permission request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AnswerDeferred {
    /// The id of the request, by which [`Session::pending`](crate::Session::pending) lists it.
    pub request_id: RequestId,
    /// The tool call; `None` for a permission request that is not about one.
    pub tool_call_id: Option<ToolCallId>,
    /// The tool's name, where it is known.
    pub tool_name: Option<String>,
    /// Whether a decision about a permission is open, rather than the result of a call.
    pub is_permission: bool,
}

/// A handler of the program failed, and the CLI got the safe answer instead.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HandlerFailure {
    /// The setter of the handler, such as `on_permission`.
    pub handler: &'static str,
    /// The error that the handler returned, or its panic.
    pub error: Error,
}

/// A message of the CLI about the session was skipped: it is over the limit of
/// [`max_frame_bytes`](crate::ClientBuilder::max_frame_bytes), or it is not JSON.
///
/// A turn whose answer may have been in it fails with the error.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MessageSkipped {
    /// The type of the event in it, as on the wire, where the beginning of the message has it.
    pub event: Option<String>,
    /// Why it was skipped, with the limit.
    pub error: Error,
}

/// The CLI was lost and started again, and the session resumed.
///
/// Files on disk are unchanged. A turn that was running has failed with the cause and may be sent again, unless tool
/// calls of it continue.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Restarted {
    /// Why the CLI was lost.
    pub cause: Error,
    /// The tool calls and questions that were running and have been cancelled, as text for people.
    pub cancelled: Vec<String>,
    /// The tool calls that continue, as text for people; see
    /// [`Resume::continue_pending_work`](crate::resume::Resume::continue_pending_work).
    pub continued: Vec<String>,
}

/// A turn has had no event for a while, and has not failed yet.
///
/// Reported once for each silence, after [`AskRequest::report_silence`].
///
/// [`AskRequest::report_silence`]: crate::session::AskRequest::report_silence
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TurnStalled {
    /// The time since the last event of the turn, or since the message was sent.
    pub silent_for: Duration,
    /// The name of the turn's last event on the wire; `None` without one.
    pub last_event: Option<String>,
    /// The tool calls, permissions and other questions that the CLI waits for, for a person to read: those that this
    /// program works on, and those that the CLI itself lists, which may belong to other programs.
    pub waiting_for: Vec<String>,
    /// The names of the MCP servers that the CLI is still connecting to, if it says so within a second.
    pub connecting: Vec<String>,
}

/// Events of the CLI did not arrive, and have been recovered: the CLI lists the requests that it waits for, and its log has
/// all events.
///
/// A lost question was handled like any other, once for each request id.
///
/// # Examples
///
/// ```
/// use copilot::{Event, EventKind};
///
/// fn log(event: &Event) {
///     if let EventKind::EventsRecovered(recovered) = event.kind() {
///         for lost in &recovered.events {
///             eprintln!("{} was lost ({:?})", lost.name, recovered.cause);
///         }
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventsRecovered {
    /// Why the CLI was asked.
    pub cause: RecoveryCause,
    /// The events that were lost, the oldest first.
    pub events: Vec<RecoveredEvent>,
}

/// The observation that has shown the loss of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecoveryCause {
    /// The agent has announced a call of a tool of this program, and the CLI has not requested it for two seconds.
    CallNotRequested,
    /// A turn has had no event for the time of [`AskRequest::report_silence`](crate::session::AskRequest::report_silence).
    TurnStalled,
    /// The agent has answered, and the CLI has not reported the end of the turn for two seconds.
    TurnNotEnded,
    /// A turn has ended without an answer.
    AnswerMissing,
    /// A message was skipped, as [`MessageSkipped`] reports.
    MessageSkipped,
}

/// An event that was lost and recovered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoveredEvent {
    /// The type of the event, as on the wire.
    pub name: String,
    /// The request that the event is about; `None` for an event that asks nothing.
    pub request_id: Option<RequestId>,
    /// The tool call that the event is about, where it names one.
    pub tool_call_id: Option<ToolCallId>,
    /// The tool that is called, where the event names one.
    pub tool_name: Option<String>,
}

impl RecoveredEvent {
    /// An event that is about no request.
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), request_id: None, tool_call_id: None, tool_name: None }
    }

    pub(crate) fn read(head: &EventHead<'_>) -> Self {
        #[derive(Default, Decode)]
        #[serde(rename_all = "camelCase", default)]
        struct About {
            request_id: Option<RequestId>,
            tool_call_id: Option<ToolCallId>,
            tool_name: Option<String>,
            permission_request: Option<Box<Self>>,
        }

        let mut about = decode::event::<About>(head.data().get()).unwrap_or_default();
        let inner = about.permission_request.take().map(|inner| *inner).unwrap_or_default();
        Self {
            name: head.tag.text.clone().into_owned(),
            request_id: about.request_id,
            tool_call_id: about.tool_call_id.or(inner.tool_call_id),
            tool_name: about.tool_name.or(inner.tool_name),
        }
    }

    /// A tool call that the CLI lists.
    pub(crate) fn tool_call(call: &PendingTool) -> Self {
        Self {
            name: EventName::ExternalToolRequested.as_str().to_owned(),
            request_id: Some(call.request_id.as_str().into()),
            tool_call_id: Some(call.tool_call_id.as_str().into()),
            tool_name: Some(call.tool_name.clone()),
        }
    }

    /// A permission request that the CLI lists.
    pub(crate) fn permission(asked: &PendingPermission) -> Self {
        let request_id = Some(asked.request_id.as_str().into());
        Self { request_id, ..Self::named(EventName::PermissionRequested.as_str()) }
    }
}

impl Event {
    pub(crate) fn events_recovered(recovered: EventsRecovered) -> Self {
        Self::local(EventName::EventsRecovered, EventKind::EventsRecovered(Box::new(recovered)))
    }

    pub(crate) fn turn_stalled(stalled: TurnStalled) -> Self {
        Self::local(EventName::TurnStalled, EventKind::TurnStalled(Box::new(stalled)))
    }

    pub(crate) fn restarted(restarted: Restarted) -> Self {
        Self::local(EventName::Restarted, EventKind::Restarted(Box::new(restarted)))
    }

    pub(crate) fn message_skipped(skipped: MessageSkipped) -> Self {
        Self::local(EventName::MessageSkipped, EventKind::MessageSkipped(Box::new(skipped)))
    }

    pub(crate) fn lagged(missed: u64) -> Self {
        Self::local(EventName::Lagged, EventKind::Lagged(missed))
    }

    pub(crate) fn tool_progress(progress: ToolProgress) -> Self {
        Self::local(EventName::ToolProgress, EventKind::ToolProgress(Box::new(progress)))
    }

    pub(crate) fn answer_deferred(deferred: AnswerDeferred) -> Self {
        Self::local(EventName::AnswerDeferred, EventKind::AnswerDeferred(Box::new(deferred)))
    }

    pub(crate) fn handler_failed(failure: HandlerFailure) -> Self {
        Self::local(EventName::HandlerFailed, EventKind::HandlerFailed(failure))
    }

    pub(crate) fn disconnected(cause: Error) -> Self {
        Self::local(EventName::Disconnected, EventKind::Disconnected(cause))
    }
}
