//! The tool calls that the agent has announced and the CLI has not requested yet. Pure.
//!
//! A call is announced by the message of the agent that asks for it, by the start of its execution, and by the permission
//! for it. Its request follows within milliseconds, unless a person decides about the permission first. An announcement
//! takes a few bytes in a vector that is used again, and no allocation.

use std::hash::BuildHasher;
use std::time::Duration;

use tokio::time::Instant;

use crate::hash::BuildIdHasher;

/// How long the request of an announced call may take before the CLI is asked for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The last pause before a question about a call, which is forgotten then: the report of a stalled turn asks later.
const LONGEST: Duration = Duration::from_secs(32);

/// The number of requested calls that are remembered, so that a late announcement is not waited for.
const RECENT: usize = 64;

/// The announced calls of one session.
#[derive(Debug, Default)]
pub(in crate::session) struct Announced {
    waiting: Vec<Call>,
    /// The calls that were requested lately.
    requested: Vec<CallKey>,
    /// The index of the oldest of them, once there are [`RECENT`].
    oldest: usize,
}

/// The key of a call: the hash of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct CallKey(u64);

/// A call that was announced and not requested.
#[derive(Debug)]
struct Call {
    key: CallKey,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// The CLI has to request it until then; `pause` is the time that it has.
    Due { at: Instant, pause: Duration },
    /// A permission for it was requested, whose decision takes the time that it takes.
    Deciding,
}

impl Phase {
    fn due(now: Instant, pause: Duration) -> Self {
        Self::Due { at: now + pause, pause }
    }
}

impl Announced {
    /// Returns the key of a call.
    pub(in crate::session) fn key(id: &str) -> CallKey {
        CallKey(BuildIdHasher::default().hash_one(id))
    }

    /// The agent is about to call a tool.
    pub(in crate::session) fn announce(&mut self, key: CallKey, now: Instant) {
        if !self.requested.contains(&key) && !self.waiting.iter().any(|call| call.key == key) {
            self.waiting.push(Call { key, phase: Phase::due(now, PATIENCE) });
        }
    }

    /// A permission for the call was requested.
    pub(in crate::session) fn deciding(&mut self, key: CallKey) {
        self.set(key, Phase::Deciding);
    }

    /// The call was permitted: its request follows.
    pub(in crate::session) fn permitted(&mut self, key: CallKey, now: Instant) {
        self.set(key, Phase::due(now, PATIENCE));
    }

    /// The CLI has requested the call.
    pub(in crate::session) fn requested(&mut self, key: CallKey) {
        self.waiting.retain(|call| call.key != key);
        if self.requested.len() < RECENT {
            self.requested.push(key);
        } else {
            self.requested[self.oldest] = key;
            self.oldest = (self.oldest + 1) % RECENT;
        }
    }

    /// The call has ended, in any way; its id may be used again.
    pub(in crate::session) fn ended(&mut self, key: CallKey) {
        self.waiting.retain(|call| call.key != key);
        if let Some(at) = self.requested.iter().position(|requested| *requested == key) {
            self.requested.swap_remove(at);
            self.oldest = 0;
        }
    }

    /// The agent is idle, or lost: it calls nothing any more.
    pub(in crate::session) fn clear(&mut self) {
        self.waiting.clear();
        self.requested.clear();
        self.oldest = 0;
    }

    /// Returns when the next call is due; `None` where no request is missing.
    pub(in crate::session) fn next_due(&self) -> Option<Instant> {
        let due = self.waiting.iter().filter_map(|call| match call.phase {
            Phase::Due { at, .. } => Some(at),
            Phase::Deciding => None,
        });
        due.min()
    }

    /// Returns whether a call is overdue. Each that is gets twice the time that it had, and is forgotten in the end.
    pub(in crate::session) fn take_overdue(&mut self, now: Instant) -> bool {
        let mut overdue = false;
        self.waiting.retain_mut(|call| {
            let Phase::Due { at, pause } = call.phase else { return true };
            if at > now {
                return true;
            }
            overdue = true;
            call.phase = Phase::due(now, 2 * pause);
            pause < LONGEST
        });
        overdue
    }

