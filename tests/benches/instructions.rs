//! The instructions that the program executes for one message, counted by valgrind, and their limits:
//! `cargo bench -p copilot-tests --bench instructions`. Fails if a limit is exceeded.
//!
//! The operations whose names end with `_traced` run with a subscriber that makes OpenTelemetry spans of them, without an
//! exporter.
//!
//! The CLI is a separate process, which valgrind does not count. Each operation is run with two counts, and the
//! difference is divided by the difference of the counts, so that start and end do not matter. The runtime has one
//! thread, and everything runs on one CPU: on two, the wake-ups of the program depend on when the CLI answers, and a ping
//! varies by a tenth. So the figures do not depend on the load; a new compiler or allocator changes them by some percent.

use std::path::Path;
use std::process::{Command, ExitCode};

use copilot::{Client, Session};
use copilot_tests::flood;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Builder;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The operations with their counts, and the limit of instructions for one.
const OPERATIONS: [(&str, usize, u64); 8] = [
    ("ping", 1_000, 11_700),
    ("tool", 1_000, 34_300),
    ("tool_of_16", 1_000, 29_200),
    ("tool_traced", 1_000, 93_500),
    ("delta", 2_000, 5_650),
    ("delta_traced", 2_000, 5_650),
    ("recorded_turn", 10, 830_000),
    ("recorded_turn_traced", 10, 1_054_000),
];

/// Set in the environment of the process that is the CLI.
const IS_CLI: &str = "COPILOT_BENCH_CLI";

/// Gives its input back.
#[copilot::tool]
async fn echo(
    /// Text to give back.
    input: String,
) -> String {
    input
}

fn main() -> ExitCode {
    if std::env::var_os(IS_CLI).is_some() {
        flood::serve();
        return ExitCode::SUCCESS;
    }
    let program = std::env::current_exe().expect("the path of the program is known");
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [operation, count] = &args[..]
        && let Ok(count) = count.parse()
    {
        run(&program, operation, count);
        return ExitCode::SUCCESS;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("SKIPPED: valgrind is not installed, so no instructions were counted");
        return ExitCode::SUCCESS;
    }
    on_one_cpu();
    let mut is_exceeded = false;
    println!("{:<20} {:>12} {:>12}", "operation", "instructions", "limit");
    for (operation, count, limit) in OPERATIONS {
        let (few, many) = (counted(&program, operation, count), counted(&program, operation, 3 * count));
        let each = (many - few) / (2 * count as u64);
        let verdict = if each > limit { "  EXCEEDED" } else { "" };
        println!("{operation:<20} {each:>12} {limit:>12}{verdict}");
        is_exceeded |= each > limit;
    }
    if is_exceeded { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Restricts this process, and those that it starts, to one of its CPUs.
fn on_one_cpu() {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

        let allowed = sched_getaffinity(None).expect("the CPUs of the process are known");
        let first = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu)).expect("the process has a CPU");
        let mut one = CpuSet::new();
        one.set(first);
        sched_setaffinity(None, &one).expect("a process may give up CPUs");
    }
}

/// Runs the program under valgrind; returns the number of its instructions.
fn counted(program: &Path, operation: &str, count: usize) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([operation, &count.to_string()])
        .output()
        .expect("valgrind starts");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{operation}: {log}");
    let collected = log.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count);
    collected.and_then(|count| count.trim().parse().ok()).unwrap_or_else(|| panic!("no count in {log}"))
}

fn run(program: &Path, operation: &str, count: usize) {
    let operation = match operation.strip_suffix("_traced") {
        Some(operation) => {
            let tracer = SdkTracerProvider::builder().build().tracer("instructions");
            tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer)).init();
            operation
        }
        None => operation,
    };
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let done = runtime.block_on(async {
        let client = Client::builder().cli_path(program).env(IS_CLI, "1").start().await?;
        match operation {
            "ping" => {
                for _ in 0..count {
                    client.ping("hello").await?;
                }
            }
            "tool" => turn(&client, &format!("tools:{count}:1")).await?,
            "tool_of_16" => turn(&client, &format!("tools:{count}:16")).await?,
            "delta" => turn(&client, &format!("deltas:{count}")).await?,
            "recorded_turn" => turn(&client, &format!("turns:{count}")).await?,
            other => panic!("there is no operation `{other}`"),
        }
        client.shutdown().await
    });
    done.expect("the fake CLI does as asked");
}

/// Reads a turn to its end, as a program that shows it.
async fn turn(client: &Client, prompt: &str) -> copilot::Result<()> {
    let session: Session = client.session().streaming(true).with_tools([echo::TOOL]).start().await?;
    let mut turn = session.stream(prompt).await?;
    while let Some(event) = turn.next().await {
        event?;
    }
    Ok(())
}
