//! Clones of a file system: which sessions they share.

use tokio::time::sleep;

use super::super::BucketFs;
use super::{LEASE, LOG, Process, paths, store};
use crate::host::session_fs::FsLayout;

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
