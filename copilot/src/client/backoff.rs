//! When a CLI is started again. Pure: the caller brings the clock.
//!
//! Two counts. Starts that fail, in a row: the fifth is the last, and a start that succeeds (handshake done and sessions
//! resumed) sets the count back to zero. Pauses: each one is twice as long as the one before it, up to five seconds,
//! and only a CLI that has lived for half a minute sets them back to the first. A CLI that dies soon after each
//! successful start is therefore started again every five seconds, and never given up.

use std::time::{Duration, Instant};

/// The pause before the first restart; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5);
/// So many starts in a row may fail.
const MOST: u32 = 5;
/// A CLI that has lived this long is stable: the next pause is the first again.
const STABLE: Duration = Duration::from_secs(30);
/// Enough doublings to reach the longest pause.
const DOUBLINGS: u32 = 6;

/// Counts failed starts and pauses.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// Starts since the last that succeeded.
    starts: u32,
    /// Pauses since the CLI was last stable.
    pauses: u32,
    up_since: Option<Instant>,
}

impl Backoff {
    /// The CLI is up and has its sessions.
    pub(super) fn succeeded(&mut self, now: Instant) {
        self.starts = 0;
        self.up_since = Some(now);
    }

    /// The CLI is down, or did not come up: how long to wait before it is started again, if it is.
    pub(super) fn next(&mut self, now: Instant) -> Option<Duration> {
        if self.up_since.take().is_some_and(|since| now.duration_since(since) >= STABLE) {
            self.pauses = 0;
        }
        if self.starts == MOST {
            return None;
        }
        self.starts += 1;
        let pause = FIRST.saturating_mul(1 << self.pauses).min(LONGEST);
        self.pauses = (self.pauses + 1).min(DOUBLINGS);
        Some(pause)
    }

    /// How many starts have failed in a row.
    pub(super) fn failed(&self) -> u32 {
        self.starts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_starts_may_fail_in_a_row() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        let pauses: Vec<_> =
            std::iter::from_fn(|| backoff.next(now)).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600]);
        assert_eq!((backoff.next(now), backoff.failed()), (None, 5));
    }

    #[test]
    fn a_start_that_succeeds_resets_the_count_and_a_stable_run_the_pauses() {
        let mut now = Instant::now();
        let mut backoff = Backoff::default();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            backoff.succeeded(now);
            now += STABLE / 2;
            pauses.push(backoff.next(now).unwrap().as_millis());
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        backoff.succeeded(now);
        now += STABLE;
        assert_eq!(backoff.next(now), Some(FIRST));
    }
}
