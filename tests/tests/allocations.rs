//! Exact limits for the memory that a message costs, and no loss when there are many.
//!
//! The client has a separate thread in each test, so the figures are the same whatever runs beside.
//!
//! A separate binary: it installs a global allocator, and its sessions have all linked tools, of which there must be one.

use std::future::Future;

use copilot::{EventKind, Result, Session};
use copilot_tests::counting::{Allocated, Counting, of_thread, peak_of_thread, reset_peak};
use copilot_tests::flood;
use tokio::runtime::Builder;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Gives its input back.
#[copilot::tool]
async fn echo(
    /// Text to give back.
    input: String,
) -> String {
    input
}

#[test]
fn a_ping_takes_three_allocations() {
    let each = on_this_thread(async {
        let client = flood::start().start().await?;
        measure(1_000, async || client.ping("hello").await.map(drop)).await
    });
    assert_at_most(&each, 3.5, 200.0);
}

#[test]
fn a_tool_call_takes_few_allocations() {
    let each = on_this_thread(async {
        let session = flood::start().start().await?.session().with_all_tools().start().await?;
        turns(&session, "tools:1000:1", 1_000).await
    });
    assert_at_most(&each, 16.0, 2_500.0);
}

/// A subscriber that wants everything except for the spans of the library.
struct Uninterested;

impl tracing::Subscriber for Uninterested {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() != "copilot"
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn spans_without_a_subscriber_that_wants_them_take_no_allocation() {
    let each = || {
        on_this_thread(async {
            let session = flood::start().start().await?.session().with_all_tools().start().await?;
            turns(&session, "announced:1000:1", 1_000).await
        })
    };
    let without = each();
    let disabled = tracing::subscriber::with_default(Uninterested, each);
    // Buffers may grow a few times more in one of the two, among 1,000 calls.
    assert_at_most(&disabled, without.count + 0.01, without.bytes + 10.0);
}

#[test]
fn an_announced_tool_call_takes_no_additional_allocation() {
    let each = |prompt: &str| {
        on_this_thread(async {
            let session = flood::start().start().await?.session().with_all_tools().start().await?;
            turns(&session, prompt, 1_000).await
        })
    };
    // The start of a tool of another program is not watched.
    let (watched, not_watched) = (each("announced:1000:1"), each("foreign:1000:1"));
    assert_at_most(&watched, not_watched.count + 0.1, not_watched.bytes + 10.0);
}

#[test]
fn a_delta_that_is_read_takes_few_allocations() {
    let each = on_this_thread(async {
        let session = flood::start().start().await?.session().start().await?;
        turns(&session, "deltas:1000", 1_000).await
    });
    assert_at_most(&each, 6.0, 700.0);
    assert!(each.live <= 1.0, "{each:?}");
}

#[test]
fn a_recorded_turn_takes_few_allocations() {
    let each = on_this_thread(async {
        let session = flood::start().start().await?.session().start().await?;
        turns(&session, "turns:100", 100).await
    });
    assert_at_most(&each, 170.0, 100_000.0);
    assert!(each.live <= 16.0, "the events of a turn are dropped with it: {each:?}");
}

#[test]
fn an_idle_session_is_small_and_cheap_to_open() {
    let each = on_this_thread(async {
        let client = flood::start().start().await?;
        let mut sessions = Vec::with_capacity(1_001);
        let open = async || client.session().streaming(true).with_all_tools().start().await;
        sessions.push(open().await?);
        let before = of_thread();
        for _ in 0..1_000 {
            sessions.push(open().await?);
        }
        Ok(Each::of(of_thread() - before, 1_000))
    });
    // One of them is the box around the future of `start`, which the crate of a program need not compile again.
    assert_at_most(&each, 21.1, 3_600.0);
    assert!(each.live <= 1.5 * 1024.0, "{each:?}");
}

#[test]
fn a_large_message_is_held_once_as_bytes_and_once_decoded() {
    const SIZE: usize = 16 << 20;
    let peak = on_this_thread(async {
        let session = flood::start().start().await?.session().start().await?;
        read(&session, "deltas:10").await?;
        reset_peak();
        let before = of_thread().live;
        let reply = session.ask(format!("big:{SIZE}")).await?;
        assert_eq!(reply.text().len(), SIZE);
        Ok(peak_of_thread() - before)
    });
    println!("{:.2}", peak as f64 / SIZE as f64);
    assert!(peak as f64 <= 2.1 * SIZE as f64, "{peak} bytes for {SIZE}");
}

#[test]
fn a_large_message_with_escapes_is_held_once_as_bytes_and_once_decoded() {
    const SIZE: usize = 16 << 20;
    let text = flood::mixed_text(SIZE);
    let escaped = serde_json::to_string(&text).unwrap().len();
    let peak = on_this_thread(async {
        let session = flood::start().start().await?.session().start().await?;
        read(&session, "deltas:10").await?;
        reset_peak();
        let before = of_thread().live;
        let reply = session.ask(format!("mixed_big:{SIZE}")).await?;
        assert!(reply.text() == text);
        Ok(peak_of_thread() - before)
    });
    println!("{:.2}", peak as f64 / escaped as f64);
    assert!(peak as f64 <= 2.1 * escaped as f64, "{peak} bytes for {escaped}");
}

#[test]
fn a_large_prompt_is_held_once_more_than_the_program_holds_it() {
    const SIZE: usize = 16 << 20;
    let peak = on_this_thread(async {
        let session = flood::start().start().await?.session().start().await?;
        read(&session, "deltas:10").await?;
        let prompt = "x".repeat(SIZE);
        reset_peak();
        let before = of_thread().live;
        session.send(prompt).await?;
        Ok(peak_of_thread() - before)
    });
    assert!(peak as f64 <= 1.1 * SIZE as f64, "{peak} bytes for {SIZE}");
}

#[test]
fn a_schema_is_worked_out_once() {
    let tool = echo::TOOL;
    let first = tool.schema().expect("a schema").expect("arguments");
    let before = of_thread();
    let second = tool.schema().expect("a schema").expect("arguments");
    assert_eq!(of_thread() - before, Allocated::default());
    assert!(std::ptr::eq(first, second));
}

#[test]
fn no_event_of_a_burst_is_lost() {
    const BURST: usize = 100_000;
    for mut runtime in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        let seen: Result<usize> = runtime.enable_all().build().expect("a runtime").block_on(async {
            let session = flood::start().start().await?.session().streaming(true).start().await?;
            let mut turn = session.stream(format!("deltas:{BURST}")).await?;
            let mut seen = 0;
            while let Some(event) = turn.next().await {
                if let EventKind::AssistantMessageDelta(delta) = event?.kind() {
                    let number = delta.delta_content.split(' ').next().and_then(|number| number.parse().ok());
                    assert_eq!(number, Some(seen), "in the order in which they were sent");
                    seen += 1;
                }
            }
            Ok(seen)
        });
        assert_eq!(seen.expect("a turn"), BURST);
    }
}

