//! The cost of messages from pipe to program, over pipes in memory: `cargo bench -p copilot-tools --features testing`.
//!
//! The peer has a separate thread and is quicker than the library, so the time is mostly the library's.

use std::hint::black_box;

use copilot::{Client, Event, EventKind, EventStream, Session};
use divan::Bencher;
use divan::counter::ItemsCount;
use tokio::runtime::{Builder, Runtime};

#[expect(unreachable_pub, reason = "the crate of the tests shares it, a program cannot")]
#[allow(dead_code, reason = "a part of it is for other programs")]
#[path = "../../tests/src/flood.rs"]
mod flood;

/// The number of messages in one sample.
const MANY: usize = 1_000;

/// Return the input.
#[copilot::tool]
async fn echo(
    /// The text to return.
    input: String,
) -> String {
    input
}

fn main() {
    divan::main();
}

/// Framing and envelope in both directions: a request and its response.
#[divan::bench]
fn ping(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    let client = runtime.block_on(connect());
    bencher.bench_local(|| runtime.block_on(client.ping("hello")).expect("an answer"));
}

/// Framing and envelope of an event, its delivery to each subscriber, and its payload.
#[divan::bench(args = [1, 8])]
fn deltas(bencher: Bencher<'_, '_>, subscribers: usize) {
    let runtime = runtime();
    let session = runtime.block_on(async { open(&connect().await).await });
    let prompt = format!("deltas:{MANY}");
    bencher.counter(ItemsCount::new(MANY)).bench_local(|| {
        runtime.block_on(async {
            let streams: Vec<_> = (0..subscribers).map(|_| session.events()).collect();
            session.send(prompt.as_str()).await.expect("it is sent");
            for events in streams {
                read(events).await;
            }
        });
    });
}

/// The events of a recorded turn, most of which have no reader.
#[divan::bench]
fn recorded_turns(bencher: Bencher<'_, '_>) {
    turns(bencher, "turns:10", 10);
}

/// A tool call from its event to its result, with a number of outstanding calls.
#[divan::bench(args = [1, 64])]
fn tool_calls(bencher: Bencher<'_, '_>, outstanding: usize) {
    turns(bencher, &format!("tools:{MANY}:{outstanding}"), MANY);
}

/// The decoding of one event of a history: envelope and payload.
#[divan::bench]
fn decode_event(bencher: Bencher<'_, '_>) {
    let json = r#"{"type":"assistant.message_delta","id":"1b4e28ba-2fa1-41d2-883f-0016d3cca427",
        "timestamp":"2026-01-01T00:00:00.000Z","parentId":"6fa459ea-ee8a-4ca4-894e-db77e160355e",
        "ephemeral":true,"data":{"messageId":"36bd2bee-cab9-4f8d-9ecb-cab46e4c40e3","deltaContent":"a piece"}}"#;
    bencher.bench_local(|| {
        let event: Event = serde_json::from_str(black_box(json)).expect("an event");
        assert!(matches!(event.kind(), EventKind::AssistantMessageDelta(_)));
        event
    });
}

fn turns(bencher: Bencher<'_, '_>, prompt: &str, each: usize) {
    let runtime = runtime();
    let session = runtime.block_on(async { open(&connect().await).await });
    bencher
        .counter(ItemsCount::new(each))
        .bench_local(|| runtime.block_on(async { session.ask(prompt).await.expect("a reply") }));
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn connect() -> Client {
    flood::start().start().await.expect("the peer responds")
}

async fn open(client: &Client) -> Session {
    client.session().with_all_tools().start().await.expect("the peer responds")
}

async fn read(mut events: EventStream) {
    while let Some(event) = events.next().await {
        match event.kind() {
            EventKind::AssistantMessageDelta(delta) => {
                black_box(&delta.delta_content);
            }
            EventKind::SessionIdle(_) => return,
            _ => {}
        }
    }
}
