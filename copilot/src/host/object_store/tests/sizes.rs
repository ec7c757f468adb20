//! The limit of a session's files, and records that take long to transfer.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::store::Fate;
use super::{LEASE, LOG, Process, store};
use crate::host::session_fs::{FsRm, SessionFs};

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
    two.append(&"z".repeat(50)).await.unwrap();
    two.append("x").await.unwrap_err();
}

const MIB: usize = 1024 * 1024;

/// Tries to take the session for as long as `act` takes; its holder keeps it.
async fn refused_while(process: &Process, holder: &str, act: impl Future<Output = ()>) {
    let refused = async {
        loop {
            let error = process.files.acquire(&process.id).await.unwrap_err();
            assert!(error.is_held() && error.to_string().contains(holder), "{error}");
        }
    };
    tokio::select! {
        () = act => {}
        () = refused => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_transfers_for_longer_than_the_lease_is_written_and_the_session_kept() {
    let store = store();
    let (one, two) = (Process::new(&store, "one"), Process::new(&store, "two"));
    let lease = one.files.acquire(&one.id).await.unwrap();
    one.way.rate(MIB as u64);
    let began = Instant::now();
    let write = async {
        one.write("/large", &"x".repeat(8 * MIB)).await.unwrap();
        one.append("1\n").await.unwrap();
    };
    refused_while(&two, "held by one/", write).await;
    // The record, and a snapshot of it.
    assert!(began.elapsed() > LEASE * 2, "{:?}", began.elapsed());
    assert!(!lease.is_lost());
    one.files.release(&one.id).await.unwrap();
    assert_eq!(two.read("/large").await.unwrap().len(), 8 * MIB);
    assert_eq!(two.read(LOG).await.unwrap(), "1\n");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_read_for_longer_than_the_lease_is_kept_meanwhile() {
    for released in [true, false] {
        let store = store();
        let [one, two, three] = ["one", "two", "three"].map(|name| Process::new(&store, name));
        one.write("/large", &"x".repeat(8 * MIB)).await.unwrap();
        match released {
            true => one.files.release(&one.id).await.unwrap(),
            // The newest record is the snapshot.
            false => {
                sleep(Duration::from_millis(1)).await;
                one.crash();
            }
        }
        two.way.rate(MIB as u64);
        let began = Instant::now();
        let taken = async {
            assert_eq!(two.files.acquire(&two.id).await.unwrap().epoch(), 2);
            assert!(began.elapsed() > LEASE, "{:?}", began.elapsed());
        };
        if released {
            let later = async {
                sleep(Duration::from_millis(10)).await;
                refused_while(&three, "held by two/", std::future::pending()).await;
            };
            tokio::select! {
                () = taken => {}
                () = later => {}
            }
        } else {
            taken.await;
        }
        assert_eq!(two.read("/large").await.unwrap().len(), 8 * MIB);
        two.append("2\n").await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_a_large_record_is_read_back() {
    let store = store();
    let one = Process::new(&store, "one");
    one.files.acquire(&one.id).await.unwrap();
    one.way.rate(MIB as u64);
    one.way.fates([Fate::AnswerLost]);
    one.write("/large", &"x".repeat(MIB * 15 / 2)).await.unwrap();
    one.append("1\n").await.unwrap();
    one.crash();
    assert_eq!(Process::new(&store, "two").read(LOG).await.unwrap(), "1\n");
}

#[tokio::test(start_paused = true)]
async fn a_holder_whose_record_never_arrives_is_replaced() {
    let store = store();
    let (one, two) = (Process::new(&store, "one"), Process::new(&store, "two"));
    let lease = one.files.acquire(&one.id).await.unwrap();
    // Enough for signs of life only.
    one.way.rate(1024);
    let began = Instant::now();
    let taken = async {
        sleep(Duration::from_millis(1)).await;
        loop {
            match two.files.acquire(&two.id).await {
                Ok(_) => break,
                Err(error) => assert!(error.is_held(), "{error}"),
            }
        }
    };
    let large = "x".repeat(MIB);
    let (written, taken) = tokio::join!(one.write("/large", &large), timeout(LEASE * 10, taken));
    assert!(written.is_err() && taken.is_ok(), "{written:?} {taken:?}");
    // The transfer, its repetition, a lease for each of both processes.
    let elapsed = began.elapsed();
    assert!((LEASE * 3 / 2..LEASE * 3).contains(&elapsed), "{elapsed:?}");
    one.way.rate(0);
    assert!(one.append("never\n").await.unwrap_err().to_string().contains("taken over"));
    assert!(lease.is_lost());
}
