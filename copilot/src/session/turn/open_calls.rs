//! The tool calls that the agent waits for in a turn, as far as the events show. Pure.

use std::collections::HashSet;

use crate::events::{Event, EventName};
use crate::protocol::ToolCallId;
use crate::session::core::open_answers::OpenAnswers;

/// The open calls of the session's own agent.
#[derive(Debug, Default)]
pub(super) struct OpenCalls {
    calls: HashSet<ToolCallId>,
    /// The calls whose permission was decided, or that were requested from a program.
    begun: HashSet<ToolCallId>,
    /// Whether the agent waits for calls that were made before the events.
    is_unknown: bool,
}

impl OpenCalls {
    /// The calls of a turn whose earlier events are not known.
    pub(super) fn unknown() -> Self {
        Self { is_unknown: true, ..Self::default() }
    }

    /// Applies an event of the turn.
    pub(super) fn observe(&mut self, event: &Event) {
        if event.agent_id().is_some() {
            return;
        }
        match event.event_name() {
            EventName::AssistantTurnStart => self.is_unknown = false,
            EventName::AssistantMessage => {
                if let Some(Ok(message)) = event.assistant_message() {
                    self.calls.extend(message.tool_requests.iter().map(|call| call.tool_call_id.clone()));
                }
            }
            EventName::PermissionCompleted | EventName::ExternalToolRequested => {
                self.begun.extend(event.tool_call_id());
            }
            EventName::ToolExecutionComplete => {
                if let Some(call) = event.tool_call_id() {
                    self.calls.remove(&call);
                    self.begun.remove(&call);
                }
            }
            _ => {}
        }
    }

    /// Returns whether every call waits for a deferred answer. While a permission is open, the CLI requests no other one,
    /// so calls that have not begun wait for it too.
    pub(super) fn are_held(&self, open: &OpenAnswers, nothing_runs: bool) -> bool {
        if self.calls.is_empty() {
            return self.is_unknown && nothing_runs;
        }
        let waits_for_permission = open.has_permission();
        let is_held =
            |call: &ToolCallId| open.holds(call) || waits_for_permission && !self.begun.contains(call);
        self.calls.iter().all(is_held)
    }
}