    /// Gives all calls their time again, because the CLI waits for the program.
    pub(in crate::session) fn postpone(&mut self, now: Instant) {
        for call in &mut self.waiting {
            if let Phase::Due { pause, .. } = call.phase {
                call.phase = Phase::due(now, pause);
            }
        }
    }

    fn set(&mut self, key: CallKey, phase: Phase) {
        if self.requested.contains(&key) {
            return;
        }
        match self.waiting.iter_mut().find(|call| call.key == key) {
            Some(call) => call.phase = phase,
            None => self.waiting.push(Call { key, phase }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn key(id: &str) -> CallKey {
        CallKey(id.bytes().map(u64::from).sum())
    }

    fn table() -> (Announced, Instant) {
        (Announced::default(), Instant::now())
    }

    #[test]
    fn a_call_that_is_not_requested_is_due_after_two_seconds_and_then_twice_as_late_each_time() {
        let (mut table, start) = table();
        assert_eq!(table.next_due(), None);
        table.announce(key("a"), start);
        // The start of the execution announces it again.
        table.announce(key("a"), start + SECOND);
        let mut now = start;
        for pause in [2, 4, 8, 16, 32] {
            let due = now + pause * SECOND;
            assert_eq!(table.next_due(), Some(due), "{pause}");
            assert!(!table.take_overdue(due - Duration::from_millis(1)));
            assert!(table.take_overdue(due));
            now = due;
        }
        assert!(table.next_due().is_none() && table.waiting.is_empty());
    }

    #[test]
    fn a_call_that_was_requested_is_not_due_even_when_its_announcement_comes_late() {
        let (mut table, now) = table();
        table.announce(key("a"), now);
        table.requested(key("a"));
        table.announce(key("a"), now);
        table.permitted(key("a"), now);
        assert_eq!(table.next_due(), None);
        // The scripted models of tests, and some real ones, use an id again.
        table.ended(key("a"));
        table.announce(key("a"), now);
        assert_eq!(table.next_due(), Some(now + PATIENCE));
    }

    #[test]
    fn a_call_whose_permission_is_decided_is_due_after_the_decision() {
        let (mut table, now) = table();
        table.announce(key("a"), now);
        table.deciding(key("a"));
        // In a sub-agent the message follows the request of the permission.
        table.announce(key("a"), now);
        assert_eq!(table.next_due(), None);
        assert!(!table.take_overdue(now + 100 * SECOND));
        table.permitted(key("a"), now + 100 * SECOND);
        assert_eq!(table.next_due(), Some(now + 102 * SECOND));
        table.deciding(key("b"));
        table.ended(key("b"));
        table.ended(key("a"));
        assert!(table.waiting.is_empty());
    }

    #[test]
    fn the_earliest_call_is_due_first_and_only_what_is_overdue_is_delayed() {
        let (mut table, now) = table();
        table.announce(key("late"), now + SECOND);
        table.announce(key("early"), now);
        assert_eq!(table.next_due(), Some(now + 2 * SECOND));
        assert!(table.take_overdue(now + 2 * SECOND));
        assert_eq!(table.next_due(), Some(now + 3 * SECOND));
        table.postpone(now + 10 * SECOND);
        assert_eq!(table.next_due(), Some(now + 12 * SECOND));
    }

    #[test]
    fn an_idle_agent_calls_nothing_and_the_memory_is_bounded() {
        let (mut table, now) = table();
        table.announce(key("a"), now);
        table.clear();
        assert_eq!(table.next_due(), None);
        let last = 2 * RECENT as u64 - 1;
        for id in 0..=last {
            table.requested(CallKey(id));
        }
        assert_eq!(table.requested.len(), RECENT);
        table.announce(CallKey(last), now);
        assert_eq!(table.next_due(), None);
        table.announce(CallKey(0), now);
        assert_eq!(table.next_due(), Some(now + PATIENCE), "the oldest is forgotten");
    }
}
