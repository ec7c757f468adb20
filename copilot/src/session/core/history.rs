//! How far the conversation of a session has come. Pure.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::events::{EventHead, EventName};

/// The number of messages that the agent has begun with, and in the highest bit whether a restart of the CLI must not
/// replace the session by an empty one: in four bytes, because each session has it.
///
/// The CLI writes a session to the disk once it has worked on a message. Only the reader changes the value.
#[derive(Debug, Default)]
pub(in crate::session) struct History(AtomicU32);

const IS_KEPT: u32 = 1 << 31;

impl History {
    /// Marks a session of an earlier program.
    pub(in crate::session) fn resumed(&self) {
        self.0.fetch_or(IS_KEPT, Ordering::Relaxed);
    }

    /// Reads an event.
    pub(in crate::session) fn observe(&self, event: &EventHead<'_>) {
        let now = self.0.load(Ordering::Relaxed);
        let next = match event.name() {
            EventName::UserMessage => (now & IS_KEPT) | (now.wrapping_add(1) & !IS_KEPT),
            EventName::SessionIdle if now != 0 => now | IS_KEPT,
            _ => return,
        };
        if event.agent().is_none() {
            self.0.store(next, Ordering::Release);
        }
    }

    /// Returns how many messages the agent has begun with.
    pub(in crate::session) fn begun(&self) -> u32 {
        self.0.load(Ordering::Acquire) & !IS_KEPT
    }

    /// Whether a turn has ended, so that an empty session would lack it. The turn that the loss of the CLI interrupts has
    /// failed, and the program knows it.
    pub(in crate::session) fn is_kept(&self) -> bool {
        self.0.load(Ordering::Relaxed) & IS_KEPT != 0
    }
}
