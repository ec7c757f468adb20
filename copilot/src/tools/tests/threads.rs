//! Tools that run on the pool for blocking work: what a timeout leaves running, and tasks of one thread.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::json;

use super::call;
use crate::tools::ToolContext;

/// Ends a call of `wait_for_release`.
static RELEASE: Mutex<Option<Receiver<()>>> = Mutex::new(None);
static RUNS: AtomicUsize = AtomicUsize::new(0);

/// Waits on its thread.
#[crate::tool(timeout = "20ms", concurrency = 1)]
fn wait_for_release() -> &'static str {
    RUNS.fetch_add(1, Ordering::Relaxed);
    let receiver = RELEASE.lock().unwrap().take();
    receiver.map(|receiver| receiver.recv());
    "released"
}

#[tokio::test]
async fn a_synchronous_tool_that_timed_out_is_reported_as_running_and_keeps_its_permit() {
    let (release, receiver): (Sender<()>, _) = channel();
    *RELEASE.lock().unwrap() = Some(receiver);
    let late = call(&wait_for_release::TOOL, json!({})).await;
    assert_eq!(
        late,
        "timeout: `wait_for_release` did not finish within 0.02 s. It was asked to stop but is still running; its \
         result will be discarded."
    );
    let waited = call(&wait_for_release::TOOL, json!({})).await;
    assert_eq!(waited, "timeout: `wait_for_release` did not finish within 0.02 s and was stopped.");
    assert_eq!(RUNS.load(Ordering::Relaxed), 1, "the first call still has the only permit");
    drop(release);
    let since = Instant::now();
    while call(&wait_for_release::TOOL, json!({})).await != "success: released" {
        assert!(since.elapsed() < Duration::from_secs(20), "the permit is never free");
    }
}

/// Waits until it is asked to stop.
#[crate::tool(timeout = "20ms")]
fn heed(cx: &ToolContext) -> &'static str {
    while !cx.is_cancelled() {
        std::thread::yield_now();
    }
    "stopped"
}

#[tokio::test]
async fn a_synchronous_tool_can_heed_its_timeout() {
    assert_eq!(call(&heed::TOOL, json!({})).await, "success: stopped");
}

/// Spawns a task on the same thread.
#[crate::tool(local)]
async fn spawn_here() -> u32 {
    let shared = std::rc::Rc::new(7);
    tokio::task::spawn_local(async move { *shared }).await.unwrap()
}

#[tokio::test]
async fn a_local_tool_may_spawn_tasks_on_its_thread() {
    assert_eq!(call(&spawn_here::TOOL, json!({})).await, "success: 7");
}
