//! Something that is there most of the time: a connection that may be lost and come back.
//!
//! Pure of I/O: whoever restores it says so.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::Notify;

use crate::error::{Error, Result};

/// Holds a `T` while it is up, makes callers wait while it is down, and refuses them once it has ended.
#[derive(Debug)]
pub(crate) struct Line<T> {
    state: RwLock<State<T>>,
    changed: Notify,
}

#[derive(Debug)]
enum State<T> {
    Up(T),
    Down,
    Ended(Error),
}

impl<T: Clone> Line<T> {
    pub(crate) fn new(value: Option<T>) -> Self {
        let state = value.map_or(State::Down, State::Up);
        Self { state: RwLock::new(state), changed: Notify::new() }
    }

    /// What is up now.
    pub(crate) fn now(&self) -> Option<T> {
        match &*self.state() {
            State::Up(value) => Some(value.clone()),
            State::Down | State::Ended(_) => None,
        }
    }

    /// Waits until it is up.
    ///
    /// Cancel safe.
    pub(crate) async fn ready(&self) -> Result<T> {
        loop {
            // Made before the state is read, so that a change in between wakes it.
            let changed = self.changed.notified();
            match &*self.state() {
                State::Up(value) => return Ok(value.clone()),
                State::Ended(cause) => return Err(cause.clone()),
                State::Down => {}
            }
            changed.await;
        }
    }

    pub(crate) fn up(&self, value: T) {
        self.set(State::Up(value));
    }

    pub(crate) fn down(&self) {
        self.set(State::Down);
    }

    /// Ends it for good. The first cause stays.
    pub(crate) fn end(&self, cause: &Error) {
        self.set(State::Ended(cause.clone()));
    }

    fn set(&self, state: State<T>) {
        let mut current = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*current, State::Ended(_)) {
            return;
        }
        let before = std::mem::replace(&mut *current, state);
        drop(current);
        self.changed.notify_waiters();
        // Outside of the lock: the end of a connection may do more than free memory.
        drop(before);
    }

    fn state(&self) -> RwLockReadGuard<'_, State<T>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test]
    async fn callers_wait_while_it_is_down_and_learn_why_it_ended() {
        let line = Line::new(Some(1));
        assert_eq!(line.ready().await.unwrap(), 1);
        line.down();
        assert_eq!(line.now(), None);
        let (waited, ()) = tokio::join!(line.ready(), async { line.up(2) });
        assert_eq!(waited.unwrap(), 2);
        line.down();
        let end = Error::new(ErrorKind::Disconnected, "gone");
        let (waited, ()) = tokio::join!(line.ready(), async { line.end(&end) });
        assert_eq!(waited.unwrap_err().to_string(), "gone");
        line.up(3);
        assert!(line.ready().await.is_err());
    }
}
