//! Calls that end while they wait: for a permit, for values that futures make, or for a thread.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use tokio::time::sleep;

use super::*;
use crate::tools::FromCallAsync;

/// The number of functions that were started.
#[derive(Default)]
pub(super) struct Started(AtomicU32);

impl Started {
    fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn total(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A state that is built on first use.
pub(super) struct Late;

/// A value that takes half a second.
struct Slow;

impl FromCallAsync for Slow {
    async fn from_call(_: &ToolContext) -> Result<Self, ToolError> {
        sleep(Duration::from_millis(500)).await;
        Ok(Self)
    }
}

/// Wait for a permit.
#[crate::tool(concurrency = 1, timeout = "300ms")]
async fn one_future(started: State<Started>) {
    started.count();
}

/// Wait for a permit, and for a thread.
#[crate::tool(concurrency = 1, timeout = "300ms")]
fn one_thread(started: State<Started>) {
    started.count();
}

/// Wait for a value.
#[crate::tool(timeout = "300ms")]
async fn slow_future(slow: Slow, started: State<Started>) {
    let Slow = slow;
    started.count();
}

/// Wait for a value, and for a thread.
#[crate::tool(timeout = "300ms")]
fn slow_thread(slow: Slow, started: State<Started>) {
    let Slow = slow;
    started.count();
}

/// Wait for a value with a permit.
#[crate::tool(concurrency = 1, serial_by = "id", timeout = "300ms")]
fn all_of_them(
    /// The number.
    id: u8,
    slow: Slow,
    started: State<Started>,
) {
    let (_, Slow) = (id, slow);
    started.count();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_while_it_waits_never_starts_its_function() {
    for tool in [one_future::TOOL, one_thread::TOOL, slow_future::TOOL, slow_thread::TOOL, all_of_them::TOOL]
    {
        for cancels in [true, false] {
            let permits = tool.compiled().unwrap().permits.clone();
            let cancel = CancellationToken::default();
            let started = Arc::new(Started::default());
            let mut states = states();
            states.insert_shared(Arc::clone(&started));
            let invocation = Invocation {
                states: Arc::new(states),
                cancel: cancel.clone(),
                ..invocation(&if tool.name() == "all_of_them" { json!({ "id": 1 }) } else { json!({}) })
            };
            let has_values = tool.name() != "one_future" && tool.name() != "one_thread";
            let held = match &permits {
                Some(permits) if !has_values => Some(Arc::clone(permits).acquire_owned().await.unwrap()),
                _ => None,
            };
            let mut call = crate::task::spawn(tool.invoke(invocation, None));
            sleep(Duration::from_millis(100)).await;
            if cancels {
                cancel.cancel();
            }
            // Within the grace after the cancellation, and after the timeout.
            sleep(Duration::from_millis(350)).await;
            drop(held);
            let result = call.join().await.unwrap();
            sleep(Duration::from_secs(1)).await;
            let name = tool.name();
            assert_eq!(started.total(), 0, "{name} {cancels}");
            let expected = match cancels {
                true => format!("`{name}` was cancelled."),
                false => format!("`{name}` did not finish within 0.3 s and was stopped."),
            };
            assert_eq!(result.text(), expected);
            assert!(
                permits.is_none_or(|permits| permits.available_permits() == 1),
                "{name} keeps its permit"
            );
        }
    }
    assert_eq!(all_of_them::TOOL.compiled().unwrap().serial.as_ref().unwrap().queues(), 0);
}

/// Wait for a state that is built on first use.
#[crate::tool(timeout = "20ms")]
async fn with_late(late: State<Late>, started: State<Started>) {
    drop(late);
    started.count();
}

#[tokio::test]
async fn a_call_that_times_out_while_its_state_is_built_never_starts_its_function() {
    let (release, released) = mpsc::channel::<()>();
    let started = Arc::new(Started::default());
    let mut states = states();
    states.insert_shared(Arc::clone(&started));
    states.insert_lazy(move || {
        released.recv().ok();
        Late
    });
    let call =
        with_late::TOOL.invoke(Invocation { states: Arc::new(states), ..invocation(&json!({})) }, None);
    let mut call = crate::task::spawn(call);
    sleep(Duration::from_millis(100)).await;
    drop(release);
    assert!(call.join().await.unwrap().text().ends_with("within 0.02 s and was stopped."));
    assert_eq!(started.total(), 0);
}

/// Wait for a thread.
#[crate::tool(timeout = "20ms")]
fn on_thread(started: State<Started>) {
    started.count();
}

#[test]
fn a_call_that_times_out_while_all_threads_are_busy_never_starts_its_function() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
    let started = Arc::new(Started::default());
    let mut states = states();
    states.insert_shared(Arc::clone(&started));
    let invocation = Invocation { states: Arc::new(states), ..invocation(&json!({})) };
    runtime.unwrap().block_on(async {
        let (release, released) = mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || released.recv());
        let result = on_thread::TOOL.invoke(invocation, None).await;
        assert_eq!(result.result_type().as_str(), "timeout");
        drop(release);
        drop(busy.await);
        tokio::task::spawn_blocking(|| ()).await.unwrap();
    });
    assert_eq!(started.total(), 0);
}
