//! The tool calls that the agent waits for in a turn, as far as the events show. Pure.

use crate::events::{Event, EventKind, EventName};
use crate::protocol::ToolCallId;
use crate::session::core::open_answers::OpenAnswers;

/// The open calls of the session's own agent.
#[derive(Debug, Default)]
pub(super) struct OpenCalls {
    calls: Vec<ToolCallId>,
    /// The calls whose permission was decided, or that were requested from a program.
    begun: Vec<ToolCallId>,
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
                if let EventKind::AssistantMessage(message) = event.kind() {
                    for call in &message.tool_requests {
                        add(&mut self.calls, &call.tool_call_id);
                    }
                }
            }
            EventName::PermissionCompleted => {
                if let EventKind::PermissionCompleted(completed) = event.kind()
                    && let Some(call) = &completed.tool_call_id
                {
                    add(&mut self.begun, call);
                }
            }
            EventName::ExternalToolRequested => {
                if let EventKind::ExternalToolRequested(requested) = event.kind() {
                    add(&mut self.begun, &requested.tool_call_id);
                }
            }
            EventName::ToolExecutionComplete => {
                if let EventKind::ToolExecutionComplete(complete) = event.kind() {
                    let other = |call: &ToolCallId| *call != complete.tool_call_id;
                    self.calls.retain(other);
                    self.begun.retain(other);
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

/// Adds a call that is not there yet. A turn has a few open calls at a time.
fn add(calls: &mut Vec<ToolCallId>, call: &ToolCallId) {
    if !calls.contains(call) {
        calls.push(call.clone());
    }
}
