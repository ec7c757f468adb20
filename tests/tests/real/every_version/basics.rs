//! The main behaviours on the real CLI, over its pipes and over TCP.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use copilot::client::TransportKind;
use copilot::permissions::PermissionKind;
use copilot::testing::{Script, ToolUse};
use copilot::{Decision, Event, EventKind, Json, Permissions, Session, State, ToolContext, ToolError};
use copilot_tests::real::Real;
use copilot_tests::tested;
use serde_json::json;
use tokio::sync::{Barrier, Notify};

/// Add two numbers.
#[copilot::tool(read_only)]
pub(crate) async fn add(
    /// The first.
    a: i64,
    /// The second.
    b: i64,
) -> i64 {
    a + b
}

/// Wait until two calls run concurrently.
#[copilot::tool]
async fn meet(
    /// The name of the guest.
    name: &str,
    barrier: State<Arc<Barrier>>,
) -> String {
    barrier.wait().await;
    format!("{name} met another")
}

#[derive(Debug)]
struct Secret;

impl std::fmt::Display for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the database at 10.0.0.7 is down")
    }
}

impl std::error::Error for Secret {}

/// Fail with an error of the program's own.
#[copilot::tool]
async fn fail_hidden() -> Result<String, Secret> {
    Err(Secret)
}

/// Fail with an error for the model.
#[copilot::tool]
async fn fail_visible() -> Result<String, ToolError> {
    Err(ToolError::tell("the shop is closed on Sundays"))
}

/// Panic.
#[copilot::tool]
async fn panics() -> String {
    panic!("the secret of the panic")
}

/// The signals of a tool that never ends to the test.
#[derive(Default)]
struct Endless {
    begun: Notify,
    ended: Notify,
    dropped: AtomicUsize,
}

/// Never end.
#[copilot::tool]
async fn endless(state: State<Arc<Endless>>, cx: &ToolContext) -> String {
    struct Dropped(Arc<Endless>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.dropped.fetch_add(1, Ordering::SeqCst);
            self.0.ended.notify_one();
        }
    }
    let _dropped = Dropped(Arc::clone(&state));
    state.begun.notify_one();
    cx.cancelled().await;
    "cancelled".to_owned()
}

/// Destroy something.
#[copilot::tool(destructive)]
async fn destroy() -> String {
    "destroyed".to_owned()
}

/// Describe the tools of this program.
#[copilot::tool]
async fn shapes() -> Json<Vec<&'static str>> {
    Json(vec!["circle", "square"])
}