#[test]
fn thousands_of_concurrent_tool_calls_are_all_answered() {
    for mut runtime in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        let answered: Result<String> = runtime.enable_all().build().expect("a runtime").block_on(async {
            let session = flood::start().start().await?.session().with_all_tools().start().await?;
            Ok(session.ask("tools:20000:2048").await?.text().to_owned())
        });
        assert_eq!(answered.expect("a turn"), "20000");
    }
}

/// The cost of one operation.
#[derive(Debug)]
struct Each {
    count: f64,
    bytes: f64,
    live: f64,
}

impl Each {
    fn of(all: Allocated, n: usize) -> Self {
        let each = |all: f64| all / n as f64;
        Self { count: each(all.count as f64), bytes: each(all.bytes as f64), live: each(all.live as f64) }
    }
}

#[track_caller]
fn assert_at_most(each: &Each, count: f64, bytes: f64) {
    println!("{each:?}");
    assert!(each.count <= count && each.bytes <= bytes, "{each:?}, allowed are {count} of {bytes} bytes");
}

fn on_this_thread<T>(test: impl Future<Output = Result<T>>) -> T {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(test).expect("nothing fails")
}

/// Measures an operation that has been done before, so that buffers have their size.
async fn measure(n: usize, operation: impl AsyncFn() -> Result<()>) -> Result<Each> {
    for _ in 0..n / 10 {
        operation().await?;
    }
    let before = of_thread();
    for _ in 0..n {
        operation().await?;
    }
    Ok(Each::of(of_thread() - before, n))
}

/// Measures a turn of `n` operations, after one to warm up, for a subscriber who reads the deltas.
async fn turns(session: &Session, prompt: &str, n: usize) -> Result<Each> {
    read(session, prompt).await?;
    let before = of_thread();
    read(session, prompt).await?;
    Ok(Each::of(of_thread() - before, n))
}

async fn read(session: &Session, prompt: &str) -> Result<()> {
    let mut turn = session.stream(prompt).await?;
    while let Some(event) = turn.next().await {
        let event = event?;
        if event.name() == "assistant.message_delta" {
            assert!(matches!(event.kind(), EventKind::AssistantMessageDelta(_)));
        }
    }
    Ok(())
}
