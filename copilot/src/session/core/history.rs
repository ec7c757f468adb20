//! How far the conversation of a session has come. Pure.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::events::{EventHead, EventName};

/// The number of messages that the agent has begun with, and in the highest bit whether the session is one of an earlier
/// program: in four bytes, because each session has it. The reader and the recovery of a lost end change the value.
#[derive(Debug, Default)]
pub(in crate::session) struct History(AtomicU32);

const IS_RESUMED: u32 = 1 << 31;

impl History {
    /// Marks a session of an earlier program.
    pub(in crate::session) fn resumed(&self) {
        self.0.fetch_or(IS_RESUMED, Ordering::Relaxed);
    }

    /// Whether the session is one of an earlier program.
    pub(in crate::session) fn is_resumed(&self) -> bool {
        self.0.load(Ordering::Relaxed) & IS_RESUMED != 0
    }

    /// Reads an event.
    pub(in crate::session) fn observe(&self, event: &EventHead<'_>) {
        if event.name() != EventName::UserMessage || event.agent().is_some() {
            return;
        }
        let next = |now: u32| Some((now & IS_RESUMED) | (now.wrapping_add(1) & !IS_RESUMED));
        let _: Result<u32, u32> = self.0.fetch_update(Ordering::AcqRel, Ordering::Relaxed, next);
    }

    /// Returns how many messages the agent has begun with.
    pub(in crate::session) fn begun(&self) -> u32 {
        self.0.load(Ordering::Acquire) & !IS_RESUMED
    }
}
