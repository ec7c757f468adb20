//! Calls of a session that run one after another by the value of an argument.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use copilot::{DynTool, State};
use copilot_tests::fake::Fake;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::sleep;

type Lines = Mutex<Vec<u64>>;

/// Append a number to a file.
#[copilot::tool(serial_by = "path")]
async fn append(
    /// The file.
    path: &str,
    /// The number.
    number: u64,
    lines: State<Lines>,
) {
    let _ = path;
    // Without an order, later calls would be faster.
    sleep(Duration::from_millis(20_u64.saturating_sub(number))).await;
    lines.lock().unwrap().push(number);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_with_one_value_run_in_the_order_of_the_agent_on_several_threads() {
    let fake = Fake::start().await;
    let lines = Arc::<Lines>::default();
    let builder = fake.session().with_tools([append::TOOL]).shared_state(Arc::clone(&lines));
    let session = builder.start().await.unwrap();
    let calls: Vec<_> = (0..30)
        .map(|number| json!({ "path": "a", "number": number }))
        .map(|arguments| fake.cli.call_tool(session.id(), "append", arguments).start())
        .collect();
    for call in calls {
        assert_eq!(call.answer().await["resultType"], "success");
    }
    assert_eq!(*lines.lock().unwrap(), (0..30).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn the_calls_of_all_sessions_have_one_order() {
    let fake = Fake::start().await;
    let gate = Arc::new(Notify::new());
    let open = Arc::clone(&gate);
    let tool = DynTool::new("edit_file", "Edit a file.")
        .schema(json!({ "type": "object", "properties": { "path": { "type": "string" } } }))
        .unwrap()
        .serial_by("path")
        .run(move |_, _| {
            let open = Arc::clone(&open);
            async move { open.notified().await }
        });
    let first = fake.session().with_tools([tool.clone()]).start().await.unwrap();
    let second = fake.session().with_tools([tool.renamed("edit_too")]).start().await.unwrap();
    let path = || json!({ "path": "a" });
    let calls = [
        fake.cli.call_tool(first.id(), "edit_file", path()).start(),
        fake.cli.call_tool(second.id(), "edit_too", path()).start(),
    ];
    sleep(Duration::from_secs(1)).await;
    // Two waiters would take both.
    gate.notify_waiters();
    assert_eq!(calls[0].answer().await["resultType"], "success");
    sleep(Duration::from_secs(1)).await;
    assert!(!calls[1].is_answered());
    // The session that ends leaves the queue, and the next call has its turn.
    let third = fake.cli.call_tool(first.id(), "edit_file", path()).start();
    second.close().await.unwrap();
    sleep(Duration::from_secs(1)).await;
    gate.notify_waiters();
    assert_eq!(third.answer().await["resultType"], "success");
}
