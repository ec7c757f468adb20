//! The state of a client's connection, to read and to watch. No clock and no I/O: the client and its supervisor set it.
//!
//! Watchers are woken outside of the lock, because a waker may run code of the program.

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use super::Client;
use crate::task::lock;

/// The state of the connection between a [`Client`] and its CLI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionState {
    /// The client was not used yet, or its first start failed. The next call starts the CLI or connects to it.
    #[default]
    Idle,
    /// The CLI is being started, or connected to, for the first time.
    Connecting,
    /// The connection is up.
    Connected,
    /// The connection was lost. The client restarts the CLI or connects again, and calls wait for that.
    Restarting,
    /// The client was shut down, or the connection was lost and not restored. Calls fail.
    Closed,
}

/// The states of a client's connection, as a [`Stream`]. Returned by [`Client::connection_states`].
///
/// The first item is the present state, the last is [`ConnectionState::Closed`]. A slow reader skips states, and reads the
/// latest one.
#[must_use = "the states are read with `next` or as a stream"]
pub struct ConnectionStates {
    cell: Arc<StateCell>,
    id: u64,
    /// The version of the state that was read last.
    seen: Option<u64>,
}

/// The state and its watchers.
#[derive(Debug, Default)]
pub(super) struct StateCell(Mutex<Watched>);

#[derive(Debug, Default)]
struct Watched {
    state: ConnectionState,
    /// The number of changes.
    version: u64,
    wakers: HashMap<u64, Waker>,
    last_id: u64,
}

impl StateCell {
    /// Changes the state and wakes the watchers. `Closed` is final.
    pub(super) fn set(&self, state: ConnectionState) {
        let mut watched = lock(&self.0);
        if watched.state == state || watched.state == ConnectionState::Closed {
            return;
        }
        watched.state = state;
        watched.version += 1;
        let wakers = std::mem::take(&mut watched.wakers);
        drop(watched);
        for waker in wakers.into_values() {
            crate::contain::logged("a waker", || waker.wake());
        }
    }

    fn get(&self) -> ConnectionState {
        lock(&self.0).state
    }

    fn watch(self: &Arc<Self>) -> ConnectionStates {
        let id = {
            let mut watched = lock(&self.0);
            watched.last_id += 1;
            watched.last_id
        };
        ConnectionStates { cell: Arc::clone(self), id, seen: None }
    }
}

impl Client {
    /// Returns the state of the connection.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Client;
    /// use copilot::client::ConnectionState;
    ///
    /// # fn main() -> copilot::Result<()> {
    /// let client = Client::builder().lazy()?;
    /// assert_eq!(client.connection_state(), ConnectionState::Idle);
    /// # Ok(())
    /// # }
    /// ```
    pub fn connection_state(&self) -> ConnectionState {
        self.0.state.get()
    }

    /// Returns a stream of the states of the connection, which begins with the present one.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(client: copilot::Client) {
    /// let mut states = client.connection_states();
    /// while let Some(state) = states.next().await {
    ///     println!("the connection is {state:?}");
    /// }
    /// # }
    /// ```
    pub fn connection_states(&self) -> ConnectionStates {
        self.0.state.watch()
    }
}

impl ConnectionStates {
    /// Returns the next state: immediately the present one if it was not read yet, else the next change; `None` after
    /// [`ConnectionState::Closed`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<ConnectionState> {
        poll_fn(|cx| self.poll_state(cx)).await
    }

    fn poll_state(&mut self, cx: &mut Context<'_>) -> Poll<Option<ConnectionState>> {
        // Cloned before the lock and dropped after it: both may run code of the program.
        let waker = cx.waker().clone();
        let mut watched = lock(&self.cell.0);
        if self.seen != Some(watched.version) {
            self.seen = Some(watched.version);
            return Poll::Ready(Some(watched.state));
        }
        if watched.state == ConnectionState::Closed {
            return Poll::Ready(None);
        }
        let before = watched.wakers.insert(self.id, waker);
        drop(watched);
        drop(before);
        Poll::Pending
    }
}

impl Stream for ConnectionStates {
    type Item = ConnectionState;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ConnectionState>> {
        self.get_mut().poll_state(cx)
    }
}

impl Drop for ConnectionStates {
    fn drop(&mut self) {
        let waker = lock(&self.cell.0).wakers.remove(&self.id);
        drop(waker);
    }
}

impl fmt::Debug for ConnectionStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionStates").field("state", &self.cell.get()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn watchers_read_the_present_state_then_changes_and_closed_is_the_last() {
        let cell = Arc::<StateCell>::default();
        let mut states = cell.watch();
        assert_eq!(states.next().await, Some(ConnectionState::Idle));
        let (next, ()) = tokio::join!(states.next(), async { cell.set(ConnectionState::Connecting) });
        assert_eq!(next, Some(ConnectionState::Connecting));
        cell.set(ConnectionState::Connected);
        cell.set(ConnectionState::Restarting);
        assert_eq!(states.next().await, Some(ConnectionState::Restarting), "the latest state");
        cell.set(ConnectionState::Closed);
        cell.set(ConnectionState::Connected);
        assert_eq!(states.next().await, Some(ConnectionState::Closed));
        assert_eq!(states.next().await, None);
        assert_eq!(cell.watch().next().await, Some(ConnectionState::Closed));
    }

    #[test]
    fn a_dropped_watcher_leaves_no_waker() {
        let cell = Arc::<StateCell>::default();
        let mut states = cell.watch();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(states.poll_state(&mut cx).is_ready() && states.poll_state(&mut cx).is_pending());
        assert!(states.poll_state(&mut cx).is_pending());
        assert_eq!(lock(&cell.0).wakers.len(), 1);
        drop(states);
        assert!(lock(&cell.0).wakers.is_empty());
    }
}
