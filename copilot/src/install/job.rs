//! Blocking work that stops when its future is dropped.

use crate::task::{CancellationToken, DropGuard};
use crate::{Error, ErrorKind, Result};
use std::io;

/// The cancellation token of a blocking job, which the job polls.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(CancellationToken);

impl Stop {
    /// Requests that the job stops.
    pub(super) fn now(&self) {
        self.0.cancel();
    }

    /// Returns an error if the job should stop. Called between pieces of work.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.0.is_cancelled() {
            // Not `Interrupted`, which readers retry.
            return Err(io::Error::other("the installation was cancelled"));
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
    let stop = Stop::default();
    let _stop = DropGuard::new(stop.clone(), |stop: Stop| stop.now());
    tokio::task::spawn_blocking(move || work(&stop)).await.unwrap_or_else(|failed| {
        Err(Error::with_source(
            ErrorKind::Install,
            "the blocking work on the Copilot CLI's files panicked",
            failed,
        ))
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
