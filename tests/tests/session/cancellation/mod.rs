//! Every public future is dropped at every point at which it can be: nothing of it is left, and the next one works.
//!
//! A case in `cases.rs` is one use of one item. It is run again and again, polled once, twice and so on, and dropped, until it
//! has run to its end.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod answers;
mod cases;

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use copilot::install::Installer;
use copilot::testing::{FakeCli, hermetic_client, pending_calls};
use copilot_tests::api::async_items;
use copilot_tests::fake::settle;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::time::timeout;

use cases::{CASES, EXCUSED, Running, World};

/// When a future is dropped.
#[derive(Clone, Copy, Debug)]
enum Drop {
    /// As soon as it waits.
    Waiting,
    /// When what it waits for has come, which it has not seen yet.
    Woken,
}

/// Polls a future this often and drops it then; gives its output if it got that far.
async fn polled<F: Future>(future: F, polls: usize, when: Drop) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 && matches!(when, Drop::Waiting) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

async fn check(version: &str, name: &str, attempt: fn(&World) -> Running<'_>) {
    for when in [Drop::Waiting, Drop::Woken] {
        for polls in 0.. {
            let what = format!("{name}, dropped when {when:?} after {polls} polls, on {version}");
            assert!(polls < 500, "{what}: it never ends");
            let none = tasks();
            let world = World::new(version).await;
            let (running, open) = (tasks(), world.cli.open_sessions());
            // With the clock paused this time passes immediately when no task can run.
            let stuck = format!("{what}: it is stuck");
            let run = timeout(PATIENCE, polled(attempt(&world), polls, when));
            let ended = run.await.expect(&stuck).is_some();
            // The detachment of a dropped session is held for 100 ms.
            tokio::time::sleep(Duration::from_millis(150)).await;
            if name == "FakeTurn::call_tool" {
                // The agent has announced a call and does not request it. The watch over it ends when the agent is idle.
                world.cli.event(world.session.id(), "session.idle", serde_json::json!({}));
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
            assert_eq!(pending_calls(&world.client), 0, "{what}: a call is left");
            assert!(tasks() <= running, "{what}: {} tasks, and {running} before", tasks());
            let left: Vec<_> =
                world.cli.open_sessions().into_iter().filter(|id| !open.contains(id)).collect();
            assert!(left.is_empty(), "{what}: sessions are left: {left:?}");
            timeout(PATIENCE, attempt(&world)).await.expect(&stuck);
            drop(world);
            settle().await;
            assert_eq!(tasks(), none, "{what}: a task is left when all is gone");
            if ended {
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_future_leaves_nothing_and_the_next_one_works() {
    for (name, attempt) in CASES {
        check("1.0.102", name, *attempt).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_room_to_leave_is_never_sent() {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.unwrap();
    cli.stop_reading();
    let large = "x".repeat(5 << 20);
    let fill = client.call::<_, Value>("models.list", json!({"large": large}));
    assert!(polled(fill, 1, Drop::Waiting).await.is_none());
    assert!(polled(client.ping("never"), 1, Drop::Waiting).await.is_none());
    assert_eq!(pending_calls(&client), 0);
    cli.read_on();
    assert_eq!(client.ping("sent").await.unwrap().message, "pong: sent");
    assert_eq!(cli.requests("ping").len(), 1);
}

/// A program that runs the real CLI, and writes down its process first.
#[cfg(unix)]
async fn watched_cli(directory: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let cli = match std::env::var_os("COPILOT_CLI_PATH") {
        Some(path) => PathBuf::from(path),
        None => Installer::new().quiet().ensure().await.unwrap(),
    };
    if cli.extension().is_some() {
        // A script, which the library itself runs with Node.js.
        return None;
    }
    let program = directory.join("watched");
    let script =
        format!("#!/bin/sh\necho $$ >> {0}/started\nexec {1} \"$@\"\n", directory.display(), cli.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    Some(program)
}

#[cfg(unix)]
#[tokio::test]
async fn a_dropped_start_leaves_no_process() {
    let directory = tempfile::tempdir().unwrap();
    let Some(program) = watched_cli(directory.path()).await else { return };
    let none = tasks();
    for polls in 0.. {
        let start = hermetic_client(directory.path()).cli_path(&program).start();
        let client = polled(start, polls, Drop::Waiting).await;
        let ended = client.is_some();
        drop(client);
        let started = std::fs::read_to_string(directory.path().join("started")).unwrap_or_default();
        let gone = async {
            let mut look = tokio::time::interval(Duration::from_millis(10));
            let runs = |process: &str| Path::new("/proc").join(process).exists();
            while started.lines().any(runs) || tasks() > none {
                look.tick().await;
            }
        };
        timeout(Duration::from_secs(60), gone).await.expect("nothing is left of a start that was dropped");
        if ended {
            assert!(!started.is_empty(), "the CLI was started");
            break;
        }
    }
}

#[test]
fn every_public_future_has_a_case() {
    let of = |name: &str| name.split(',').next().unwrap().to_owned();
    let tried: BTreeSet<_> = CASES.iter().map(|(name, _)| of(name)).collect();
    let excused: BTreeSet<_> = EXCUSED.iter().map(|(name, _)| of(name)).collect();
    let items = async_items();
    let there: BTreeSet<_> = items.iter().map(|item| item.name.clone()).collect();
    let missing: Vec<_> = items
        .iter()
        .filter(|item| !tried.contains(&item.name) && !excused.contains(&item.name))
        .map(|item| format!("{} {}", item.place, item.name))
        .collect();
    assert!(missing.is_empty(), "give these a case in `CASES`, or an excuse: {missing:#?}");
    let stale: Vec<_> = tried.union(&excused).filter(|name| !there.contains(*name)).collect();
    assert!(stale.is_empty(), "these are gone from the library: {stale:?}");
    let both: Vec<_> = tried.intersection(&excused).collect();
    assert!(both.is_empty(), "no excuse is needed: {both:?}");
}
