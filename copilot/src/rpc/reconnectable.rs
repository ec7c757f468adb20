//! A connection that may be lost and replaced by another one.
//!
//! No I/O: the owner reports each change. The value itself knows when it is lost, so that one flag makes every holder wait
//! for the next value, before the calls on the lost one fail.

use std::sync::RwLock;

use tokio::sync::Notify;

use crate::error::{Error, Result};
use crate::task::{read, write};

/// A value that can be lost while a [`Reconnectable`] holds it.
pub(crate) trait Live {
    /// Returns whether the value is still usable.
    fn is_live(&self) -> bool;
}

/// Holds a `T` while it is connected, makes callers wait while it is not, and returns an error once it is closed.
#[derive(Debug)]
pub(crate) struct Reconnectable<T> {
    phase: RwLock<Phase<T>>,
    changed: Notify,
}

#[derive(Debug)]
enum Phase<T> {
    Connected(T),
    Disconnected,
    Closed(Error),
}

impl<T: Clone + Live> Reconnectable<T> {
    pub(crate) fn new(value: Option<T>) -> Self {
        let phase = value.map_or(Phase::Disconnected, Phase::Connected);
        Self { phase: RwLock::new(phase), changed: Notify::new() }
    }

    /// Returns the live value, if there is one.
    pub(crate) fn current(&self) -> Option<T> {
        match &*read(&self.phase) {
            Phase::Connected(value) if value.is_live() => Some(value.clone()),
            Phase::Connected(_) | Phase::Disconnected | Phase::Closed(_) => None,
        }
    }

    /// Waits for a live value. Cancel safe.
    pub(crate) async fn ready(&self) -> Result<T> {
        loop {
            // Created before the phase is read, so that a change in between wakes it.
            let changed = self.changed.notified();
            match &*read(&self.phase) {
                Phase::Connected(value) if value.is_live() => return Ok(value.clone()),
                Phase::Closed(cause) => return Err(cause.clone()),
                // The owner replaces a lost value, or closes.
                Phase::Connected(_) | Phase::Disconnected => {}
            }
            changed.await;
        }
    }

    /// Returns whether the value is in use now: not after the end.
    pub(crate) fn set_connected(&self, value: T) -> bool {
        self.set(Phase::Connected(value)).is_some()
    }

    pub(crate) fn set_disconnected(&self) {
        drop(self.set(Phase::Disconnected));
    }

    /// Closes it, which is final; the first cause stays. Returns the value that it held, lost or not.
    pub(crate) fn close(&self, cause: &Error) -> Option<T> {
        match self.set(Phase::Closed(cause.clone())) {
            Some(Phase::Connected(value)) => Some(value),
            _ => None,
        }
    }

    /// Returns the phase from before, unless that stays. The caller drops it outside of the lock, because the end of a
    /// connection may do more than free memory.
    fn set(&self, phase: Phase<T>) -> Option<Phase<T>> {
        let mut current = write(&self.phase);
        if matches!(*current, Phase::Closed(_)) {
            return None;
        }
        let before = std::mem::replace(&mut *current, phase);
        drop(current);
        crate::contain::logged("a waker", || self.changed.notify_waiters());
        Some(before)
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
    async fn callers_wait_for_the_value_after_a_lost_one() {
        let (lost, next) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
        let connection = Reconnectable::new(Some(Arc::clone(&lost)));
        assert!(connection.current().is_some());
        lost.store(false, Ordering::Relaxed);
        assert!(connection.current().is_none());
        let (waited, is_used) =
            tokio::join!(connection.ready(), async { connection.set_connected(Arc::clone(&next)) });
        assert!(is_used);
        assert!(Arc::ptr_eq(&waited.unwrap(), &next));
    }

    #[test]
    fn its_end_returns_the_value_once_lost_or_not() {
        let end = Error::new(ErrorKind::Disconnected, "gone");
        let value = Arc::new(AtomicBool::new(true));
        let connection = Reconnectable::new(Some(Arc::clone(&value)));
        value.store(false, Ordering::Relaxed);
        assert!(connection.close(&end).is_some_and(|closed| Arc::ptr_eq(&closed, &value)));
        assert!(connection.close(&end).is_none());
        assert!(Reconnectable::<i32>::new(None).close(&end).is_none());
    }

    #[tokio::test]
    async fn callers_wait_while_it_is_disconnected_and_fail_with_the_cause_of_its_end() {
        let connection = Reconnectable::new(Some(1));
        assert_eq!(connection.ready().await.unwrap(), 1);
        connection.set_disconnected();
        assert_eq!(connection.current(), None);
        let (waited, _) = tokio::join!(connection.ready(), async { connection.set_connected(2) });
        assert_eq!(waited.unwrap(), 2);
        connection.set_disconnected();
        let end = Error::new(ErrorKind::Disconnected, "gone");
        let (waited, _) = tokio::join!(connection.ready(), async { connection.close(&end) });
        assert_eq!(waited.unwrap_err().to_string(), "gone");
        assert!(!connection.set_connected(3));
        assert!(connection.ready().await.is_err());
    }
}
