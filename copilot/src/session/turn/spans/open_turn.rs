//! A turn with an open span: how far its message is, and its end.

use super::totals::record_totals;
use crate::events::Event;
use crate::protocol::MessageId;
use crate::session::turn::tracker::{Progress, TurnTracker};
use crate::trace::{Content, Operation};

/// A turn that has not ended.
#[derive(Debug)]
pub(super) struct OpenTurn {
    pub(super) number: u64,
    pub(super) operation: Operation,
    pub(super) stage: Stage,
    /// The type of the last error that the agent has reported.
    pub(super) error_type: Option<String>,
    pub(super) provider: Option<String>,
}

/// How far the message of a turn is.
#[derive(Debug)]
pub(super) enum Stage {
    /// The message is not on its way yet.
    Unsent,
    /// The CLI has not accepted the message. The events since then may belong to it.
    Sent {
        was_idle: bool,
        early: Vec<Event>,
    },
    Accepted(Box<TurnTracker>),
}

impl OpenTurn {
    /// Applies an event; returns whether the turn has ended. `sent` are the messages of all open turns.
    pub(super) fn observe(&mut self, event: &Event, sent: &[MessageId]) -> bool {
        match &mut self.stage {
            Stage::Unsent => false,
            Stage::Sent { early, .. } => {
                early.push(event.clone());
                false
            }
            Stage::Accepted(tracker) => {
                tracker.observe(event, |message| sent.contains(message)) != Progress::Continues
            }
        }
    }

    pub(super) fn has_begun(&self) -> bool {
        matches!(&self.stage, Stage::Accepted(tracker) if tracker.has_begun())
    }

    /// Whether the next work of the agent is for this message.
    pub(super) fn is_next(&self) -> bool {
        match &self.stage {
            Stage::Unsent => false,
            Stage::Sent { was_idle, .. } => *was_idle,
            Stage::Accepted(tracker) => !tracker.is_behind(),
        }
    }

    /// Returns the message, once the CLI has accepted it.
    pub(super) fn message(&self) -> Option<&MessageId> {
        match &self.stage {
            Stage::Accepted(tracker) => Some(tracker.message()),
            Stage::Unsent | Stage::Sent { .. } => None,
        }
    }

    /// Ends the turn as its last event says.
    pub(super) fn end(mut self, content: Option<&Content>) {
        let span = &self.operation.span;
        if let Stage::Accepted(tracker) = &self.stage {
            record_totals(span, &tracker.usage);
            if tracker.aborted {
                span.record("copilot.aborted", true);
            }
            if let (Some(content), Some(Ok(answer))) =
                (content, tracker.answer().and_then(Event::assistant_message))
            {
                let message = content.message("assistant", &answer.content, Some("stop"));
                span.record("gen_ai.output.messages", message);
            }
            if tracker.error.is_some() {
                let error_type = self.error_type.take();
                self.operation.fail(error_type.as_deref().unwrap_or("agent"));
            }
        }
    }
}
