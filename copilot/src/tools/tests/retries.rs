//! Retries: how many there are, after which pauses, and that a cancelled call gets none.

use tokio::time::Instant;

use super::*;

/// When a tool was tried, and the token of its call.
#[derive(Default)]
pub(super) struct Tries {
    at: Mutex<Vec<Instant>>,
    token: CancellationToken,
}

/// Is always busy.
#[crate::tool(retries = 3, idempotent)]
async fn busy(tries: State<Tries>) -> Result<(), ToolError> {
    tries.at.lock().unwrap().push(Instant::now());
    Err(ToolError::retry("busy"))
}

/// Is busy, and its call is cancelled before it ends.
#[crate::tool(retries = 3, idempotent)]
async fn cancelled(tries: State<Tries>) -> Result<(), ToolError> {
    tries.at.lock().unwrap().push(Instant::now());
    tries.token.cancel();
    Err(ToolError::retry("busy"))
}

fn invocation_with(tries: &Arc<Tries>) -> Invocation {
    let mut states = StateMap::default();
    states.insert_shared(Arc::clone(tries));
    Invocation { states: Arc::new(states), cancel: tries.token.clone(), ..invocation(&json!({})) }
}

#[tokio::test(start_paused = true)]
async fn a_tool_is_retried_as_often_as_it_says_after_pauses_that_double() {
    let tries = Arc::default();
    let result = busy::TOOL.invoke(invocation_with(&tries), None).await;
    assert_eq!(result.text(), "busy\nThis may pass: the same call can succeed later.");
    let at = tries.at.lock().unwrap().clone();
    let pauses: Vec<_> = at.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
    assert_eq!(pauses, [50, 100, 200]);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_is_not_retried() {
    let tries = Arc::default();
    let result = cancelled::TOOL.invoke(invocation_with(&tries), None).await;
    assert!(!result.is_success());
    assert_eq!(tries.at.lock().unwrap().len(), 1);

    // Cancelled in the second pause.
    let tries = Arc::<Tries>::default();
    let started = Instant::now();
    let mut call = crate::task::spawn(busy::TOOL.invoke(invocation_with(&tries), None));
    tokio::time::sleep(Duration::from_millis(80)).await;
    tries.token.cancel();
    let result = call.join().await.unwrap();
    assert_eq!(result.text(), "`busy` was cancelled.");
    assert_eq!(tries.at.lock().unwrap().len(), 2);
    assert_eq!(started.elapsed(), Duration::from_millis(80));
}

/// Fails for good.
#[crate::tool(retries = 3, idempotent)]
async fn broken(tries: State<Tries>) -> Result<(), ToolError> {
    tries.at.lock().unwrap().push(Instant::now());
    Err(ToolError::tell("broken"))
}

#[tokio::test(start_paused = true)]
async fn only_a_failure_that_may_pass_is_retried() {
    let tries = Arc::default();
    assert_eq!(broken::TOOL.invoke(invocation_with(&tries), None).await.text(), "broken");
    assert_eq!(tries.at.lock().unwrap().len(), 1);
    assert!(ToolError::hidden("x").is_hidden());
    assert!(!ToolError::tell("x").is_hidden() && !ToolError::retry("x").is_hidden());
}

#[test]
fn a_tool_says_what_it_may_change() {
    let kind = |tool: &Tool| (tool.is_read_only(), tool.is_destructive(), tool.is_idempotent());
    let tool = || DynTool::new("t", "Acts.");
    let made = |tool: DynTool| tool.run(async |_, _| "done");
    assert_eq!(kind(&made(tool())), (false, false, false));
    assert_eq!(kind(&made(tool().read_only())), (true, false, true));
    assert_eq!(kind(&made(tool().destructive())), (false, true, false));
    assert_eq!(kind(&busy::TOOL), (false, false, true));
}

#[tokio::test(start_paused = true)]
async fn transient_failures_are_retried_and_concurrent_calls_limited() {
    static TRIES: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    static RUNNING: Mutex<(u32, u32)> = Mutex::new((0, 0));

    /// Fails twice.
    #[crate::tool(retries = 2, idempotent)]
    async fn flaky() -> Result<u32, ToolError> {
        match TRIES.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            tries @ 0..2 => Err(ToolError::retry(format!("try {tries}"))),
            tries => Ok(tries),
        }
    }

    /// Runs two calls concurrently.
    #[crate::tool(concurrency = 2, max_output = 41)]
    async fn narrow() -> String {
        {
            let mut running = RUNNING.lock().unwrap();
            running.0 += 1;
            running.1 = running.1.max(running.0);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        RUNNING.lock().unwrap().0 -= 1;
        "x".repeat(100)
    }

    assert_eq!(call(&flaky::TOOL, json!({})).await, "success: 2");
    let calls: Vec<_> =
        (0..8).map(|_| crate::task::spawn(narrow::TOOL.invoke(invocation(&json!({})), None))).collect();
    for mut call in calls {
        assert!(call.join().await.unwrap().text().contains("92 bytes left out"));
    }
    assert_eq!(*RUNNING.lock().unwrap(), (0, 2));
}
