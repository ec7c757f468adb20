//! Code and values of the program that panic, wherever they can: each request is answered once, and the next one works.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::fmt;
use std::future::pending;
use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;

use copilot::canvas::{Canvas, CanvasView};
use copilot::elicitation::ElicitationResponse;
use copilot::hooks::{Hooks, PreToolUse};
use copilot::limits::{Limits, LimitsResponse};
use copilot::mcp::{Mcp, McpHeadersResponse, McpLoginResponse, SamplingResponse};
use copilot::models::ModelOptions;
use copilot::modes::{AutoModeSwitchResponse, ExitPlanModeResponse, PlanAction};
use copilot::skills::Skill;
use copilot::system_message::SystemMessage;
use copilot::testing::FakeCli;
use copilot::tokens::GithubTokenResponse;
use copilot::user_input::UserInputResponse;
use copilot::{
    Client, Decision, DynTool, ErrorKind, FromCall, Session, SessionBuilder, State, Tool, ToolContext,
    ToolError,
};
use copilot_tests::fake::{Fake, settle};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::timeout;

/// One CLI of each protocol.
const PROTOCOLS: &[&str] = &["0.0.403", "1.0.102"];

/// The payload of a panic, whose drop panics.
struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        panic!("the drop of a payload");
    }
}

fn explode() {
    panic_any(Payload);
}

/// A value whose drop panics.
#[derive(Debug)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        explode();
    }
}

