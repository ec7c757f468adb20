//! How far the conversation of a session has come. Pure.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::events::{EventHead, EventName};

/// The number of messages that the agent has begun with, and in the highest bit whether a restart of the CLI must not
/// replace the session by an empty one: in four bytes, because each session has it.
///
/// The CLI writes a session to the disk once it has worked on a message. The reader and the recovery of a
/// lost end change the value.
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
        let name = event.name();
        if !matches!(name, EventName::UserMessage | EventName::SessionIdle) || event.agent().is_some() {
            return;
        }
        let next = |now: u32| match name {
            EventName::UserMessage => Some((now & IS_KEPT) | (now.wrapping_add(1) & !IS_KEPT)),
            _ => (now != 0).then_some(now | IS_KEPT),
        };
        // An error where there was no message, so that nothing changes.
        let _: Result<u32, u32> = self.0.fetch_update(Ordering::AcqRel, Ordering::Relaxed, next);
    }

    /// Returns how many messages the agent has begun with.
    pub(in crate::session) fn begun(&self) -> u32 {
        self.0.load(Ordering::Acquire) & !IS_KEPT
    }

    /// Whether a turn has ended, or may have before the session was resumed, so that an empty session would lack it. The
    /// turn that the loss of the CLI interrupts has failed, and the program knows it.
    pub(in crate::session) fn is_kept(&self) -> bool {
        self.0.load(Ordering::Relaxed) & IS_KEPT != 0
    }
}
