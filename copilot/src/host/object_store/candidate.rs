//! A process that takes and holds sessions, and its signs of life.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::error::BucketError;
use super::journal::Journal;

/// The process that takes sessions.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) holder: String,
    pub(super) lease: Duration,
}

/// The signs of life of a process that holds a session.
pub(super) struct Beats<'a> {
    pub(super) journal: &'a Journal,
    pub(super) me: &'a Candidate,
    pub(super) epoch: u64,
}

impl Beats<'_> {
    /// Writes a sign.
    pub(super) async fn beat(&self) -> Result<(), BucketError> {
        // A text that no earlier sign has.
        let sign = format!("{} {} {}", self.me.holder, self.epoch, crate::random::id());
        self.journal.beat(sign).await
    }

    /// Runs a request that may transfer a large object, and writes a sign in each third of the lease until
    /// `end`. A store that accepts the signs and never the object keeps other processes from the session only
    /// until then.
    pub(super) async fn during<T>(&self, request: impl Future<Output = T>, end: Instant) -> T {
        let (mut request, lease) = (pin!(request), self.me.lease);
        // The last sign may be a third of the lease old.
        let mut next = Instant::now() + lease / 6;
        loop {
            let beat = async {
                sleep_until(next).await;
                self.beat().await
            };
            tokio::select! {
                biased;
                done = &mut request => return done,
                beat = beat, if next < end => {
                    let pause = if beat.is_ok() { lease / 3 } else { lease / 6 };
                    next = Instant::now() + pause;
                    if let Err(error) = beat {
                        tracing::debug!(%error, holder = %self.me.holder, "a sign of life was not written");
                    }
                }
            }
        }
    }
}
