//! The limit of a session's files, and records that take long to transfer.

use super::{LOG, Process, store};
use crate::host::session_fs::{FsRm, FsWrite, SessionFs};

#[tokio::test(start_paused = true)]
async fn a_file_that_is_replaced_does_not_count() {
    let store = store();
    let limit = 1024 * 1024;
    let one = Process::with(&store, "one", |files| files.max_session_bytes(limit));
    let large = "x".repeat(600 * 1024);
    for path in ["/large", "/large", LOG] {
        let written = one.write(path, &large).await;
        assert_eq!(written.is_ok(), path != LOG, "{path}: {written:?}");
    }
    let error = one.append(&large).await.unwrap_err();
    assert!(error.to_string().contains("1228800 bytes, and the limit is 1048576"), "{error}");
    one.write("/large", &"y".repeat(1024 * 1024)).await.unwrap();
    let error = one.write("/large", &"y".repeat(1024 * 1024 + 1)).await.unwrap_err();
    assert!(error.to_string().contains("1048577 bytes"), "{error}");
    assert_eq!(one.read("/large").await.unwrap().len(), 1024 * 1024);
}

#[tokio::test(start_paused = true)]
async fn a_session_above_the_limit_can_become_smaller() {
    let store = store();
    let one = Process::new(&store, "one");
    for path in ["/a", "/b", "/c"] {
        one.write(path, &"x".repeat(100)).await.unwrap();
    }
    one.files.release(&one.id).await.unwrap();
    let two = Process::with(&store, "two", |files| files.max_session_bytes(150));
    two.write("/a", &"y".repeat(100)).await.unwrap();
    two.write("/a", &"y".repeat(90)).await.unwrap();
    assert!(two.append("x").await.unwrap_err().to_string().contains("291 bytes"));
    two.files.rename(&two.id, "/b", "/c").await.unwrap();
    two.files.rm(&two.id, FsRm { path: "/a", recursive: false, force: false }).await.unwrap();
    let content = &[b'z'; 50];
    two.files.append_file(&two.id, FsWrite { path: LOG, content, mode: None }).await.unwrap();
    two.append("x").await.unwrap_err();
}
