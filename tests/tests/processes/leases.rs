//! Two processes fight for a session in a store, are stopped, killed and started again: one writes at a time.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::time::Duration;

use copilot::host::object_store::object_store::local::LocalFileSystem;
use copilot_tests::fight::{judge, referee};

#[test]
fn of_two_processes_that_fight_for_a_session_one_writes_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let bucket = directory.path().to_str().unwrap();
    let command = [env!("CARGO_BIN_EXE_lease-fighter"), bucket, "fought-over"].map(str::to_owned);
    let (outcome, heard) = referee(&command, 25, Duration::from_secs(120), 7);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = LocalFileSystem::new_with_prefix(directory.path()).unwrap();
    let outcome = runtime.block_on(judge(store, "fought-over", &heard, outcome)).unwrap();
    println!("{outcome:?}");
    assert!(outcome.rounds >= 25 && outcome.answered >= 25, "{outcome:?}");
}
