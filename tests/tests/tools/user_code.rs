//! Code and values of the program that panic, wherever they can: each request is answered once, and the next one works.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::fmt;
use std::future::pending;
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use copilot::hooks::{Hooks, PreToolUse};
use copilot::testing::FakeCli;
use copilot::tools::FromCall;
use copilot::{DynTool, ErrorKind, State, Tool, ToolContext, ToolError};
use copilot_tests::fake::{Fake, settle};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::ended_sessions::{Gate, Opens};

/// One CLI of each protocol.
pub(crate) const PROTOCOLS: &[&str] = &["0.0.403", "1.0.102"];

/// The payload of a panic, whose drop panics.
struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        panic!("the drop of a payload");
    }
}

pub(crate) fn explode() {
    panic_any(Payload);
}

/// A value whose drop panics.
#[derive(Debug)]
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        explode();
    }
}

/// An error that panics where it is armed.
pub(crate) struct Fails {
    pub(crate) debug: bool,
    pub(crate) display: bool,
    pub(crate) _dropped: Option<Bomb>,
}

impl fmt::Debug for Fails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.debug {
            explode();
        }
        f.write_str("Fails")
    }
}

impl fmt::Display for Fails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.display {
            explode();
        }
        f.write_str("it failed")
    }
}

impl std::error::Error for Fails {}

/// Where user code panics.
const FAULTS: &[&str] = &[
    "none",
    "payload",
    "error drop",
    "error debug",
    "error display",
    "result drop",
    "local drop",
    "argument drop",
    "rejected argument drop",
    "two rejected arguments drop",
];

/// The output of the tools.
#[derive(Serialize)]
struct Output {
    done: bool,
    #[serde(skip)]
    _dropped: Option<Bomb>,
}

/// An argument.
#[derive(Deserialize, JsonSchema)]
struct Armed {
    /// Whether its drop panics.
    armed: bool,
}

impl Drop for Armed {
    fn drop(&mut self) {
        if self.armed {
            explode();
        }
    }
}

fn act(fault: &str) -> Result<copilot::Json<Output>, Fails> {
    let fails = |debug, display, dropped: bool| Fails { debug, display, _dropped: dropped.then(|| Bomb) };
    let _local = (fault == "local drop").then(|| Bomb);
    match fault {
        "payload" => explode(),
        "error drop" => return Err(fails(false, false, true)),
        "error debug" => return Err(fails(true, false, false)),
        "error display" => return Err(fails(false, true, false)),
        _ => {}
    }
    Ok(copilot::Json(Output { done: true, _dropped: (fault == "result drop").then(|| Bomb) }))
}

/// Awaits.
#[copilot::tool(docs = allow)]
async fn asynchronous(
    fault: &str,
    first: Option<Armed>,
    second: Option<&Armed>,
    last: Option<u8>,
) -> Result<copilot::Json<Output>, Fails> {
    tokio::task::yield_now().await;
    drop((first, second, last));
    act(fault)
}

/// Blocks.
#[copilot::tool(docs = allow)]
fn synchronous(
    fault: &str,
    first: Option<Armed>,
    second: Option<&Armed>,
    last: Option<u8>,
) -> Result<copilot::Json<Output>, Fails> {
    drop((first, second, last));
    act(fault)
}

/// Is quick, and shows its errors.
#[copilot::tool(inline, errors = visible, docs = allow)]
fn inline(
    fault: &str,
    first: Option<Armed>,
    second: Option<&Armed>,
    last: Option<u8>,
) -> Result<copilot::Json<Output>, Fails> {
    drop((first, second, last));
    act(fault)
}

/// Stays on its thread.
#[copilot::tool(local, docs = allow)]
async fn local(
    fault: &str,
    first: Option<Armed>,
    second: Option<&Armed>,
    last: Option<u8>,
) -> Result<copilot::Json<Output>, Fails> {
    let here = std::rc::Rc::new(());
    tokio::task::yield_now().await;
    drop((first, second, last, here));
    act(fault)
}

fn dynamic() -> Tool {
    let held = Bomb;
    DynTool::new("dynamic", "Is made at run time.")
        .schema(json!({"type": "object", "properties": {"fault": {}, "first": {}, "second": {}, "last": {"type": ["integer", "null"]}}}))
        .unwrap()
        .run(move |arguments, _| {
            let _held = &held;
            async move {
                let first: Option<Armed> = serde_json::from_value(arguments["first"].clone()).unwrap();
                drop(first);
                act(arguments["fault"].as_str().unwrap())
            }
        })
}

