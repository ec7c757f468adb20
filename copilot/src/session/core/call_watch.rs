//! The watch over the announced calls of a session: the table, and the task that asks the CLI when a request is missing.

use std::sync::Mutex;

use tokio::time::Instant;

use super::announced::{Announced, CallKey};
use crate::task::{Task, lock};

/// The watch over the announced calls of a session. Takes no memory until the first one.
#[derive(Debug, Default)]
pub(in crate::session) struct CallWatch(Mutex<Option<Box<Watched>>>);

/// The content of a watch.
#[derive(Debug, Default)]
pub(in crate::session) struct Watched {
    pub(in crate::session) announced: Announced,
    /// A message was skipped that may have been a question.
    pub(in crate::session) has_skipped: bool,
    /// Runs while a request is missing.
    task: Option<Task>,
}

/// Why the CLI is to be asked for missing requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Overdue {
    Call,
    Skipped,
}

impl CallWatch {
    /// Changes what is watched, and starts the task where something is missing and none runs. `start` gets the time when
    /// the first request is due.
    pub(in crate::session) fn begin<T>(
        &self,
        change: impl FnOnce(&mut Watched) -> T,
        start: impl FnOnce(Instant) -> Task,
    ) -> T {
        let mut watched = lock(&self.0);
        let watched = watched.get_or_insert_default();
        let changed = change(watched);
        if watched.task.is_none()
            && let Some(due) = watched.next_due()
        {
            watched.task = Some(start(due));
        }
        changed
    }

    /// Changes the table, where there is one.
    pub(in crate::session) fn update(&self, change: impl FnOnce(&mut Announced)) {
        if let Some(watched) = &mut *lock(&self.0) {
            change(&mut watched.announced);
        }
    }

    /// Whether a call was ever announced.
    pub(in crate::session) fn is_used(&self) -> bool {
        lock(&self.0).is_some()
    }

    /// The CLI has requested a call.
    pub(in crate::session) fn requested(&self, call: &str) {
        self.update(|announced| announced.requested(Announced::key(call)));
    }

    /// Forgets all calls and ends the task.
    pub(in crate::session) fn stop(&self) {
        let stopped = lock(&self.0).take();
        drop(stopped);
    }

    /// Returns when the next request is due. Where none is missing, the task that calls this ends.
    pub(in crate::session) fn next_due(&self) -> Option<Instant> {
        let mut watched = lock(&self.0);
        let watched = watched.as_mut()?;
        let due = watched.next_due();
        if due.is_none() {
            watched.task = None;
        }
        due
    }

    /// Returns why the CLI is to be asked now; `None` where the requests may still come. `is_consulted` says that the CLI
    /// waits for a hook or another handler of the program, and may do so before it continues.
    pub(in crate::session) fn take_overdue(&self, is_consulted: bool) -> Option<Overdue> {
        let (mut watched, now) = (lock(&self.0), Instant::now());
        let watched = watched.as_mut()?;
        if std::mem::take(&mut watched.has_skipped) {
            return Some(Overdue::Skipped);
        }
        if is_consulted {
            watched.announced.postpone(now);
            return None;
        }
        watched.announced.take_overdue(now).then_some(Overdue::Call)
    }
}

impl Watched {
    /// The agent is about to call a tool.
    pub(in crate::session) fn announce(&mut self, call: &str) {
        self.announced.announce(Announced::key(call), Instant::now());
    }

    /// A permission for the call was requested; returns the key of the call.
    pub(in crate::session) fn deciding(&mut self, call: &str) -> CallKey {
        let key = Announced::key(call);
        self.announced.deciding(key);
        key
    }

    /// The call was permitted or denied.
    pub(in crate::session) fn decided(&mut self, key: CallKey, is_permitted: bool) {
        match is_permitted {
            true => self.announced.permitted(key, Instant::now()),
            false => self.announced.ended(key),
        }
    }

    fn next_due(&self) -> Option<Instant> {
        if self.has_skipped { Some(Instant::now()) } else { self.announced.next_due() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::task;

    fn pending(_: Instant) -> Task {
        task::spawn(std::future::pending())
    }

    #[tokio::test(start_paused = true)]
    async fn one_task_runs_while_a_request_is_missing() {
        let watch = CallWatch::default();
        watch.requested("a");
        assert!(!watch.is_used(), "a call that is not watched takes no memory");
        let announce = |call: &str| {
            let mut started = false;
            let change = |watched: &mut Watched| watched.announce(call);
            watch.begin(change, |due| {
                started = true;
                pending(due)
            });
            started
        };
        assert!(announce("a"));
        assert!(!announce("b"));
        watch.requested("a");
        assert_eq!(watch.next_due(), Some(Instant::now() + Duration::from_secs(2)));
        watch.requested("b");
        assert_eq!(watch.next_due(), None);
        assert!(!announce("b"), "nothing is missing");
        assert!(announce("c"));
        watch.stop();
        assert!(!watch.is_used());
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_cli_waits_for_the_program_no_call_is_overdue() {
        let watch = CallWatch::default();
        watch.begin(|watched| watched.announce("a"), pending);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(watch.take_overdue(true), None);
        assert_eq!(watch.take_overdue(false), None);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(watch.take_overdue(false), Some(Overdue::Call));
        watch.begin(|watched| watched.has_skipped = true, pending);
        assert_eq!(watch.take_overdue(true), Some(Overdue::Skipped));
        assert_eq!(watch.take_overdue(true), None);
    }
}
