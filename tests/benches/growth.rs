//! How costs grow with the memory of the program, the history, the tools, the sessions and the subscribers:
//! `cargo bench -p copilot-tests --bench growth`. Prints a table; the CLI is a fake one.
//!
//! Each figure is the median of several rounds in one run, so compare the figures of a row, and not those of two machines.

use std::hint::black_box;
use std::time::{Duration, Instant};

use copilot::{Client, DynTool, Tool};
use copilot_tests::counting::{Counting, of_process};
use copilot_tests::fake::Fake;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    starts(&runtime);
    histories(&runtime);
    tools(&runtime);
    sessions(&runtime);
    subscribers(&runtime);
}

/// The start and the stop of a CLI, while the program uses memory.
fn starts(runtime: &Runtime) {
    row("start and stop of a CLI, with memory of the program in MiB");
    let mut memory: Vec<Vec<u8>> = Vec::new();
    for mebibytes in [8, 256, 1024] {
        let used: usize = memory.iter().map(|block| block.len() >> 20).sum();
        // Written, because the kernel gives no memory before.
        memory.push(vec![1; (mebibytes - used) << 20]);
        let took = median(15, || {
            runtime.block_on(async {
                let client = Client::builder().cli_path(env!("CARGO_BIN_EXE_fake-cli"));
                let client = client.start().await.expect("the fake CLI starts");
                client.shutdown().await.expect("the fake CLI ends");
            });
        });
        figure(mebibytes, took, 1, "");
    }
    black_box(memory);
}

/// Reading a whole history.
fn histories(runtime: &Runtime) {
    row("history, for each event");
    for events in [100, 1_000, 10_000] {
        let took = runtime.block_on(async {
            let fake = Fake::start().await;
            let session = fake.session().start().await.expect("it opens");
            for at in 0..events {
                fake.cli.event(session.id(), "session.info", json!({"message": at.to_string()}));
            }
            median_of(5, async || {
                let history = session.history().events().await.expect("it has a history");
                assert!(history.len() >= events);
            })
            .await
        });
        figure(events, took, events, "");
    }
}

fn tool(number: usize) -> Tool {
    let schema = json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]});
    DynTool::new(format!("tool_{number}"), "Give the text back.")
        .schema(schema)
        .expect("the schema is usable")
        .run(|arguments, _| async move { arguments["text"].to_string() })
}

/// A call of one tool, and the addition of one, among many.
fn tools(runtime: &Runtime) {
    let many = [1, 100, 400];
    let with = |tools: usize| async move {
        let fake = Fake::start().await;
        let session = fake.session().with_tools((0..tools).map(tool)).start().await.expect("it opens");
        (fake, session)
    };
    row("a tool call, among tools (the fake CLI included)");
    for tools in many {
        let took = runtime.block_on(async {
            let (fake, session) = with(tools).await;
            median_of(5, async || {
                for _ in 0..100 {
                    black_box(fake.cli.call_tool(session.id(), "tool_0", json!({"text": "a"})).await);
                }
            })
            .await
        });
        figure(tools, took, 100, "");
    }
    row("adding a tool to a session, among tools");
    for tools in many {
        let took = runtime.block_on(async {
            let (_fake, session) = with(tools).await;
            let mut number = tools;
            median_of(15, async || {
                number += 1;
                session.tools().add([tool(number)]).await.expect("it is added");
            })
            .await
        });
        figure(tools, took, 1, "");
    }
}

/// Opening sessions, and the memory of one.
fn sessions(runtime: &Runtime) {
    row("opening sessions, each (the fake CLI included)");
    for sessions in [10, 100, 1_000] {
        let (took, bytes) = runtime.block_on(async {
            let fake = Fake::start().await;
            let (began, before) = (Instant::now(), of_process().live);
            let mut open = Vec::new();
            for _ in 0..sessions {
                open.push(fake.session().start().await.expect("it opens"));
            }
            let (took, live) = (began.elapsed(), of_process().live);
            let both = live - before;
            // The fake CLI frees its part only with the client, so this is that of the program.
            drop(open);
            (took, (both - (of_process().live - before)) / i64::from(sessions))
        });
        let count = usize::try_from(sessions).expect("the number is small");
        figure(count, took, count, &format!("{bytes} bytes a session freed with its handle"));
    }
}

/// One event to many subscribers.
fn subscribers(runtime: &Runtime) {
    row("an event, for each subscriber (the fake CLI included)");
    for subscribers in [1, 64, 512] {
        let took = runtime.block_on(async {
            let fake = Fake::start().await;
            let session = fake.session().start().await.expect("it opens");
            let mut streams: Vec<_> = (0..subscribers).map(|_| session.events()).collect();
            median_of(5, async || {
                for _ in 0..100 {
                    fake.cli.event(session.id(), "session.info", json!({"message": "m"}));
                }
                for stream in &mut streams {
                    for _ in 0..100 {
                        black_box(stream.next().await);
                    }
                }
            })
            .await
        });
        figure(subscribers, took, 100 * subscribers, "");
    }
}

fn row(name: &str) {
    println!("{name}");
}

fn figure(size: usize, took: Duration, operations: usize, more: &str) {
    let each = took / u32::try_from(operations).expect("the number is small");
    println!("{size:>8} {each:>12.1?}  {more}");
}

/// Returns the median of the times that the rounds take, after one that does not count.
fn median(rounds: usize, mut run: impl FnMut()) -> Duration {
    run();
    let timed = |()| {
        let began = Instant::now();
        run();
        began.elapsed()
    };
    middle(vec![(); rounds].into_iter().map(timed).collect())
}

/// As [`median`], for rounds that are futures.
async fn median_of(rounds: usize, mut run: impl AsyncFnMut()) -> Duration {
    run().await;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let began = Instant::now();
        run().await;
        times.push(began.elapsed());
    }
    middle(times)
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
