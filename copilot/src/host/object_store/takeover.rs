//! How a process takes a session: it reads the newest record, waits for a holder that may live, and writes
//! the next.
//!
//! Clocks of two machines are never compared. A candidate measures with its own clock for how long the holder
//! has written nothing; the holder's lease stands in its records.
//!
//! The numbers below a snapshot have gaps, where records were removed. A record that was created decides only
//! where it is above the newest snapshot, so a candidate lists the records again after it has created one.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

use super::candidate::{Beats, Candidate};
use super::error::BucketError;
use super::journal::{Created, Journal, transfer};
use super::record::{Changes, Draft, Header, Kind};
use crate::host::session_fs::tree::Tree;
use crate::protocol::SessionId;

/// How often another process may be faster before this one gives up.
const RACES: usize = 8;

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

impl Taken {
    /// A session without records.
    fn nothing() -> Self {
        Self {
            tree: Tree::new(SystemTime::now()),
            head: 0,
            epoch: 0,
            base: 0,
            fences: Vec::new(),
            bytes_since: 0,
            is_new: true,
            leftovers: Vec::new(),
        }
    }
}

/// Returns the number and the line of the newest record, with those of all records; `None` where there is
/// none.
pub(super) async fn newest(
    journal: &Journal,
) -> Result<Option<(u64, Header, BTreeMap<u64, u64>)>, BucketError> {
    for _ in 0..RACES {
        let listed = journal.list().await?;
        let Some((&number, &size)) = listed.last_key_value() else { return Ok(None) };
        // Removed since it was listed: a newer one is there.
        let Some(record) = journal.read(number, size).await? else { continue };
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
    let held = |header: Header| BucketError::Held { session: session.clone(), holder: header.holder };
    let is_free =
        |header: &Header| matches!(header.kind, Kind::Release | Kind::Deleted) || header.holder == me.holder;
    let mut winner = None;
    for _ in 0..RACES {
        let Some((number, header, _)) = newest(journal).await? else { return Ok(Taken::nothing()) };
        let heard = match is_free(&header) {
            true => Heard::Nothing,
            false => wait_for_silence(journal, number, &header).await?,
        };
        match heard {
            Heard::Beat => return Err(held(header)),
            Heard::Record => {}
            Heard::Nothing => {
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
                if journal.create(number + 1, &object, me.lease).await? == Created::Ours
                    && let Some(sizes) = confirm(journal, number + 1).await?
                {
                    return load(journal, me, number + 1, &header, &sizes).await;
                }
            }
        }
        // There is a newer record. Its writer lives, or has given the session up.
        let Some((_, header, _)) = newest(journal).await? else { continue };
        if !is_free(&header) {
            return Err(held(header));
        }
        winner = Some(header);
    }
    let header =
        winner.ok_or_else(|| BucketError::store_message("the session has no records any more".into()))?;
    Err(held(header))
}

/// The signs of life of a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    /// There was none for its lease.
    Nothing,
    Beat,
    Record,
}

/// Waits until the holder has written nothing for its lease, or writes.
async fn wait_for_silence(journal: &Journal, number: u64, header: &Header) -> Result<Heard, BucketError> {
    let seen = journal.last_beat().await?;
    let since = Instant::now();
    // A tenth more, for clocks of different speeds.
    let lease = Duration::from_millis(header.lease);
    let lease = lease.saturating_add(lease / 10);
    loop {
        sleep((lease / 8).min(Duration::from_secs(1))).await;
        let is_over = since.elapsed() >= lease;
        if journal.exists(number + 1).await? {
            return Ok(Heard::Record);
        }
        if journal.last_beat().await? != seen {
            return Ok(Heard::Beat);
        }
        if is_over {
            // The next record may have been removed between two looks, after a snapshot.
            let listed = journal.list().await?;
            let is_newer = listed.range(number + 1..).next().is_some();
            return Ok(if is_newer { Heard::Record } else { Heard::Nothing });
        }
    }
}

/// Returns all records where `number`, which this process has just created, is the newest of them, so that
/// the session is taken; `None` where it is not.
///
/// The number may have been free because its record was removed, after a snapshot that this process has not
/// seen. Then the record is removed: it is below the snapshot and not one of its fences. One that stays, after
/// a crash, is never read, and is removed when the session is opened next. A record that is newer for another
/// reason is that of a process which has taken the session over from this one; it needs `number` as a fence.
async fn confirm(journal: &Journal, number: u64) -> Result<Option<BTreeMap<u64, u64>>, BucketError> {
    let listed = journal.list().await?;
    if listed.range(number + 1..).next().is_none() {
        return Ok(Some(listed));
    }
    let Some((_, header, sizes)) = newest(journal).await? else { return Ok(None) };
    let size = sizes.get(&header.base).copied().unwrap_or_default();
    if header.base > number
        && let Some(snapshot) = journal.read(header.base, size).await?
        && !snapshot.header.fences.contains(&number)
        && let Err(error) = journal.remove(vec![number]).await
    {
        tracing::debug!(%error, number, "a record below a snapshot stays until the next start");
    }
    Ok(None)
}

/// Reads the files of a session that this process has just taken with the record `head`.
async fn load(
    journal: &Journal,
    me: &Candidate,
    head: u64,
    before: &Header,
    sizes: &BTreeMap<u64, u64>,
) -> Result<Taken, BucketError> {
    let (base, epoch) = (before.base, before.epoch + 1);
    let numbers = base.max(1)..=head;
    let bytes = sizes.range(numbers.clone()).map(|(_, size)| size).sum();
    let end = Instant::now() + me.lease + transfer(bytes) * 2;
    let beats = Beats { journal, me, epoch };
    let records = beats.during(journal.read_all(numbers.clone(), bytes), end).await?;
    let mut tree = Tree::new(SystemTime::now());
    let (mut fences, mut is_new) = (Vec::new(), true);
    for (number, record) in numbers.zip(records) {
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
    Ok(Taken { tree, head, epoch, base, fences, bytes_since, is_new, leftovers })
}