async fn a_tool_is_called_and_answered(transport: TransportKind) {
    let script = Script::new()
        .call("add", json!({"a": 40, "b": 2}))
        .expect_tool_result("add", |text| text == "42")
        .call("shapes", json!({}))
        .expect_tool_result("shapes", |text| text == r#"["circle","square"]"#)
        .say("It is 42.");
    let real = Real::start(transport, script).await;
    let session = real.session().with_tools([add::TOOL, shapes::TOOL]).start().await.unwrap();
    let reply = session.ask("What is 40 + 2?").await.unwrap();
    assert_eq!(reply.text(), "It is 42.");
    let calls: Vec<_> = reply.tool_calls().map(|call| call.name.as_str()).collect();
    assert_eq!(calls, ["add", "shapes"]);
    assert_eq!(reply.usage().requests, 3);
    assert_eq!(reply.originating_message_id().is_some(), tested::since([1, 0, 92]));
    session.close().await.unwrap();
    real.finish().await;
}

async fn two_tools_run_in_parallel(transport: TransportKind) {
    let script = Script::new()
        .calls([ToolUse::new("meet", json!({"name": "Ann"})), ToolUse::new("meet", json!({"name": "Bob"}))])
        .expect("both results", |request| {
            let mut results: Vec<_> = request.tool_results().into_iter().map(|(_, text)| text).collect();
            results.sort();
            results == ["Ann met another", "Bob met another"]
        })
        .say("They met.");
    let real = Real::start(transport, script).await;
    let session =
        real.session().with_tools([meet::TOOL]).state(Arc::new(Barrier::new(2))).start().await.unwrap();
    assert_eq!(session.ask("Let them meet.").await.unwrap().text(), "They met.");
    real.finish().await;
}

async fn bad_arguments_are_reported_together_and_corrected(transport: TransportKind) {
    let script = Script::new()
        .call("add", json!({"a": "forty", "c": 2}))
        .expect_tool_result("add", |text| {
            text.contains("`a`") && text.contains("forty") && text.contains("`b`") && text.contains("`c`")
        })
        .call("add", json!({"a": 40, "b": 2}))
        .expect_tool_result("add", |text| text == "42")
        .say("Done.");
    let real = Real::start(transport, script).await;
    let session = real.session().with_tools([add::TOOL]).start().await.unwrap();
    assert_eq!(session.ask("Add.").await.unwrap().text(), "Done.");
    real.finish().await;
}

async fn failures_reach_the_model_as_far_as_they_may(transport: TransportKind) {
    let hides = |secret: &'static str| move |text: &str| !text.contains(secret) && !text.is_empty();
    let script = Script::new()
        .call("fail_hidden", json!({}))
        .expect_tool_result("fail_hidden", hides("10.0.0.7"))
        .call("fail_visible", json!({}))
        .expect_tool_result("fail_visible", |text| text.contains("closed on Sundays"))
        .call("panics", json!({}))
        .expect_tool_result("panics", hides("secret of the panic"))
        .say("All three failed.");
    let real = Real::start(transport, script).await;
    let tools = [fail_hidden::TOOL, fail_visible::TOOL, panics::TOOL];
    let session = real.session().with_tools(tools).start().await.unwrap();
    let reply = session.ask("Try them.").await.unwrap();
    assert_eq!(reply.text(), "All three failed.");
    let failed: Vec<bool> = reply
        .events()
        .iter()
        .filter_map(|event| match event.kind() {
            EventKind::ToolExecutionComplete(call) => Some(call.success),
            _ => None,
        })
        .collect();
    assert_eq!(failed, [false, false, false]);
    real.finish().await;
}

async fn an_abort_cancels_the_running_tool_and_ends_the_turn(transport: TransportKind) {
    let real = Real::start(transport, Script::new().call("endless", json!({}))).await;
    let state = Arc::new(Endless::default());
    let session = real.session().with_tools([endless::TOOL]).state(Arc::clone(&state)).start().await.unwrap();
    let asking = tokio::spawn({
        let session = session.clone();
        async move { session.ask("Begin.").await }
    });
    state.begun.notified().await;
    session.abort().await.unwrap();
    let reply = asking.await.unwrap().unwrap();
    assert!(reply.is_aborted());
    state.ended.notified().await;
    session.close().await.unwrap();
    assert_eq!(state.dropped.load(Ordering::SeqCst), 1);
    real.finish().await;
}

async fn an_answer_streams_in_pieces_and_comes_whole(transport: TransportKind) {
    let real = Real::start(transport, Script::new().stream(["One, ", "two, ", "three."])).await;
    let session = real.session().streaming(true).start().await.unwrap();
    let mut turn = session.stream("Count.").await.unwrap();
    let (mut pieces, mut whole, mut names) = (String::new(), String::new(), Vec::new());
    while let Some(event) = turn.next().await {
        let event = event.unwrap();
        names.push(event.name().to_owned());
        match event.kind() {
            EventKind::AssistantMessageDelta(delta) => pieces += &delta.delta_content,
            EventKind::AssistantMessage(message) => whole.clone_from(&message.content),
            EventKind::Invalid(error) => panic!("{}: {error}", event.name()),
            _ => {}
        }
    }
    assert_eq!((pieces.as_str(), whole.as_str()), ("One, two, three.", "One, two, three."));
    assert_eq!(names.last().map(String::as_str), Some("session.idle"));
    real.finish().await;
}

async fn the_history_holds_what_was_said(transport: TransportKind) {
    let real = Real::start(transport, Script::new().say("Hello.").say("Goodbye.")).await;
    let session = real.session().start().await.unwrap();
    session.ask("Say hello.").await.unwrap();
    session.ask("Say goodbye.").await.unwrap();
    let said: Vec<String> = session
        .history()
        .events()
        .await
        .unwrap()
        .iter()
        .filter_map(|event: &Event| match event.kind() {
            EventKind::UserMessage(message) => Some(format!("> {}", message.content)),
            EventKind::AssistantMessage(message) => Some(message.content.clone()),
            EventKind::Invalid(error) => panic!("{}: {error}", event.name()),
            _ => None,
        })
        .collect();
    assert_eq!(said, ["> Say hello.", "Hello.", "> Say goodbye.", "Goodbye."]);
    real.finish().await;
}

async fn two_concurrent_sessions_do_not_mix(transport: TransportKind) {
    let script = |n: i64| {
        Script::when(format!("number {n}"))
            .call("add", json!({"a": n, "b": n}))
            .expect_tool_result("add", move |text| text == (2 * n).to_string())
            .say(format!("Twice {n} is {}.", 2 * n))
    };
    let real = Real::start(transport, [script(21), script(50)]).await;
    let open = || async { real.session().with_tools([add::TOOL]).start().await.unwrap() };
    let (one, two) = tokio::join!(open(), open());
    let (first, second) = tokio::join!(one.ask("Double number 21."), two.ask("Double number 50."));
    assert_eq!(first.unwrap().text(), "Twice 21 is 42.");
    assert_eq!(second.unwrap().text(), "Twice 50 is 100.");
    real.finish().await;
}

async fn concurrent_asks_on_one_session_get_their_own_answers(transport: TransportKind) {
    let script = Script::new().delay(Duration::from_millis(100)).say("First.").say("Second.").say("Third.");
    let real = Real::start(transport, script).await;
    let session = real.session().start().await.unwrap();
    let turn = async |prompt: &str| {
        let mut turn = session.stream(prompt).await.unwrap();
        let mut said = Vec::new();
        while let Some(event) = turn.next().await {
            match event.unwrap().kind() {
                EventKind::UserMessage(message) => said.push(format!("> {}", message.content)),
                EventKind::AssistantMessage(message) => said.push(message.content.clone()),
                _ => {}
            }
        }
        said.push(turn.reply().await.unwrap().text().to_owned());
        said
    };
    let (one, two, three) = tokio::join!(turn("One."), session.ask("Two."), turn("Three."));
    assert_eq!(one, ["> One.", "First.", "First."]);
    assert_eq!(two.unwrap().text(), "Second.");
    assert_eq!(three, ["> Three.", "Third.", "Third."]);
    real.finish().await;
}

async fn by_default_only_own_harmless_tools_may_run(transport: TransportKind) {
    let script = Script::new()
        .call("add", json!({"a": 1, "b": 1}))
        .expect_tool_result("add", |text| text == "2")
        .call("destroy", json!({}))
        .expect_tool_result("destroy", |text| !text.contains("destroyed"))
        .call("bash", json!({"command": "touch was-here", "description": "x"}))
        .expect_tool_result("bash", |text| text.to_lowercase().contains("permission"))
        .say("Only the first ran.");
    let real = Real::start(transport, script).await;
    let session = real.session().with_tools([add::TOOL, destroy::TOOL]).start().await.unwrap();
    assert_eq!(session.ask("Try.").await.unwrap().text(), "Only the first ran.");
    assert!(!real.state.path().join("was-here").exists());
    real.finish().await;
}

async fn permissions_are_the_programs_to_give(transport: TransportKind) {
    let script = || {
        Script::new()
            .call("bash", json!({"command": "touch was-here", "description": "x"}))
            .call("destroy", json!({}))
            .say("Done.")
    };
    let real = Real::start(transport, [script(), script()]).await;
    let session = real.session().with_tools([destroy::TOOL]).permissions(Permissions::approve_all());
    let session = session.start().await.unwrap();
    let reply = session.ask("Do it.").await.unwrap();
    assert_eq!(reply.text(), "Done.");
    assert!(real.state.path().join("was-here").exists());
    session.close().await.unwrap();

    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let session = real.session().with_tools([destroy::TOOL]).on_permission({
        let asked = Arc::clone(&asked);
        move |request| {
            asked.lock().unwrap().push((request.kind().clone(), request.command().map(str::to_owned)));
            async move {
                match request.kind() {
                    PermissionKind::Shell => Decision::reject("no shell today"),
                    _ => Decision::Approve,
                }
            }
        }
    });
    let session = session.start().await.unwrap();
    session.ask("Do it again.").await.unwrap();
    let asked = std::mem::take(&mut *asked.lock().unwrap());
    assert_eq!(
        asked,
        [(PermissionKind::Shell, Some("touch was-here".to_owned())), (PermissionKind::CustomTool, None)]
    );
    let requests = real.model.requests();
    let last = requests.last().unwrap();
    assert!(last.tool_result("bash").unwrap().contains("no shell today"));
    assert_eq!(last.tool_result("destroy").as_deref(), Some("destroyed"));
    real.finish().await;
}

async fn a_failing_model_fails_the_ask(transport: TransportKind) {
    // Protocol 2 asks six times, whatever the answer, and takes a minute and a half for it; 1.0.32 to 1.0.57 ask
    // three times.
    let times = match () {
        () if tested::is_protocol_2() => 6,
        () if tested::since([1, 0, 32]) && !tested::since([1, 0, 82]) => 3,
        () => 1,
    };
    let script = (0..times).fold(Script::new(), |script, _| script.fail(400, "the model is on holiday"));
    let real = Real::start(transport, script).await;
    let session = real.session().start().await.unwrap();
    let error = session.ask("Anybody there?").await.unwrap_err();
    assert_eq!(error.kind(), copilot::ErrorKind::Session);
    assert!(error.to_string().contains("the model is on holiday"), "{error}");
    real.finish().await;
}

async fn a_closed_session_can_be_resumed(transport: TransportKind) {
    let script = Script::new().say("I will remember.").call("add", json!({"a": 1, "b": 2})).say("Three.");
    let real = Real::start(transport, script).await;
    let session = real.session().start().await.unwrap();
    session.ask("Remember 1 + 2.").await.unwrap();
    let id = session.id().clone();
    session.close().await.unwrap();
    let resumed = real.client.resume(id).scripted_model(&real.model).with_tools([add::TOOL]);
    let resumed = resumed.start().await.unwrap();
    assert_eq!(resumed.ask("How much is it?").await.unwrap().text(), "Three.");
    real.finish().await;
}

async fn no_process_is_left_behind(transport: TransportKind) {
    let real = Real::start(transport, Script::new()).await;
    let process = real.client.process_id().expect("we started it");
    assert!(runs(process));
    let session = real.session().start().await.unwrap();
    session.close().await.unwrap();
    real.finish().await;
    assert!(!runs(process));
}

async fn a_dropped_client_kills_its_cli(transport: TransportKind) {
    let real = Real::start(transport, Script::new()).await;
    let process = real.client.process_id().expect("we started it");
    let session: Session = real.session().start().await.unwrap();
    let mut events = session.events();
    drop(real);
    // The session keeps its client alive.
    assert!(runs(process));
    drop(session);
    while events.next().await.is_some() {}
    for _ in 0..1000 {
        if !runs(process) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("process {process} still runs");
}

/// Whether the process exists and is not a zombie.
fn runs(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| {
        let state = stat.rsplit(')').next().unwrap_or_default();
        !state.trim_start().starts_with('Z')
    })
}

macro_rules! on_both_transports {
    ($($behaviour:ident)*) => {
        mod stdio {
            $(
                #[tokio::test]
                async fn $behaviour() {
                    super::$behaviour(copilot::client::TransportKind::Stdio).await;
                }
            )*
        }
        mod tcp {
            $(
                #[tokio::test]
                async fn $behaviour() {
                    if copilot_tests::real::Real::is_refused_over_tcp().await {
                        return;
                    }
                    super::$behaviour(copilot::client::TransportKind::Tcp).await;
                }
            )*
        }
    };
}

on_both_transports! {
    a_closed_session_can_be_resumed
    a_dropped_client_kills_its_cli
    a_failing_model_fails_the_ask
    a_tool_is_called_and_answered
    an_abort_cancels_the_running_tool_and_ends_the_turn
    an_answer_streams_in_pieces_and_comes_whole
    concurrent_asks_on_one_session_get_their_own_answers
    bad_arguments_are_reported_together_and_corrected
    by_default_only_own_harmless_tools_may_run
    failures_reach_the_model_as_far_as_they_may
    no_process_is_left_behind
    permissions_are_the_programs_to_give
    the_history_holds_what_was_said
    two_concurrent_sessions_do_not_mix
    two_tools_run_in_parallel
}
