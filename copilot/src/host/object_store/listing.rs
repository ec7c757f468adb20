//! The sessions in a store.

use std::collections::HashMap;
use std::time::SystemTime;

use tokio::task::JoinSet;

use super::BucketFs;
use super::error::BucketError;
use super::journal;
use super::record::Kind;
use super::takeover;
use crate::protocol::SessionId;

/// How many sessions are looked at concurrently.
const LOOKS: usize = 16;

/// A session in a store. Returned by [`BucketFs::sessions`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredSession {
    /// The id.
    pub id: SessionId,
    /// The length of all its files, in bytes.
    pub bytes: u64,
    /// The length of its objects in the store, in bytes.
    pub stored_bytes: u64,
    /// When it was written last, by the clock of the store.
    pub last_write: SystemTime,
    /// The holder; `None` for one that was released. A holder that crashed stays until another one takes the
    /// session.
    pub holder: Option<String>,
    /// The number of its newest [lease](super::Lease::epoch).
    pub epoch: u64,
}

impl BucketFs {
    /// Returns the sessions in the store, sorted by id.
    ///
    /// # Errors
    ///
    /// Failures of the store, and [`BucketError::Corrupt`] for a session whose newest record cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Nothing is changed.
    pub async fn sessions(&self) -> Result<Vec<StoredSession>, BucketError> {
        let mut found = HashMap::<String, (u64, SystemTime)>::new();
        let mut objects = journal::below(&*self.store, &self.prefix);
        while let Some(object) = journal::next(&mut objects).await? {
            let Some(mut parts) = object.location.prefix_match(&self.prefix) else { continue };
            let Some(id) = parts.next() else { continue };
            let modified = object.last_modified.into();
            let entry = found.entry(id.as_ref().to_owned()).or_insert((0, modified));
            *entry = (entry.0 + object.size, entry.1.max(modified));
        }
        let (mut found, mut looks, mut sessions) = (found.into_iter(), JoinSet::new(), Vec::new());
        loop {
            while looks.len() < LOOKS
                && let Some((id, (stored_bytes, last_write))) = found.next()
            {
                let id = SessionId::from(id);
                let Ok(journal) = self.journal(&id) else { continue };
                looks.spawn(async move {
                    let newest = takeover::newest(&journal).await?;
                    Ok(newest.filter(|(_, header, _)| header.kind != Kind::Deleted).map(|(_, header, _)| {
                        let holder = (header.kind != Kind::Release).then_some(header.holder);
                        let (bytes, epoch) = (header.bytes, header.epoch);
                        StoredSession { id, bytes, stored_bytes, last_write, holder, epoch }
                    }))
                });
            }
            let Some(look) = looks.join_next().await else { break };
            let session: Result<_, BucketError> =
                look.map_err(|failed| BucketError::store_message(failed.to_string()))?;
            sessions.extend(session?);
        }
        sessions.sort_by(|a: &StoredSession, b| a.id.cmp(&b.id));
        Ok(sessions)
    }
}
