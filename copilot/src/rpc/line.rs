//! Something that is there most of the time: a connection that may be lost and come back.
//!
//! Pure of I/O: its owner reports each change. A value says itself when it is lost, so that one flag takes down every
//! line that holds it, before anything that waited for an answer learns of the loss.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::Notify;

use crate::error::{Error, Result};

/// A value that can be lost while a [`Line`] holds it.
pub(crate) trait Live {
    /// Whether the value is still of use.
    fn is_live(&self) -> bool;
}

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

impl<T: Clone + Live> Line<T> {
    pub(crate) fn new(value: Option<T>) -> Self {
        let state = value.map_or(State::Down, State::Up);
        Self { state: RwLock::new(state), changed: Notify::new() }
    }

    /// What is up now.
    pub(crate) fn now(&self) -> Option<T> {
        match &*self.state() {
            State::Up(value) if value.is_live() => Some(value.clone()),
            State::Up(_) | State::Down | State::Ended(_) => None,
        }
    }

    /// Waits until it is up with a live value.
    ///
    /// Cancel safe.
    pub(crate) async fn ready(&self) -> Result<T> {
        loop {
            // Made before the state is read, so that a change in between wakes it.
            let changed = self.changed.notified();
            match &*self.state() {
                State::Up(value) if value.is_live() => return Ok(value.clone()),
                State::Ended(cause) => return Err(cause.clone()),
                // A lost value is replaced or ended by the owner of the line.
                State::Up(_) | State::Down => {}
            }
            changed.await;
        }
    }

    pub(crate) fn up(&self, value: T) {
        drop(self.set(State::Up(value)));
    }

    pub(crate) fn down(&self) {
        drop(self.set(State::Down));
    }

    /// Ends it: it does not come up again. The first cause stays. Gives the value that it held, lost or not.
    pub(crate) fn end(&self, cause: &Error) -> Option<T> {
        match self.set(State::Ended(cause.clone())) {
            Some(State::Up(value)) => Some(value),
            _ => None,
        }
    }

    /// Gives the state from before, unless that stays. It is dropped outside of the lock, because the end of a connection
    /// may do more than free memory.
    fn set(&self, state: State<T>) -> Option<State<T>> {
        let mut current = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*current, State::Ended(_)) {
            return None;
        }
        let before = std::mem::replace(&mut *current, state);
        drop(current);
        crate::contain::logged("a waker", || self.changed.notify_waiters());
        Some(before)
    }

    fn state(&self) -> RwLockReadGuard<'_, State<T>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::error::ErrorKind;

    impl Live for i32 {
        fn is_live(&self) -> bool {
            true
        }
    }

    impl Live for Arc<AtomicBool> {
        fn is_live(&self) -> bool {
            self.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn a_lost_value_is_waited_out() {
        let (lost, next) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
        let line = Line::new(Some(Arc::clone(&lost)));
        assert!(line.now().is_some());
        lost.store(false, Ordering::Relaxed);
        assert!(line.now().is_none());
        let (waited, ()) = tokio::join!(line.ready(), async { line.up(Arc::clone(&next)) });
        assert!(Arc::ptr_eq(&waited.unwrap(), &next));
    }

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
        let (waited, _) = tokio::join!(line.ready(), async { line.end(&end) });
        assert_eq!(waited.unwrap_err().to_string(), "gone");
        line.up(3);
        assert!(line.ready().await.is_err());
    }
}
