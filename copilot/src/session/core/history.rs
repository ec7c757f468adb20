//! How far the conversation of a session has come. Pure.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::events::{EventHead, EventName};

/// The messages that the agent has begun with, and whether a restart of the CLI may replace the session by an empty one.
///
/// The CLI writes a session to the disk once it has worked on a message. Only the reader changes the values.
#[derive(Debug, Default)]
pub(in crate::session) struct History {
    begun: AtomicU32,
    is_kept: AtomicBool,
}

impl History {
    /// Marks a session of an earlier program.
    pub(in crate::session) fn resumed(&self) {
        self.is_kept.store(true, Ordering::Relaxed);
    }

    /// Reads an event.
    pub(in crate::session) fn observe(&self, event: &EventHead<'_>) {
        match event.name() {
            EventName::UserMessage if event.agent().is_none() => {
                self.begun.fetch_add(1, Ordering::AcqRel);
            }
            EventName::SessionIdle if event.agent().is_none() && self.begun() > 0 => self.resumed(),
            _ => {}
        }
    }

    /// Returns how many messages the agent has begun with.
    pub(in crate::session) fn begun(&self) -> u32 {
        self.begun.load(Ordering::Acquire)
    }

    /// Whether a turn has ended, so that an empty session would lack it. The turn that the loss of the CLI interrupts has
    /// failed, and the program knows it.
    pub(in crate::session) fn is_kept(&self) -> bool {
        self.is_kept.load(Ordering::Relaxed)
    }
}
