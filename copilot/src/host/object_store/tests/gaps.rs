//! Takeovers from a holder whose snapshots and deletions leave gaps in the numbers of the log.

use std::sync::Arc;
use std::time::Duration;

use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, PutOptions};
use tokio::time::sleep;

use super::super::record::{Changes, Draft, Kind};
use super::super::{BucketError, Lease};
use super::store::Fate;
use super::{LEASE, LOG, Process, paths, store};

/// More than a snapshot waits for.
const LARGE: usize = 2 * 1024 * 1024;

const MOMENT: Duration = Duration::from_millis(50);

fn large() -> String {
    "z".repeat(LARGE)
}

async fn numbers(store: &InMemory) -> Vec<u64> {
    paths(store)
        .await
        .iter()
        .filter_map(|path| super::super::journal::number(&Path::from(path.as_str())))
        .collect()
}

/// Takes the session while `act` runs to its end, some moments after the newest record was listed.
async fn acquire_while(process: &Process, act: impl Future<Output = ()>) -> Result<Lease, BucketError> {
    let act = async {
        sleep(MOMENT).await;
        act.await;
    };
    tokio::join!(process.files.acquire(&process.id), act).0
}

/// Appends for longer than any candidate waits, often enough that no other sign of life is needed.
async fn stay_busy(holder: &Process) {
    for _ in 0..20 {
        sleep(LEASE / 12).await;
        holder.append("busy\n").await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_holder_keeps_a_session_whose_next_record_was_removed_by_a_snapshot() {
    // With an append before the snapshot, the candidate waits for the number behind a record that is removed.
    for appended in [false, true] {
        let store = store();
        let (one, two) = (Process::new(&store, "one"), Process::new(&store, "two"));
        let lease = one.files.acquire(&one.id).await.unwrap();
        if appended {
            one.append("first\n").await.unwrap();
        }
        let busy = async {
            one.write("/large", &large()).await.unwrap();
            stay_busy(&one).await;
        };
        let error = acquire_while(&two, busy).await.unwrap_err();
        assert!(error.is_held() && error.to_string().contains("held by one/"), "{error}");
        one.append("last\n").await.unwrap();
        assert!(!lease.is_lost());
        // Only the fence is below the snapshot.
        let left = numbers(&store).await;
        let snapshot = if appended { 4 } else { 3 };
        assert_eq!(left[..3], [1, snapshot, snapshot + 1], "{left:?}");
        one.files.release(&one.id).await.unwrap();
        assert_eq!(two.files.acquire(&two.id).await.unwrap().epoch(), 2);
        assert!(two.read(LOG).await.unwrap().ends_with("busy\nlast\n"));
        assert_eq!(two.read("/large").await.unwrap().len(), LARGE);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_deleted_while_a_process_waits_for_it_is_a_new_one() {
    for appended in [false, true] {
        let store = store();
        let (one, two) = (Process::new(&store, "one"), Process::new(&store, "two"));
        one.files.acquire(&one.id).await.unwrap();
        if appended {
            one.append("old\n").await.unwrap();
        }
        let deleted = async {
            one.append("old\n").await.unwrap();
            one.files.delete(&one.id).await.unwrap();
        };
        let lease = acquire_while(&two, deleted).await.unwrap();
        assert_eq!(lease.epoch(), 2);
        two.append("new\n").await.unwrap();
        two.files.release(&two.id).await.unwrap();
        let three = Process::new(&store, "three");
        assert_eq!(three.files.acquire(&three.id).await.unwrap().epoch(), 3);
        assert_eq!(three.read(LOG).await.unwrap(), "new\n");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_released_while_a_process_waits_for_it_is_taken() {
    let store = store();
    let (one, two) = (Process::new(&store, "one"), Process::new(&store, "two"));
    one.append("1\n").await.unwrap();
    let lease = acquire_while(&two, async { one.files.release(&one.id).await.unwrap() }).await.unwrap();
    assert_eq!(lease.epoch(), 2);
    assert_eq!(two.read(LOG).await.unwrap(), "1\n");
}

/// Has `two` create record 2 long after its last look, when the snapshot 3 of `one` has replaced that number.
async fn create_in_a_gap(one: &Process, two: &Process) -> Result<Lease, BucketError> {
    one.files.acquire(&one.id).await.unwrap();
    one.way.pause(true);
    two.way.fates([Fate::Slow(LEASE)]);
    let resumes = async {
        // The candidate has found that the holder is silent.
        sleep(LEASE + LEASE / 3).await;
        one.way.pause(false);
        one.write("/large", &large()).await.unwrap();
        one.append("1\n").await.unwrap();
    };
    acquire_while(two, resumes).await
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_writes_below_a_snapshot_does_not_get_the_session() {
    let store = store();
    let (one, two) = (Process::new(&store, "one"), Process::new(&store, "two"));
    // A request may take half of the lease; this candidate is that patient.
    let patient = Process::with(&store, "patient", |files| files.lease(LEASE * 4));
    let error = create_in_a_gap(&one, &patient).await.unwrap_err();
    assert!(error.is_held() && error.to_string().contains("held by one/"), "{error}");
    one.append("2\n").await.unwrap();
    assert_eq!(numbers(&store).await, [1, 3, 4, 5]);
    one.files.release(&one.id).await.unwrap();
    assert_eq!(two.files.acquire(&two.id).await.unwrap().epoch(), 2);
    assert_eq!(two.read(LOG).await.unwrap(), "1\n2\n");
}

#[tokio::test(start_paused = true)]
async fn a_record_below_a_snapshot_that_a_crash_has_left_changes_nothing() {
    let store = store();
    let (one, two) = (Process::new(&store, "one"), Process::new(&store, "two"));
    one.files.acquire(&one.id).await.unwrap();
    one.write("/large", &large()).await.unwrap();
    one.append("1\n").await.unwrap();
    sleep(MOMENT).await;
    assert_eq!(numbers(&store).await, [1, 3, 4]);
    // A candidate has created it, and was killed before it looked again.
    let stray = Draft {
        kind: Kind::Acquire,
        epoch: 99,
        holder: "ghost".into(),
        lease: LEASE,
        base: 0,
        bytes: 0,
        fences: Vec::new(),
    };
    let path = Path::from("sessions/s/log/0000000000000002");
    let object = stray.encode(Changes::default());
    store.put_opts(&path, object.into(), PutOptions::default()).await.unwrap();
    // Nor for the holder, its next snapshot and an idle time.
    one.write("/large", &large()).await.unwrap();
    sleep(LEASE * 2).await;
    one.append("2\n").await.unwrap();
    let found = one.files.sessions().await.unwrap();
    assert_eq!((found[0].epoch, found[0].holder.as_deref().map(|name| &name[..4])), (1, Some("one/")));
    one.crash();
    let lease = two.files.acquire(&two.id).await.unwrap();
    assert_eq!(lease.epoch(), 2);
    assert_eq!(two.read(LOG).await.unwrap(), "1\n2\n");
    sleep(MOMENT).await;
    let left = numbers(&store).await;
    assert!(left.starts_with(&[1, 6]), "it is removed with the leftovers: {left:?}");
    two.files.release(&two.id).await.unwrap();
    let three = Process::new(&store, "three");
    assert_eq!(three.files.acquire(&three.id).await.unwrap().epoch(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_fence_of_a_candidate_that_was_replaced_while_it_looked_stays() {
    let store = store();
    let one = Process::new(&store, "one");
    let short = Process::with(&store, "short", |files| files.lease(Duration::from_millis(200)));
    let three = Process::new(&store, "three");
    let lease = one.files.acquire(&one.id).await.unwrap();
    one.way.pause(true);
    // The candidate creates record 2, and stops for three times its lease before it looks again.
    short.way.fates([Fate::Stops]);
    let replaced = async {
        while numbers(&store).await.len() < 2 {
            sleep(MOMENT).await;
        }
        three.files.acquire(&three.id).await.unwrap();
        three.write("/large", &large()).await.unwrap();
        three.append("3\n").await.unwrap();
        short.way.pause(false);
    };
    let error = acquire_while(&short, replaced).await.unwrap_err();
    assert!(error.is_held() && error.to_string().contains("held by three/"), "{error}");
    // Record 2 is what keeps the first holder out.
    sleep(MOMENT).await;
    assert_eq!(numbers(&store).await[..3], [1, 2, 3]);
    one.way.pause(false);
    assert!(one.append("never\n").await.unwrap_err().to_string().contains("taken over"));
    assert!(lease.is_lost());
    assert_eq!(three.read(LOG).await.unwrap(), "3\n");
}

#[tokio::test(start_paused = true)]
async fn epochs_grow_whatever_the_candidates_race_with() {
    let store: Arc<InMemory> = store();
    let mut last = 0;
    for round in 0..6 {
        let one = Process::new(&store, &format!("one-{round}"));
        let two = Process::new(&store, &format!("two-{round}"));
        let lease = one.files.acquire(&one.id).await.unwrap();
        assert!(lease.epoch() > last);
        last = lease.epoch();
        let act = async {
            one.write("/large", &large()).await.unwrap();
            one.append("x\n").await.unwrap();
            match round % 3 {
                0 => one.files.release(&one.id).await.unwrap(),
                1 => one.files.delete(&one.id).await.unwrap(),
                _ => stay_busy(&one).await,
            }
        };
        match acquire_while(&two, act).await {
            Ok(lease) => {
                assert!(lease.epoch() > last && round % 3 < 2, "round {round}");
                last = lease.epoch();
            }
            Err(error) => assert!(error.is_held() && round % 3 == 2, "round {round}: {error}"),
        }
        one.files.release(&one.id).await.unwrap();
        two.files.release(&two.id).await.unwrap();
    }
}
