//! Clones of a file system: which sessions they share, and releases that meet.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::super::BucketFs;
use super::store::Fate;
use super::{LEASE, LOG, Process, paths, store};
use crate::host::session_fs::FsLayout;
use crate::protocol::SessionId;

/// A process with the same way to the store, and a clone of the file system.
fn clone(process: &Process, set: impl FnOnce(BucketFs) -> BucketFs) -> Process {
    Process { way: process.way.clone(), files: set(process.files.clone()), id: process.id.clone() }
}

#[tokio::test(start_paused = true)]
async fn clones_with_different_prefixes_share_no_session() {
    let store = store();
    let one = Process::new(&store, "one");
    let [a, b] = ["tenants/a", "tenants/b"].map(|prefix| clone(&one, |files| files.prefix(prefix)));
    a.append("of a\n").await.unwrap();
    assert!(b.read(LOG).await.unwrap_err().is_not_found());
    b.append("of b\n").await.unwrap();
    assert!(format!("{:?}", one.files).contains("held: []"), "{:?}", one.files);
    assert!(one.read(LOG).await.unwrap_err().is_not_found());
    assert_eq!((a.read(LOG).await.unwrap(), b.read(LOG).await.unwrap()), ("of a\n".into(), "of b\n".into()));
    // A flush, a release and a deletion are those of one prefix.
    a.write("/waits", "x").await.unwrap();
    b.files.release_all().await.unwrap();
    one.files.release(&one.id).await.unwrap();
    assert_eq!(b.requests(async { b.files.flush(&b.id).await.unwrap() }).await, 0);
    assert_eq!(a.requests(async { a.files.flush(&a.id).await.unwrap() }).await, 1);
    one.files.delete(&one.id).await.unwrap();
    assert_eq!(a.read(LOG).await.unwrap(), "of a\n");
    a.files.release(&a.id).await.unwrap();
    let names = |prefix: &str| Process::with(&store, "two", |files| files.prefix(prefix));
    assert_eq!(names("tenants/a").read("/waits").await.unwrap(), "x");
    assert_eq!(names("tenants/b").read(LOG).await.unwrap(), "of b\n");
    assert!(paths(&store).await.is_empty(), "nothing is below the first prefix");
}

#[tokio::test(start_paused = true)]
async fn clones_with_the_same_prefix_share_their_sessions() {
    let store = store();
    let one = Process::new(&store, "one");
    let tenant = |name: &str| clone(&one, |files| files.prefix(&format!("tenants/{name}")));
    let first = tenant("a");
    let lease = first.files.acquire(&first.id).await.unwrap();
    first.append("1\n").await.unwrap();
    // They are one process, which does not take the session from itself.
    let second = tenant("a");
    second.append("2\n").await.unwrap();
    let third =
        clone(&second, |files| files.layout(FsLayout::posix().initial_cwd("/other")).lease(LEASE * 2));
    third.append("3\n").await.unwrap();
    first.append("4\n").await.unwrap();
    assert_eq!(third.read(LOG).await.unwrap(), "1\n2\n3\n4\n");
    sleep(LEASE * 3).await;
    assert!(!lease.is_lost());
    second.files.release_all().await.unwrap();
    assert_eq!(first.files.acquire(&first.id).await.unwrap().epoch(), 2);
}

/// Polls a future once, and drops it.
async fn drop_after_a_poll(future: impl Future) {
    assert!(timeout(Duration::ZERO, future).await.is_err(), "it was ready");
    sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn after_a_release_whose_future_was_dropped_the_session_is_not_held() {
    let store = store();
    let one = Process::new(&store, "one");
    for round in 1..=4 {
        one.append("x").await.unwrap();
        drop_after_a_poll(one.files.release(&one.id)).await;
        match round {
            1 => one.files.release(&one.id).await.unwrap(),
            2 => one.files.release_all().await.unwrap(),
            3 => one.files.flush(&one.id).await.unwrap(),
            _ => {}
        }
        assert_eq!(one.files.sessions().await.unwrap()[0].holder, None);
        assert_eq!(one.files.acquire(&one.id).await.unwrap().epoch(), round + 1);
    }
    drop_after_a_poll(one.files.delete(&one.id)).await;
    one.files.release_all().await.unwrap();
    assert!(one.files.sessions().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn releases_and_deletions_that_meet_all_succeed() {
    let store = store();
    let one = Process::new(&store, "one");
    let other = clone(&one, |files| files);
    let id = &one.id;
    one.append("1\n").await.unwrap();
    let (a, b, c, d) = tokio::join!(
        one.files.release(id),
        other.files.release(id),
        other.files.flush(id),
        one.files.release_all()
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok() && d.is_ok(), "{a:?} {b:?} {c:?} {d:?}");
    assert_eq!(one.read(LOG).await.unwrap(), "1\n");
    let (a, b, c, d) = tokio::join!(
        one.files.delete(id),
        other.files.release(id),
        other.files.delete(id),
        other.files.flush(id)
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok() && d.is_ok(), "{a:?} {b:?} {c:?} {d:?}");
    assert!(one.files.sessions().await.unwrap().is_empty());
    one.append("2\n").await.unwrap();
    let (a, b) = tokio::join!(one.files.release(id), other.files.delete(id));
    assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
    assert!(one.files.sessions().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_release_that_fails_leaves_the_session_held() {
    let store = store();
    let one = Process::new(&store, "one");
    one.append("1\n").await.unwrap();
    one.way.fates(vec![Fate::Refused; 1000]);
    assert!(one.files.release(&one.id).await.is_err());
    assert!(one.files.release(&one.id).await.is_err());
    one.way.fates([]);
    one.files.release(&one.id).await.unwrap();
    assert_eq!(one.files.sessions().await.unwrap()[0].holder, None);
}

#[test]
fn a_session_whose_runtime_has_ended_is_reported_once() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = store();
    let one = Process::new(&store, "one");
    let mut two = clone(&one, |files| files);
    two.id = SessionId::from("other");
    let first = runtime();
    first.block_on(async {
        one.append("1\n").await.unwrap();
        two.append("1\n").await.unwrap();
        one.write("/waits", "x").await.unwrap();
    });
    drop(first);
    runtime().block_on(async {
        let error = one.files.release(&one.id).await.unwrap_err();
        assert!(error.to_string().contains("runtime"), "{error}");
        one.files.release(&one.id).await.unwrap();
        let error = one.files.release_all().await.unwrap_err();
        assert!(error.to_string().contains("runtime"), "{error}");
        one.files.release_all().await.unwrap();
        // The process still has the lease, and takes the session back without a wait.
        one.append("2\n").await.unwrap();
        assert_eq!(one.read(LOG).await.unwrap(), "1\n2\n");
        one.files.release_all().await.unwrap();
    });
}
