//! The schedule of restarts. Pure: the caller provides the clock.
//!
//! Two counts. Consecutive failed starts: the fifth is the last, and a start that succeeds (handshake done and sessions
//! resumed) resets the count. Pauses: each one is twice as long as the previous one, up to five seconds, and only a CLI that
//! has run for half a minute resets them. A CLI that exits soon after each successful start is therefore restarted every
//! five seconds, without end.

use std::time::{Duration, Instant};

/// The pause before the first restart.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5);
/// The number of consecutive starts that may fail.
const MOST: u32 = 5;
/// A CLI that has run for this long is stable, which resets the pauses.
const STABLE: Duration = Duration::from_secs(30);
/// The number of doublings that reaches the longest pause.
const DOUBLINGS: u32 = 6;

/// Counts failed starts and pauses.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// Starts since the last successful one.
    starts: u32,
    /// Pauses since the CLI was last stable.
    pauses: u32,
    up_since: Option<Instant>,
}

impl Backoff {
    /// Records that the CLI runs and that its sessions are resumed.
    pub(super) fn succeeded(&mut self, now: Instant) {
        self.starts = 0;
        self.up_since = Some(now);
    }

    /// Records that the CLI ended or did not start. Returns the pause before the next start; `None` after the last one.
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

    /// Returns the number of consecutive failed starts.
    pub(super) fn failed(&self) -> u32 {
        self.starts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_consecutive_starts_may_fail() {
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
