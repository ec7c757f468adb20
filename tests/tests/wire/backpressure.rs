//! A CLI that does not read: callers wait, memory stays bounded, everything else continues.

use std::time::Duration;

use copilot::testing::memory_client;
use copilot_tests::fake::{Fake, settle};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Says it back.
#[copilot::tool]
pub(crate) async fn echo(
    /// The text to repeat.
    text: &str,
) -> String {
    text.to_owned()
}

const PIECE: usize = 64 << 10;
/// The pieces that may wait in the queue, and some that are in the pipe.
const BOUND: usize = (4 << 20) / PIECE + 10;

fn call_all(fake: &Fake, count: usize) -> JoinSet<copilot::Result<Value>> {
    let text = "x".repeat(PIECE);
    let mut calls = JoinSet::new();
    for _ in 0..count {
        let (client, params) = (fake.client.clone(), json!({"text": text}));
        calls.spawn(async move { client.call("x.y", params).await });
    }
    calls
}

#[tokio::test(start_paused = true)]
async fn callers_wait_and_memory_stays_bounded() {
    let fake = Fake::start().await;
    fake.cli.on("x.y", |params, _| json!(params["text"].as_str().map(str::len)));
    let session = fake.session().with_tools([echo::TOOL]).start().await.unwrap();
    let mut events = session.events();
    fake.cli.stop_reading();
    let mut calls = call_all(&fake, 150);
    settle().await;
    let queued = fake.calls_pending();
    assert!((40..BOUND).contains(&queued), "{queued} of 150 calls are queued");

    // Events still arrive, and tools run; their answers wait with the rest.
    fake.cli.event(session.id(), "session.info", json!({}));
    assert_eq!(events.next().await.unwrap().name(), "session.info");
    let call = fake.cli.call_tool(session.id(), "echo", json!({"text": "later"})).start();
    settle().await;
    assert!(!call.is_answered());

    fake.cli.read_on();
    while let Some(answer) = calls.join_next().await {
        assert_eq!(answer.unwrap().unwrap(), PIECE);
    }
    assert_eq!(call.answer().await["textResultForLlm"], "later");
    assert_eq!(fake.calls_pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn callers_that_give_up_leave_room_for_others() {
    let fake = Fake::start().await;
    fake.cli.on("x.y", |_, _| json!(1));
    fake.cli.stop_reading();
    let calls = call_all(&fake, 150);
    settle().await;
    drop(calls);
    settle().await;
    assert_eq!(fake.calls_pending(), 0);
    let waits = timeout(Duration::from_secs(1), fake.client.ping("?")).await;
    assert!(waits.is_err(), "what was queued is still in the way");
    fake.cli.read_on();
    assert!(fake.client.ping("?").await.is_ok());
    let sent = fake.cli.requests("x.y").len();
    assert!(sent < BOUND, "{sent} calls of those that gave up were sent");
}

#[tokio::test(start_paused = true)]
async fn callers_that_wait_for_room_learn_of_the_end() {
    let fake = Fake::start().await;
    fake.cli.stop_reading();
    let mut calls = call_all(&fake, 200);
    settle().await;
    fake.cli.hang_up();
    while let Some(answer) = calls.join_next().await {
        assert!(answer.unwrap().unwrap_err().is_disconnected());
    }
}

#[tokio::test(start_paused = true)]
async fn a_cli_that_sends_requests_and_reads_no_responses_is_not_read_without_limit() {
    let (builder, mut far) = memory_client(1 << 20);
    let frame = |body: String| format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let greet = async {
        let mut request = [0; 1024];
        let _ = far.reader.read(&mut request).await.unwrap();
        let answer =
            json!({"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": 3, "version": "1.0.102"}});
        far.writer.write_all(frame(answer.to_string()).as_bytes()).await.unwrap();
    };
    let (client, ()) = tokio::join!(builder.start(), greet);
    let _client = client.unwrap();
    // Each answer repeats the id of its question.
    let question = json!({"jsonrpc": "2.0", "id": "x".repeat(1 << 20), "method": "x.y", "params": {}});
    let question = frame(question.to_string());
    let mut taken = 0;
    while timeout(Duration::from_secs(1), far.writer.write_all(question.as_bytes())).await.is_ok() {
        taken += 1;
        assert!(taken < 100, "answers pile up without a bound");
    }
    assert!(taken > 40, "only {taken} MiB were taken");
}