fn arguments(fault: &str) -> Value {
    let armed = json!({"armed": true});
    match fault {
        "argument drop" => json!({"fault": fault, "first": armed}),
        "rejected argument drop" => json!({"fault": fault, "first": armed, "last": "many"}),
        "two rejected arguments drop" => {
            json!({"fault": fault, "first": armed, "second": armed, "last": "many"})
        }
        _ => json!({"fault": fault}),
    }
}

fn expected(tool: &str, fault: &str) -> &'static str {
    match fault {
        "none" | "result drop" => r#"{"done":true}"#,
        "rejected argument drop" | "two rejected arguments drop" => "do not fit",
        "error drop" | "error debug" if tool == "inline" => "it failed",
        "error display" if tool == "inline" => "not printable",
        _ if tool == "inline" => "panicked",
        _ => "failed for an internal reason",
    }
}

/// How many answers of any kind the CLI has got.
pub(crate) fn answers(cli: &FakeCli) -> usize {
    let is_answer = |message: &&Value| {
        message.get("method").is_none_or(|method| method.as_str().unwrap().contains(".handlePending"))
            && message.get("result").is_none_or(|result| result.get("protocolVersion").is_none())
    };
    cli.received().iter().filter(is_answer).count()
}

#[tokio::test(start_paused = true)]
async fn each_tool_call_is_answered_once_wherever_its_code_panics() {
    for version in PROTOCOLS {
        let fake = Fake::of_version(version).await;
        let tools = [asynchronous::TOOL, synchronous::TOOL, inline::TOOL, local::TOOL, dynamic()];
        let session = fake.session().with_tools(tools.clone()).start().await.unwrap();
        for tool in &tools {
            for fault in FAULTS {
                let before = answers(&fake.cli);
                let result = fake.cli.call_tool(session.id(), tool.name(), arguments(fault)).await;
                let text = result["textResultForLlm"].as_str().unwrap();
                let expected = expected(tool.name(), fault);
                assert!(text.contains(expected), "{version}, {}, {fault}: {text}", tool.name());
                settle().await;
                assert_eq!(answers(&fake.cli) - before, 1, "{version}, {}, {fault}", tool.name());
            }
        }
        // No entry of a call that has ended stops the clock.
        fake.cli.on_turn(|_| pending());
        let silent = session.ask("?").idle_timeout(Duration::from_secs(60));
        let error = timeout(Duration::from_secs(600), silent).await.expect("the clock runs").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{version}: {error}");
        drop(tools);
        session.close().await.unwrap();
    }
}

/// Holds a value whose drop panics until its future is dropped.
#[copilot::tool(timeout = "1s")]
async fn held(cx: &ToolContext) {
    let _held = Bomb;
    let _context = cx.clone();
    pending::<()>().await;
}

#[tokio::test(start_paused = true)]
async fn a_future_that_panics_while_it_is_dropped_leaves_its_call_answered() {
    for version in PROTOCOLS {
        let fake = Fake::of_version(version).await;
        let session = fake.session().with_tools([held::TOOL, asynchronous::TOOL]).start().await.unwrap();
        let before = answers(&fake.cli);
        let result = fake.cli.call_tool(session.id(), "held", json!({})).await;
        assert_eq!(result["resultType"], "timeout", "{version}");
        settle().await;
        assert_eq!(answers(&fake.cli) - before, 1, "{version}");
        let next = fake.cli.call_tool(session.id(), "asynchronous", arguments("none")).await;
        assert_eq!(next["textResultForLlm"], r#"{"done":true}"#, "{version}");
        // Aborted, by the end of the session.
        let call = fake.cli.call_tool(session.id(), "held", json!({})).start();
        settle().await;
        session.close().await.unwrap();
        fake.client.ping("").await.unwrap();
        drop(call);
    }
}

/// A state whose drop panics.
struct Kept(Bomb);

/// Lets a state be dropped.
#[copilot::tool]
async fn takes(kept: State<Kept>, lazy: State<Lazy>) -> &'static str {
    drop((kept, lazy));
    "taken"
}

struct Lazy(Bomb);

struct Owner(Bomb);

#[copilot::tools]
impl Owner {
    /// Belongs to a value.
    #[tool]
    async fn owned(&self) -> &'static str {
        "owned"
    }
}