/// An error that panics where it is armed.
struct Fails {
    debug: bool,
    display: bool,
    _dropped: Option<Bomb>,
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

/// What the tools give back.
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
fn answers(cli: &FakeCli) -> usize {
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

/// What the CLI reads of a permission that is denied because there is no decision.
const DENIED: &str = "denied-no-approval-rule-and-could-not-request-from-user";

/// What a handler does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Payload,
    ErrorDrop,
    ErrorDisplay,
    LocalDrop,
}

impl Fault {
    async fn answer<T>(self, answer: T) -> Result<T, Fails> {
        let _local = (self == Self::LocalDrop).then(|| Bomb);
        tokio::task::yield_now().await;
        let fails =
            |display, dropped: bool| Fails { debug: display, display, _dropped: dropped.then(|| Bomb) };
        match self {
            Self::Payload => {
                explode();
                Ok(answer)
            }
            Self::ErrorDrop => Err(fails(false, true)),
            Self::ErrorDisplay => Err(fails(true, false)),
            Self::LocalDrop => Ok(answer),
        }
    }
}

/// Every handler that there is, each with this fault.
fn with_handlers(session: SessionBuilder, fault: Fault) -> SessionBuilder {
    let canvas = Canvas::new("board", "Board", "A board.")
        .on_open(move |_| fault.answer(CanvasView::new()))
        .on_close(move |_| fault.answer(()))
        .action("draw", "Draws.", move |_| fault.answer(json!({})));
    session
        .on_permission(move |_| fault.answer(Decision::Approve))
        .hooks(Hooks::new().on_pre_tool_use(move |_, _| fault.answer(PreToolUse::pass())))
        .on_user_input(move |_| fault.answer(UserInputResponse::new("yes")))
        .on_elicitation(move |_| fault.answer(ElicitationResponse::decline()))
        .on_exit_plan_mode(move |_| fault.answer(ExitPlanModeResponse::approve(PlanAction::Interactive)))
        .model_options(
            ModelOptions::new().on_auto_mode_switch(move |_| fault.answer(AutoModeSwitchResponse::Yes)),
        )
        .system_message(SystemMessage::customize().transform("tone", move |text| fault.answer(text + "!")))
        .command("deploy", "Deploys.", move |_| fault.answer(()))
        .skill(Skill::read_by("release", "How to release.", move || fault.answer("text".to_owned())))
        .canvas(canvas)
        .on_github_token(move |_| fault.answer(GithubTokenResponse::new("t", Duration::from_secs(1))))
        .mcp(Mcp::new().on_login(move |_| fault.answer(McpLoginResponse::token("t"))))
        .mcp(Mcp::new().on_headers(move |_| fault.answer(McpHeadersResponse::new("a", "b"))))
        .mcp(Mcp::new().on_sampling(move |_| fault.answer(SamplingResponse::text("m", "t"))))
        .limits(Limits::new().on_exhausted(move |_| fault.answer(LimitsResponse::Cancel)))
}

/// The requests that handlers answer, with what is answered where they fail; an error where there is nothing.
fn requests(registration: &Value) -> Vec<(&'static str, Value, Option<Value>)> {
    let denied =
        r#"{"permissionDecision":"deny","permissionDecisionReason":"the hook that guards this tool failed"}"#;
    let denied: Value = serde_json::from_str(denied).unwrap();
    let canvas = json!({"extensionId": "e", "canvasId": "board", "instanceId": "i", "actionName": "draw"});
    vec![
        (
            "hooks.invoke",
            json!({"hookType": "preToolUse", "input": {"toolName": "t"}}),
            Some(json!({"output": denied})),
        ),
        ("userInput.request", json!({"question": "?"}), None),
        (
            "exitPlanMode.request",
            json!({"summary": "s", "actions": []}),
            Some(json!({"approved": false, "feedback": "the plan could not be looked at"})),
        ),
        ("autoModeSwitch.request", json!({}), Some(json!({"response": "no"}))),
        (
            "systemMessage.transform",
            json!({"sections": {"tone": {"content": "x"}}}),
            Some(json!({"sections": {"tone": {"content": "x"}}})),
        ),
        (
            "gitHubToken.getToken",
            json!({"registrationId": registration, "host": "h", "reason": "initial"}),
            None,
        ),
        ("skillProvider.read", json!({"name": "release"}), None),
        ("canvas.open", canvas.clone(), None),
        ("canvas.action.invoke", canvas.clone(), None),
    ]
}

/// The events that handlers answer, and the method that answers.
fn events() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "permission.requested",
            "session.permissions.handlePendingPermissionRequest",
            json!({"permissionRequest": {"kind": "shell", "fullCommandText": "ls"}}),
        ),
        ("elicitation.requested", "session.ui.handlePendingElicitation", json!({"message": "m"})),
        (
            "command.execute",
            "session.commands.handlePendingCommand",
            json!({"commandName": "deploy", "command": "/deploy x", "args": "x"}),
        ),
        (
            "mcp.oauth_required",
            "session.mcp.oauth.handlePendingRequest",
            json!({"serverName": "s", "serverUrl": "u", "reason": "initial"}),
        ),
        (
            "mcp.headers_refresh_required",
            "session.mcp.headers.handlePendingHeadersRefreshRequest",
            json!({"serverName": "s", "serverUrl": "u", "reason": "ttl-expired"}),
        ),
        (
            "sampling.requested",
            "session.ui.handlePendingSampling",
            json!({"serverName": "s", "mcpRequestId": 1, "request": {"messages": []}}),
        ),
        (
            "session_limits_exhausted.requested",
            "session.ui.handlePendingSessionLimitsExhausted",
            json!({"usedAiCredits": 31, "maxAiCredits": 30}),
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn each_question_gets_its_safe_answer_once_wherever_its_handler_panics() {
    for fault in [Fault::Payload, Fault::ErrorDrop, Fault::ErrorDisplay, Fault::LocalDrop] {
        let fake = Fake::start().await;
        fake.cli.on("session.eventLog.registerInterest", |_, _| json!({}));
        let session = with_handlers(fake.session(), fault).start().await.unwrap();
        let created = fake.cli.requests("session.create");
        let registration = &created[0]["gitHubTokenProviderRegistrationId"];
        // Twice, as the second question finds what the first has left behind.
        for round in 0..2 {
            for (method, mut params, safe) in requests(registration) {
                params["sessionId"] = json!(session.id());
                let answer = timeout(Duration::from_secs(60), fake.cli.request(method, params)).await;
                let answer = answer.unwrap_or_else(|_| panic!("{fault:?}: {method} is not answered"));
                assert_eq!(answer.ok(), safe, "{fault:?}: {method}");
            }
            for (event, method, mut data) in events() {
                let id = format!("{event} {round}");
                data["requestId"] = json!(id);
                fake.cli.event(session.id(), event, data);
                settle().await;
                let answers = fake.cli.requests(method);
                let count = answers.iter().filter(|answer| answer["requestId"] == *id).count();
                assert_eq!(count, 1, "{fault:?}: {event} in {answers:?}");
            }
        }
        let decisions = fake.cli.requests("session.permissions.handlePendingPermissionRequest");
        assert!(decisions.iter().all(|decision| decision["result"]["kind"] == DENIED), "{decisions:?}");
        let asked =
            json!({"sessionId": session.id(), "canvasId": "board", "instanceId": "i", "extensionId": "e"});
        fake.cli.request("canvas.close", asked).await.unwrap();

        let fake = Fake::of_version("0.0.403").await;
        let session =
            fake.session().on_permission(move |_| fault.answer(Decision::Approve)).start().await.unwrap();
        for _ in 0..2 {
            let decision = fake.cli.ask_permission(session.id(), json!({"kind": "shell"})).await;
            assert_eq!(
                decision["kind"], "denied-no-approval-rule-and-could-not-request-from-user",
                "{fault:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_asks_the_user_gets_an_error_where_the_handler_panics() {
    /// Asks.
    #[copilot::tool]
    async fn asks(cx: &ToolContext) -> String {
        cx.ask_user("?", ["yes"]).await.unwrap_or_else(|error| error.to_string())
    }

    for fault in [Fault::Payload, Fault::ErrorDrop, Fault::ErrorDisplay, Fault::LocalDrop] {
        let fake = Fake::start().await;
        let session = fake
            .session()
            .with_tools([asks::TOOL])
            .on_user_input(move |_| fault.answer(UserInputResponse::new("yes")));
        let session = session.start().await.unwrap();
        let result = fake.cli.call_tool(session.id(), "asks", json!({})).await;
        assert_eq!(result["textResultForLlm"], "the handler `on_user_input` failed", "{fault:?}");
    }
}

/// Never ends.
#[copilot::tool]
async fn stuck() {
    pending::<()>().await;
}

/// Blocks its thread until a gate opens.
#[copilot::tool]
async fn stubborn(gate: State<Gate>) {
    gate.pass();
}

/// Blocks threads until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn pass(&self) {
        let (open, opened) = &*self.0;
        drop(opened.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
    }

    fn open(&self) {
        let (open, opened) = &*self.0;
        *open.lock().unwrap() = true;
        opened.notify_all();
    }
}

/// Opens a gate when a test ends, also by a failure: the end of a runtime waits for the threads that are blocked.
struct Opens(Gate);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.open();
    }
}

#[derive(Clone, Copy, Debug)]
enum End {
    Shutdown,
    Close,
    Drop,
}

async fn end(how: End, client: &Client, session: Session) {
    match how {
        End::Shutdown => client.shutdown().await.unwrap(),
        End::Close => session.close().await.unwrap(),
        End::Drop => drop(session),
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_answers_the_calls_of_protocol_2_whose_tools_do_not_end() {
    for how in [End::Shutdown, End::Close, End::Drop] {
        let fake = Fake::of_version("0.0.403").await;
        let session = fake.session().with_tools([stuck::TOOL]).start().await.unwrap();
        let call = fake.cli.call_tool(session.id(), "stuck", json!({})).start();
        settle().await;
        let before = answers(&fake.cli);
        end(how, &fake.client, session).await;
        let result = call.answer().await;
        assert_eq!(result["resultType"], "failure", "{how:?}");
        assert!(result["textResultForLlm"].as_str().unwrap().contains("cancelled"), "{how:?}: {result}");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(answers(&fake.cli) - before, 1, "{how:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_session_that_ends_answers_for_tools_that_block_their_thread() {
    for how in [End::Shutdown, End::Close, End::Drop] {
        let fake = Fake::of_version("0.0.403").await;
        let (gate, (started, starts)) = (Gate::default(), mpsc::channel());
        let _opens = Opens(gate.clone());
        let wait = gate.clone();
        let handler = move |_| {
            started.send(()).unwrap();
            wait.pass();
            async { Decision::Approve }
        };
        let session = fake.session().with_tools([stubborn::TOOL]).state(gate.clone()).on_permission(handler);
        let session = session.start().await.unwrap();
        let id = session.id().clone();
        let call = fake.cli.call_tool(&id, "stubborn", json!({})).start();
        tokio::task::spawn_blocking(move || starts.recv().unwrap()).await.unwrap();
        end(how, &fake.client, session).await;
        let result = call.answer().await;
        assert_eq!(result["textResultForLlm"], "The call was cancelled: the session is closed.", "{how:?}");
        gate.open();
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
    let lazy = move || {
        count.fetch_add(1, Ordering::Relaxed);
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
