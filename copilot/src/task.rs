//! Tasks and what they need: spawning with an owner, the drop guard, the cancellation token, and locks.
//!
//! Only this file calls `tokio::spawn`; every other one keeps a [`Task`], whose drop aborts it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::task::Poll;

use futures_core::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub(crate) use crate::contain::catch;

/// A running task that is aborted when this handle is dropped.
#[derive(Debug)]
pub(crate) struct Task<T = ()>(JoinHandle<Result<T, String>>);

/// Starts `future` on the current runtime; dropping the handle aborts it. Its panics stay inside the task, also those of
/// its drop: a worker of the runtime does not survive a panic in the drop of a panic's payload.
///
/// The future is boxed, so that tokio's code for tasks is compiled once and not for each future.
pub(crate) fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> Task<T> {
    let boxed: BoxFuture<'static, T> = Box::pin(future);
    spawn_unboxed(boxed)
}

/// Starts `future` like [`spawn`], without a box. For a type of future that is spawned often.
pub(crate) fn spawn_unboxed<F>(future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "the handle below is the owner")]
    Task(tokio::spawn(catch(future)))
}

/// Starts `future` on a given runtime, like [`spawn`]; the caller need not be on one.
pub(crate) fn spawn_on<T: Send + 'static>(
    runtime: &Handle,
    future: impl Future<Output = T> + Send + 'static,
) -> Task<T> {
    let _entered = runtime.enter();
    spawn(future)
}

impl<T> Task<T> {
    /// Aborts the task at its next `.await`.
    pub(crate) fn abort(&self) {
        self.0.abort();
    }

    /// Returns whether the task has ended.
    #[cfg(feature = "toolbox-http")]
    pub(crate) fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits for the task's end; `None` when it was aborted or it panicked.
    pub(crate) async fn join(&mut self) -> Option<T> {
        (&mut self.0).await.ok()?.ok()
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs a closure with a value when it is dropped, unless it is dismissed before.
#[must_use = "the closure runs when the guard is dropped"]
pub(crate) struct DropGuard<T, F: FnOnce(T) = fn(T)>(Option<(T, F)>);

/// The value leaves the guard only together with it.
const GUARDED: &str = "the value is there until the guard ends";

impl<T, F: FnOnce(T)> DropGuard<T, F> {
    pub(crate) fn new(value: T, on_drop: F) -> Self {
        Self(Some((value, on_drop)))
    }

    /// Returns the value without running the closure.
    pub(crate) fn dismiss(mut self) -> T {
        self.0.take().expect(GUARDED).0
    }
}

impl<T, F: FnOnce(T)> Deref for DropGuard<T, F> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.as_ref().expect(GUARDED).0
    }
}

impl<T, F: FnOnce(T)> DerefMut for DropGuard<T, F> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0.as_mut().expect(GUARDED).0
    }
}

impl<T, F: FnOnce(T)> Drop for DropGuard<T, F> {
    fn drop(&mut self) {
        if let Some((value, on_drop)) = self.0.take() {
            on_drop(value);
        }
    }
}

impl<T: fmt::Debug, F: FnOnce(T)> fmt::Debug for DropGuard<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// A cancellation token; clones share it, and a cancelled token stays cancelled.
#[derive(Clone, Debug, Default)]
pub(crate) struct CancellationToken(Arc<Flag>);

/// A flag that can be awaited, for owners that need no shared handle. It cannot be reset.
#[derive(Debug, Default)]
pub(crate) struct Flag {
    set: AtomicBool,
    waiters: Notify,
}

impl Flag {
    /// Sets the flag and wakes all waiting tasks.
    pub(crate) fn set(&self) {
        self.set.store(true, Ordering::Release);
        self.waiters.notify_waiters();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Completes when the flag is set.
    pub(crate) async fn wait(&self) {
        // Created before the flag is read, so that a concurrent `set` wakes it.
        let woken = self.waiters.notified();
        if !self.is_set() {
            woken.await;
        }
    }
}

impl CancellationToken {
    /// Cancels the token and wakes all waiting tasks.
    pub(crate) fn cancel(&self) {
        self.0.set();
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.is_set()
    }

    /// Completes when the token is cancelled.
    pub(crate) async fn cancelled(&self) {
        self.0.wait().await;
    }

    /// Returns the output of `work`, or `None` when the token is cancelled before.
    pub(crate) async fn run_until_cancelled<F: Future>(&self, work: F) -> Option<F::Output> {
        let (mut cancelled, mut work) = (pin!(self.cancelled()), pin!(work));
        poll_fn(|cx| {
            if cancelled.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            work.as_mut().poll(cx).map(Some)
        })
        .await
    }
}

/// Locks a mutex, also one that a panic has poisoned: the data of the crate's locks is consistent between calls.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for reading, like [`lock`].
pub(crate) fn read<T: ?Sized>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for writing, like [`lock`].
pub(crate) fn write<T: ?Sized>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn cancelling_wakes_a_waiting_task_and_later_waits_return_immediately() {
        let token = CancellationToken::default();
        let mut waiter = spawn({
            let token = token.clone();
            async move { token.cancelled().await }
        });
        tokio::task::yield_now().await;
        token.cancel();
        assert_eq!(waiter.join().await, Some(()));
        token.cancelled().await;
    }

    #[test]
    fn a_guard_runs_once_unless_it_is_dismissed() {
        let runs = std::cell::Cell::new(0);
        let guard = |value| DropGuard::new(value, |value: i32| runs.set(runs.get() + value));
        drop(guard(1));
        assert_eq!((guard(10).dismiss(), runs.get()), (10, 1));
        let mut changed = guard(1);
        *changed += 1;
        drop(changed);
        assert_eq!(runs.get(), 3);
    }
}