#[tokio::test(start_paused = true)]
async fn values_that_panic_when_they_are_dropped_end_with_their_session() {
    for version in PROTOCOLS {
        let fake = Fake::of_version(version).await;
        let (listener, hook) = (Bomb, Bomb);
        let session = fake
            .session()
            .with_tools([takes::TOOL, dynamic()])
            .with_toolset(Owner(Bomb))
            .state(Kept(Bomb))
            .state(Kept(Bomb))
            .lazy_state(|| Lazy(Bomb))
            .on_event(move |_| {
                let _listener = &listener;
                explode();
            })
            .hooks(Hooks::new().on_pre_tool_use(move |_, _| {
                let _hook = &hook;
                async { PreToolUse::pass() }
            }))
            .start()
            .await
            .unwrap();
        for (tool, text) in [("takes", "taken"), ("owned", "owned")] {
            let result = fake.cli.call_tool(session.id(), tool, json!({})).await;
            assert_eq!(result["textResultForLlm"], text, "{version}");
        }
        session.close().await.unwrap();
        drop(session);
        settle().await;
        let next = fake.session().with_tools([asynchronous::TOOL]).start().await.unwrap();
        let result = fake.cli.call_tool(next.id(), "asynchronous", arguments("none")).await;
        assert_eq!(result["textResultForLlm"], r#"{"done":true}"#, "{version}");
    }
}

/// A value that takes its time.
struct Slow(u8);

/// Needs a slow value.
#[copilot::tool]
async fn slow(value: State<Slow>) -> u8 {
    value.0
}

#[tokio::test]
async fn a_lazy_state_that_takes_long_delays_no_other_session() {
    // One thread serves all sessions, so whatever blocked it would block both.
    let fake = Fake::start().await;
    let gate = Gate::default();
    let _opens = Opens(gate.clone());
    let wait = gate.clone();
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let (thread, made_on) = std::sync::mpsc::channel();
    let lazy = move || {
        count.fetch_add(1, Ordering::Relaxed);
        thread.send(std::thread::current().id()).unwrap();
        wait.pass();
        Slow(7)
    };
    let waiting = fake.session().with_tools([slow::TOOL]).lazy_state(lazy).start().await.unwrap();
    let other = fake.session().with_tools([asynchronous::TOOL]).start().await.unwrap();
    let calls: Vec<_> = (0..2).map(|_| fake.cli.call_tool(waiting.id(), "slow", json!({})).start()).collect();
    let result = fake.cli.call_tool(other.id(), "asynchronous", arguments("none")).await;
    assert_eq!(result["textResultForLlm"], r#"{"done":true}"#);
    assert!(!calls[0].is_answered());
    gate.open();
    for call in &calls {
        assert_eq!(call.answer().await["textResultForLlm"], "7");
    }
    assert_eq!(made.load(Ordering::Relaxed), 1);
    assert_ne!(made_on.recv().unwrap(), std::thread::current().id());
}

#[tokio::test]
async fn a_lazy_state_that_cannot_be_made_fails_each_call_that_needs_it() {
    let fake = Fake::start().await;
    let lazy = || -> Slow {
        explode();
        Slow(1)
    };
    let session = fake.session().with_tools([slow::TOOL]).lazy_state(lazy).start().await.unwrap();
    for _ in 0..2 {
        let result = fake.cli.call_tool(session.id(), "slow", json!({})).await;
        let text = result["textResultForLlm"].as_str().unwrap();
        assert!(text.starts_with("`slow` failed for an internal reason"), "{text}");
    }
}

/// Injected from the call, and never there.
struct Never;

impl FromCall for Never {
    fn from_call(_: &ToolContext) -> Result<Self, ToolError> {
        Err(ToolError::tell("there is nothing to inject"))
    }
}

/// A number that its type restricts further than its schema.
#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "u8")]
struct Even(#[expect(dead_code, reason = "the tool is never run")] u8);

impl TryFrom<u8> for Even {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, &'static str> {
        if number.is_multiple_of(2) { Ok(Self(number)) } else { Err("an odd number") }
    }
}

/// Needs both.
#[copilot::tool(docs = allow)]
async fn both(never: Never, number: Even) {
    let _ = (never, number);
}

#[tokio::test(start_paused = true)]
async fn arguments_that_do_not_fit_are_reported_before_what_cannot_be_injected() {
    let fake = Fake::start().await;
    let session = fake.session().with_tools([both::TOOL]).start().await.unwrap();
    for (arguments, text) in [
        (json!({"number": 3}), "an odd number"),
        (json!({"number": "three"}), "`number`: expected an integer"),
        (json!({}), "`number` is missing"),
        (json!({"number": 4}), "there is nothing to inject"),
    ] {
        let result = fake.cli.call_tool(session.id(), "both", arguments.clone()).await;
        assert!(result["textResultForLlm"].as_str().unwrap().contains(text), "{arguments}: {result}");
    }
}
