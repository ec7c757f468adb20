//! Blocking work that stops when its future is dropped.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, ErrorKind, Result};

/// A cancellation flag for a blocking job; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Requests that the job stops.
    pub(super) fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns an error if the job should stop. Called between pieces of work.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Relaxed) {
            // Not `Interrupted`, which readers retry.
            return Err(io::Error::other("nobody waits for this any more"));
        }
        Ok(())
    }
}

/// Runs `work` on the pool for blocking work.
///
/// # Cancel safety
///
/// Dropping the future stops `work` at its next [`Stop::check`].
pub(super) async fn run<T: Send + 'static>(
    work: impl FnOnce(&Stop) -> Result<T> + Send + 'static,
) -> Result<T> {
    struct StopOnDrop(Stop);
    impl Drop for StopOnDrop {
        fn drop(&mut self) {
            self.0.now();
        }
    }

    let stop = Stop::default();
    let _guard = StopOnDrop(stop.clone());
    tokio::task::spawn_blocking(move || work(&stop)).await.unwrap_or_else(|failed| {
        Err(Error::with_source(ErrorKind::Install, "the work on the Copilot CLI's files broke off", failed))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn dropping_the_future_stops_the_work() {
        let (started, has_started) = tokio::sync::oneshot::channel();
        let (ended, has_ended) = tokio::sync::oneshot::channel();
        let job = run(move |stop| {
            started.send(()).unwrap();
            while stop.check().is_ok() {
                std::thread::sleep(Duration::from_millis(1));
            }
            ended.send(()).unwrap();
            Ok(())
        });
        tokio::select! {
            _ = job => panic!("the job ended by itself"),
            started = has_started => started.unwrap(),
        }
        has_ended.await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_in_the_work_is_an_error() {
        let error = run::<()>(|_| panic!("boom")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Install);
    }
}
