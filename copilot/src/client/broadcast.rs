//! Notifications of the CLI about itself, delivered to any number of receivers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::sync::mpsc;

use crate::task::lock;

/// The capacity of a receiver. Further items are dropped and counted, because the reader never waits for a receiver.
pub(super) const CAPACITY: usize = 1024;

/// The sender of items; `None` once the client has ended.
#[derive(Debug)]
pub(super) struct Broadcast<T>(Mutex<Option<Vec<Subscriber<T>>>>);

#[derive(Debug)]
struct Subscriber<T> {
    items: mpsc::Sender<T>,
    missed: Arc<AtomicU64>,
}

/// A receiver of items.
#[derive(Debug)]
pub(super) struct Receiver<T> {
    items: mpsc::Receiver<T>,
    missed: Arc<AtomicU64>,
}

impl<T> Default for Broadcast<T> {
    fn default() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }
}

impl<T: Clone> Broadcast<T> {
    pub(super) fn subscribe(&self) -> Receiver<T> {
        let (sender, items) = mpsc::channel(CAPACITY);
        let missed = Arc::new(AtomicU64::new(0));
        if let Some(subscribers) = &mut *lock(&self.0) {
            // Closed ones are removed here too, because a CLI may never send an item.
            subscribers.retain(|subscriber| !subscriber.items.is_closed());
            subscribers.push(Subscriber { items: sender, missed: Arc::clone(&missed) });
        }
        Receiver { items, missed }
    }

    /// Sends an item to all receivers. `make` runs only if there is one, and may return nothing. Called on the reader's
    /// task.
    pub(super) fn send_with(&self, make: impl FnOnce() -> Option<T>) {
        let mut subscribers = lock(&self.0);
        let Some(subscribers) = subscribers.as_mut().filter(|subscribers| !subscribers.is_empty()) else {
            return;
        };
        let Some(item) = make() else { return };
        subscribers.retain(|subscriber| match subscriber.items.try_send(item.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                subscriber.missed.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        });
    }

    /// Ends all receivers, also later ones.
    pub(super) fn close(&self) {
        *lock(&self.0) = None;
    }
}

impl<T> Receiver<T> {
    pub(super) async fn next(&mut self) -> Option<T> {
        self.items.recv().await
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.items.poll_recv(cx)
    }

    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_receiver_misses_items_above_its_capacity() {
        let broadcast = Broadcast::default();
        let mut receiver = broadcast.subscribe();
        drop(broadcast.subscribe());
        for number in 0..CAPACITY + 3 {
            broadcast.send_with(|| Some(number));
        }
        broadcast.send_with(|| None);
        assert_eq!(receiver.missed(), 3);
        assert_eq!(receiver.next().await, Some(0));
        broadcast.close();
        let mut left = 0;
        while receiver.next().await.is_some() {
            left += 1;
        }
        assert_eq!(left, CAPACITY - 1);
        assert_eq!(broadcast.subscribe().next().await, None, "it is closed");
    }

    #[test]
    fn dropped_receivers_do_not_accumulate() {
        let broadcast = Broadcast::<u8>::default();
        for _ in 0..10 {
            drop(broadcast.subscribe());
        }
        let _receiver = broadcast.subscribe();
        assert_eq!(lock(&broadcast.0).as_ref().map(Vec::len), Some(1));
    }

    #[test]
    fn without_a_receiver_no_item_is_made() {
        Broadcast::<u8>::default().send_with(|| panic!("there is no receiver"));
    }
}
