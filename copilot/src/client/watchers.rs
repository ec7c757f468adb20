//! Whoever wants to hear what the CLI tells about itself and not about one session.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::mpsc;

/// How much waits for a slow reader. What comes on top is dropped and counted: nobody waits for a reader.
pub(super) const WAITING: usize = 1024;

/// Who wants to know; nobody does once the client is gone.
#[derive(Debug)]
pub(super) struct Watchers<T>(Mutex<Option<Vec<Watcher<T>>>>);

#[derive(Debug)]
struct Watcher<T> {
    news: mpsc::Sender<T>,
    missed: Arc<AtomicU64>,
}

/// What one of them hears.
#[derive(Debug)]
pub(super) struct Watch<T> {
    news: mpsc::Receiver<T>,
    missed: Arc<AtomicU64>,
}

impl<T> Default for Watchers<T> {
    fn default() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }
}

impl<T: Clone> Watchers<T> {
    pub(super) fn watch(&self) -> Watch<T> {
        let (sender, news) = mpsc::channel(WAITING);
        let missed = Arc::new(AtomicU64::new(0));
        if let Some(watchers) = &mut *self.lock() {
            // A CLI that never tells anything must not have them pile up.
            watchers.retain(|watcher| !watcher.news.is_closed());
            watchers.push(Watcher { news: sender, missed: Arc::clone(&missed) });
        }
        Watch { news, missed }
    }

    /// Called on the reader's task. `news` is asked for only where somebody wants it, and may have nothing to tell.
    pub(super) fn tell(&self, news: impl FnOnce() -> Option<T>) {
        let mut watchers = self.lock();
        let Some(watchers) = watchers.as_mut().filter(|watchers| !watchers.is_empty()) else { return };
        let Some(news) = news() else { return };
        watchers.retain(|watcher| match watcher.news.try_send(news.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                watcher.missed.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        });
    }

    /// The client is gone.
    pub(super) fn close(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Watcher<T>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Watch<T> {
    pub(super) async fn next(&mut self) -> Option<T> {
        self.news.recv().await
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.news.poll_recv(cx)
    }

    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_reader_misses_what_does_not_fit() {
        let watchers = Watchers::default();
        let mut watch = watchers.watch();
        drop(watchers.watch());
        for number in 0..WAITING + 3 {
            watchers.tell(|| Some(number));
        }
        watchers.tell(|| None);
        assert_eq!(watch.missed(), 3);
        assert_eq!(watch.next().await, Some(0));
        watchers.close();
        let mut left = 0;
        while watch.next().await.is_some() {
            left += 1;
        }
        assert_eq!(left, WAITING - 1);
        assert_eq!(watchers.watch().next().await, None, "nothing comes any more");
    }

    #[test]
    fn those_that_are_gone_do_not_pile_up() {
        let watchers = Watchers::<u8>::default();
        for _ in 0..10 {
            drop(watchers.watch());
        }
        let _watch = watchers.watch();
        assert_eq!(watchers.lock().as_ref().map(Vec::len), Some(1));
    }

    #[test]
    fn where_nobody_listens_nothing_is_asked_for() {
        Watchers::<u8>::default().tell(|| panic!("nobody wants it"));
    }
}
