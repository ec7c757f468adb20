//! How a process takes a session: it reads the newest record, waits for a holder that may live, and writes
//! the next.
//!
//! Clocks of two machines are never compared. A candidate measures with its own clock for how long the holder
//! has written nothing; the holder's lease stands in its records.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

use super::error::BucketError;
use super::journal::{Created, Journal};
use super::record::{Changes, Draft, Header, Kind};
use crate::host::session_fs::tree::Tree;
use crate::protocol::SessionId;

/// How often another process may be faster before this one gives up.
const RACES: usize = 8;

/// The process that takes sessions.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) holder: String,
    pub(super) lease: Duration,
}

/// A session as it was read, with the place in its log.
pub(super) struct Taken {
    pub(super) tree: Tree,
    /// The number of the newest record; 0 where the session has none, and is not held yet.
    pub(super) head: u64,
    pub(super) epoch: u64,
    /// The number of the snapshot, or 0.
    pub(super) base: u64,
    pub(super) fences: Vec<u64>,
    /// The size of the records after the snapshot.
    pub(super) bytes_since: u64,
    /// Whether nothing was ever written, so that its first directory is missing.
    pub(super) is_new: bool,
    /// Records before the snapshot that an earlier process has not removed.
    pub(super) leftovers: Vec<u64>,
}

/// Returns the number and the line of the newest record, with those of all records; `None` where there is
/// none.
pub(super) async fn newest(
    journal: &Journal,
) -> Result<Option<(u64, Header, BTreeMap<u64, u64>)>, BucketError> {
    for _ in 0..RACES {
        let listed = journal.list().await?;
        let Some((&number, _)) = listed.last_key_value() else { return Ok(None) };
        // Removed since it was listed: a newer one is there.
        let Some(record) = journal.read(number).await? else { continue };
        return Ok(Some((number, record.header, listed)));
    }
    Err(BucketError::store_message("the newest record of the session was removed again and again".into()))
}

/// Takes a session, or reports that its holder lives. A session that does not exist is not created yet.
pub(super) async fn take(
    journal: &Journal,
    me: &Candidate,
    session: &SessionId,
) -> Result<Taken, BucketError> {
    let mut winner = None;
    for _ in 0..RACES {
        let Some((number, header, sizes)) = newest(journal).await? else {
            let tree = Tree::new(SystemTime::now());
            let (fences, leftovers) = (Vec::new(), Vec::new());
            return Ok(Taken {
                tree,
                head: 0,
                epoch: 0,
                base: 0,
                fences,
                bytes_since: 0,
                is_new: true,
                leftovers,
            });
        };
        let is_free = matches!(header.kind, Kind::Release | Kind::Deleted) || header.holder == me.holder;
        if !is_free {
            wait_for_silence(journal, number, &header, session).await?;
        }
        let draft = Draft {
            kind: Kind::Acquire,
            epoch: header.epoch + 1,
            holder: me.holder.clone(),
            lease: me.lease,
            base: header.base,
            bytes: header.bytes,
            fences: Vec::new(),
        };
        let object = draft.encode(Changes::default());
        if journal.create(number + 1, &object, me.lease).await? == Created::Ours {
            return load(journal, number + 1, &header, &sizes).await;
        }
        winner = Some(header.holder);
    }
    Err(BucketError::Held { session: session.clone(), holder: winner.unwrap_or_default() })
}

/// Waits until the holder has written nothing for its lease. It lives if it writes meanwhile.
async fn wait_for_silence(
    journal: &Journal,
    number: u64,
    header: &Header,
    session: &SessionId,
) -> Result<(), BucketError> {
    let seen = journal.last_beat().await?;
    let since = Instant::now();
    // A tenth more, for clocks of different speeds.
    let lease = Duration::from_millis(header.lease);
    let lease = lease.saturating_add(lease / 10);
    loop {
        sleep((lease / 8).min(Duration::from_secs(1))).await;
        let is_over = since.elapsed() >= lease;
        if journal.exists(number + 1).await? || journal.last_beat().await? != seen {
            return Err(BucketError::Held { session: session.clone(), holder: header.holder.clone() });
        }
        if is_over {
            return Ok(());
        }
    }
}

/// Reads the files of a session that this process has just taken with the record `head`.
async fn load(
    journal: &Journal,
    head: u64,
    before: &Header,
    sizes: &BTreeMap<u64, u64>,
) -> Result<Taken, BucketError> {
    let base = before.base;
    let mut tree = Tree::new(SystemTime::now());
    let (mut fences, mut is_new) = (Vec::new(), true);
    for (number, record) in (base.max(1)..=head).zip(journal.read_all(base.max(1)..=head).await?) {
        let is_snapshot = matches!(record.header.kind, Kind::Snapshot | Kind::Deleted);
        if is_snapshot {
            fences.clone_from(&record.header.fences);
        } else if record.header.kind == Kind::Acquire {
            fences.push(number);
        }
        is_new &= !record.has_changes() && record.header.kind != Kind::Snapshot;
        record.apply(&mut tree).map_err(|error| journal.corrupt(number, &error.to_string()))?;
    }
    let bytes_since = sizes.range(base + 1..).map(|(_, size)| size).sum();
    let is_leftover = |number: &u64| *number < base && !fences.contains(number);
    let leftovers = sizes.keys().copied().filter(is_leftover).collect();
    Ok(Taken { tree, head, epoch: before.epoch + 1, base, fences, bytes_since, is_new, leftovers })
}
