//! How often a CLI is started again. Pure: the caller brings the clock.

use std::time::{Duration, Instant};

/// The pause before the first restart; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5);
/// So many restarts in a row, and no more.
const MOST: u32 = 5;
/// A CLI that has lived this long has nothing to do with the failures before it.
const STABLE: Duration = Duration::from_secs(30);

/// Counts restarts in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    restarts: u32,
    up_since: Option<Instant>,
}

impl Backoff {
    /// The CLI is up.
    pub(super) fn started(&mut self, now: Instant) {
        self.up_since = Some(now);
    }

    /// The CLI is down, or did not come up: how long to wait before it is started again, if it is.
    pub(super) fn next(&mut self, now: Instant) -> Option<Duration> {
        if self.up_since.take().is_some_and(|since| now.duration_since(since) >= STABLE) {
            self.restarts = 0;
        }
        if self.restarts == MOST {
            return None;
        }
        let pause = FIRST.saturating_mul(1 << self.restarts).min(LONGEST);
        self.restarts += 1;
        Some(pause)
    }

    pub(super) fn restarts(&self) -> u32 {
        self.restarts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_a_stable_run_forgives() {
        let mut now = Instant::now();
        let mut backoff = Backoff::default();
        let pauses: Vec<_> =
            std::iter::from_fn(|| backoff.next(now)).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600]);
        backoff.started(now);
        now += STABLE / 2;
        assert_eq!(backoff.next(now), None);
        backoff.started(now);
        now += STABLE;
        assert_eq!(backoff.next(now), Some(FIRST));
    }
}
