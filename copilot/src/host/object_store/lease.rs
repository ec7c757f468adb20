//! The lease of a session, as the program sees it.

use tokio::sync::watch;

use super::error::BucketError;
use crate::protocol::SessionId;

/// A session that this process holds. Returned by [`BucketFs::acquire`](super::BucketFs::acquire).
///
/// The [`BucketFs`](super::BucketFs) renews the lease until the session is released; a drop of this handle
/// changes nothing.
#[derive(Clone, Debug)]
pub struct Lease {
    pub(super) session: SessionId,
    pub(super) epoch: u64,
    pub(super) loss: watch::Receiver<Option<BucketError>>,
}

impl Lease {
    /// Returns the session.
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// Returns the number of the lease, which grows each time that a process takes the session. It can serve
    /// as a fencing token for other systems.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether another process has taken the session over, as far as this one knows.
    pub fn is_lost(&self) -> bool {
        self.loss.borrow().is_some()
    }

    /// Completes when this process learns that another one has taken the session over: at its next write, or
    /// within a third of the lease where the store is reached. It stays pending where that never happens,
    /// after a release too.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn lost(&self) -> BucketError {
        let mut loss = self.loss.clone();
        loop {
            if let Some(loss) = &*loss.borrow_and_update() {
                return loss.clone();
            }
            if loss.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
