//! Tools over the wire: each call is answered once, whatever the tool does, in both protocols.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use copilot::testing::FakeCli;
use copilot::tool_filter::ToolOptions;
use copilot::tools::{SchemaProfile, ToolErrors};
use copilot::{EventKind, Session, State, ToolContext, ToolError, ToolResult};
use copilot_tests::fake::{Fake, apart, settle};
use serde_json::{Value, json};
use tokio::sync::{Barrier, Notify};
use tokio::time::{sleep, timeout};

/// Protocol 2 asks by request, protocol 3 by event.
const PROTOCOLS: &[&str] = &["0.0.403", "1.0.102"];

/// Says it back.
#[copilot::tool]
async fn echo(
    /// The text to repeat.
    text: &str,
) -> String {
    text.to_owned()
}

/// Adds.
#[copilot::tool]
async fn add(
    /// The first.
    a: i64,
    /// The second.
    b: i64,
) -> i64 {
    a + b
}

/// Waits for another call.
#[copilot::tool]
async fn meet(barrier: State<Barrier>) -> &'static str {
    barrier.wait().await;
    "met"
}

/// Fails for a reason that the model must not know.
#[copilot::tool]
async fn fails_hidden() -> Result<String, std::num::ParseIntError> {
    "secret".parse::<u8>().map(|number| number.to_string())
}

/// Fails for a reason that the model must never know.
#[copilot::tool(errors = hidden)]
async fn fails_secretly() -> Result<String, std::num::ParseIntError> {
    "secret".parse::<u8>().map(|number| number.to_string())
}

/// Fails for a reason that the model reads.
#[copilot::tool]
async fn fails_visibly() -> Result<String, ToolError> {
    Err(ToolError::tell("no such city"))
}

/// Panics.
#[copilot::tool]
async fn panics() -> String {
    panic!("password=hunter2")
}

/// Panics off the runtime's threads.
#[copilot::tool]
fn panics_blocking() -> String {
    panic!("password=hunter2")
}

/// Says what it wants.
#[copilot::tool]
async fn rejects() -> ToolResult {
    ToolResult::rejected("stop here").session_log("for people")
}

/// Counts starts and cancellations.
#[derive(Default)]
struct Counts {
    started: AtomicUsize,
    cancelled: AtomicUsize,
    begun: Notify,
}

/// Runs until it is dropped.
#[copilot::tool]
async fn endless(counts: State<Counts>, cx: &ToolContext) {
    counts.started.fetch_add(1, Ordering::Relaxed);
    counts.begun.notify_one();
    cx.cancelled().await;
    counts.cancelled.fetch_add(1, Ordering::Relaxed);
}

/// Runs until it is dropped, and ignores its cancellation.
#[copilot::tool]
async fn deaf(counts: State<Counts>) {
    struct Dropped(State<Counts>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.cancelled.fetch_add(1, Ordering::Relaxed);
        }
    }
    counts.started.fetch_add(1, Ordering::Relaxed);
    let _dropped = Dropped(counts);
    std::future::pending::<()>().await;
}

/// Returns the context of its call.
#[copilot::tool]
async fn context(cx: &ToolContext) -> String {
    format!(
        "{} {} {} {:?} {:?} {:?}",
        cx.tool(),
        cx.call_id(),
        cx.session_id(),
        cx.agent_id(),
        cx.working_dir(),
        cx.trace()
    )
}

/// Reports its progress.
#[copilot::tool]
async fn progresses(cx: &ToolContext) {
    cx.progress(0.5, "halfway");
    cx.log("a line for people");
}

async fn open(fake: &Fake, counts: &Arc<Counts>) -> Session {
    let tools = [
        echo::TOOL,
        add::TOOL,
        meet::TOOL,
        fails_hidden::TOOL,
        fails_visibly::TOOL,
        panics::TOOL,
        panics_blocking::TOOL,
        rejects::TOOL,
        endless::TOOL,
        deaf::TOOL,
        context::TOOL,
        progresses::TOOL,
    ];
    fake.session()
        .id("s")
        .with_tools(tools)
        .state(Barrier::new(2))
        .shared_state(Arc::clone(counts))
        .start()
        .await
        .expect("it opens")
}

fn answers(fake: &Fake) -> usize {
    fake.cli.requests("session.tools.handlePendingToolCall").len()
}

#[tokio::test(start_paused = true)]
async fn a_tool_is_called_and_its_result_is_the_answer() {
    for version in PROTOCOLS {
        let fake = Fake::of_version(version).await;
        let session = open(&fake, &Arc::default()).await;
        let result = fake.cli.call_tool(session.id(), "add", json!({"a": 2, "b": 3})).await;
        assert_eq!(result, json!({"textResultForLlm": "5", "resultType": "success"}), "{version}");
        let result = fake.cli.call_tool(session.id(), "echo", json!({"text": "größer\n\u{1f600}\"\\"})).await;
        assert_eq!(result["textResultForLlm"], "größer\n\u{1f600}\"\\", "{version}");
        let result = fake.cli.call_tool(session.id(), "rejects", json!({})).await;
        assert_eq!(
            (&result["resultType"], &result["sessionLog"]),
            (&json!("rejected"), &json!("for people"))
        );
    }
}

/// Waits for a bus.
#[copilot::tool]
async fn wait_for_bus(
    /// Which line.
    line: &str,
    /// How many minutes.
    #[arg(default = 5, max = 60)]
    minutes: u8,
) -> String {
    format!("{line} {minutes}")
}

/// Counts words.
#[copilot::tool]
async fn count_words(
    /// How often each word is there.
    words: std::collections::HashMap<String, u32>,
) -> usize {
    words.len()
}

#[tokio::test(start_paused = true)]
async fn a_profile_forms_the_schemas_that_are_sent() {
    let fake = Fake::start().await;
    let open = |tools: Vec<copilot::Tool>| {
        fake.session()
            .id("s")
            .with_tools(tools)
            .tool_options(ToolOptions::new().schema_profile(SchemaProfile::OpenAiStrict))
            .start()
    };
    let session = open(vec![wait_for_bus::TOOL]).await.expect("it opens");
    let sent = |method: &str| fake.cli.requests(method)[0]["tools"][0]["parameters"].clone();
    let created = sent("session.create");
    assert_eq!(created["required"], json!(["line", "minutes"]));
    assert_eq!(created["properties"]["minutes"]["type"], json!(["integer", "null"]));
    let arguments = json!({ "line": "7", "minutes": null });
    let result = fake.cli.call_tool(session.id(), "wait_for_bus", arguments).await;
    assert_eq!(result["textResultForLlm"], "7 5");

    let error = session.tools().add([count_words::TOOL]).await.unwrap_err().to_string();
    assert!(error.contains("`count_words`") && error.contains("`words` is a map"), "{error}");
    session.tools().set([wait_for_bus::TOOL]).await.expect("the tools are set");
    assert_eq!(sent("session.tools.set"), created);
    assert!(open(vec![count_words::TOOL]).await.unwrap_err().to_string().contains("OpenAiStrict"));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_tools_that_is_never_sent_leaves_the_old_ones() {
    let fake = Fake::start().await;
    let session = fake.session().with_tools([fails_hidden::TOOL]).start().await.expect("it opens");
    session.close().await.expect("it closes");
    session.tools().add([wait_for_bus::TOOL]).await.unwrap_err();
    let names: Vec<_> = session.tools().list().iter().map(|tool| tool.name().to_owned()).collect();
    assert_eq!(names, ["fails_hidden"]);
}

#[tokio::test(start_paused = true)]
async fn errors_are_visible_to_who_develops() {
    let fake = Fake::start().await;
    for (errors, visible) in [(ToolErrors::Hidden, false), (ToolErrors::Visible, true)] {
        let builder = fake.session().with_tools([fails_hidden::TOOL, fails_secretly::TOOL]);
        let session = builder.tool_errors(errors).start().await.expect("it opens");
        // The tool's option for errors wins over the session's.
        for (tool, visible) in [("fails_hidden", visible), ("fails_secretly", false)] {
            let result = fake.cli.call_tool(session.id(), tool, json!({})).await;
            let reported = result["textResultForLlm"].as_str().expect("text");
            assert_eq!(reported.contains("invalid digit"), visible, "{tool}: {reported}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn tools_run_at_the_same_time() {
    for version in PROTOCOLS {
        let fake = Fake::of_version(version).await;
        let session = open(&fake, &Arc::default()).await;
        let calls = [(); 2].map(|()| fake.cli.call_tool(session.id(), "meet", json!({})).start());
        for call in calls {
            assert_eq!(call.answer().await["textResultForLlm"], "met", "{version}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn all_mistakes_in_the_arguments_are_reported_together() {
    for version in PROTOCOLS {
        let fake = Fake::of_version(version).await;
        let session = open(&fake, &Arc::default()).await;
        let result = fake.cli.call_tool(session.id(), "add", json!({"a": "two", "c": 1})).await;
        assert_eq!(result["resultType"], "failure", "{version}");
        let reported = result["textResultForLlm"].as_str().unwrap();
        for part in ["`a`", "`b` is missing", "`c` is not known"] {
            assert!(reported.contains(part), "{version}: {reported}");
        }
        for arguments in [json!(null), json!([1, 2]), json!("text"), json!(5)] {
            let result = fake.cli.call_tool(session.id(), "add", arguments.clone()).await;
            assert_eq!(result["resultType"], "failure", "{version}: {arguments}");
        }
        let mut unset = fake.cli.call_tool(session.id(), "context", json!({}));
        unset = unset.with("arguments", Value::Null);
        assert_eq!(unset.await["resultType"], "success", "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn failures_and_panics_are_answered_and_keep_their_secrets() {
    for version in PROTOCOLS {
        let fake = Fake::of_version(version).await;
        let session = open(&fake, &Arc::default()).await;
        for (tool, reported) in [
            ("fails_visibly", "no such city"),
            ("fails_hidden", "failed for an internal reason"),
            ("panics", "failed for an internal reason"),
            ("panics_blocking", "failed for an internal reason"),
        ] {
            let result = fake.cli.call_tool(session.id(), tool, json!({})).await;
            assert_eq!(result["resultType"], "failure", "{version}: {tool}");
            let text = result["textResultForLlm"].as_str().unwrap();
            assert!(text.contains(reported), "{version}: {text}");
        }
        let all = serde_json::to_string(&fake.cli.received()).unwrap();
        assert!(!all.contains("hunter2") && !all.contains("invalid digit"), "{all}");
        assert_eq!(session.ask("?").await.unwrap().text(), "OK.");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_tool_is_left_to_other_clients_where_there_may_be_some() {
    let fake = Fake::start().await;
    let session = open(&fake, &Arc::default()).await;
    let call = fake.cli.call_tool(session.id(), "no_such", json!({})).start();
    settle().await;
    assert!(!call.is_answered());

    let fake = Fake::of_version("0.0.403").await;
    let session = open(&fake, &Arc::default()).await;
    let result = fake.cli.call_tool(session.id(), "eco", json!({})).await;
    let reported =
        json!({"textResultForLlm": "There is no tool `eco`; did you mean `echo`?", "resultType": "failure"});
    assert_eq!(result, reported);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_twice_is_run_and_answered_once() {
    let fake = Fake::start().await;
    let counts = Arc::default();
    let session = open(&fake, &counts).await;
    for _ in 0..2 {
        let _call = fake.cli.call_tool(session.id(), "endless", json!({})).request_id("r").start();
    }
    settle().await;
    assert_eq!(counts.started.load(Ordering::Relaxed), 1);
    let first = fake.cli.call_tool(session.id(), "echo", json!({"text": "a"})).request_id("q");
    first.await;
    settle().await;
    assert_eq!(answers(&fake), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_again_after_its_answer_is_not_run_again() {
    let fake = Fake::start().await;
    let counts = Arc::default();
    let session = open(&fake, &counts).await;
    for text in ["a", "b"] {
        let again = fake.cli.call_tool(session.id(), "echo", json!({"text": text})).request_id("q");
        assert_eq!(again.await["textResultForLlm"], "a");
        settle().await;
    }
    assert_eq!(answers(&fake), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_id_is_refused_and_not_run() {
    for (version, member) in [("1.0.102", "error"), ("0.0.403", "textResultForLlm")] {
        let fake = Fake::of_version(version).await;
        let counts = Arc::default();
        let session = open(&fake, &counts).await;
        let refused = fake.cli.call_tool(session.id(), "endless", json!({})).call_id("").await;
        let reported = refused[member].as_str().unwrap();
        assert!(reported.contains("endless") && reported.contains("toolCallId"), "{version}: {refused}");
        assert_eq!(counts.started.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_answered_elsewhere_is_cancelled_and_not_answered() {
    let fake = Fake::start().await;
    let counts = Arc::default();
    let session = open(&fake, &counts).await;
    for tool in ["endless", "deaf"] {
        let before = counts.cancelled.load(Ordering::Relaxed);
        let call = fake.cli.call_tool(session.id(), tool, json!({})).start();
        settle().await;
        call.settle();
        sleep(Duration::from_secs(5)).await;
        assert_eq!(counts.cancelled.load(Ordering::Relaxed), before + 1, "{tool}");
        assert!(!call.is_answered(), "{tool}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_cancels_the_tool_and_ends_the_turn() {
    let cli = FakeCli::new();
    cli.on_turn(|turn| async move {
        turn.call_tool("endless", json!({})).await;
    });
    let fake = Fake::on(cli).await;
    let counts = Arc::default();
    let session = open(&fake, &counts).await;
    let (reply, ()) = tokio::join!(apart(session.ask("?")), async {
        counts.begun.notified().await;
        session.abort().await.unwrap();
    });
    assert!(reply.unwrap().is_aborted());
    sleep(Duration::from_secs(5)).await;
    assert_eq!((counts.cancelled.load(Ordering::Relaxed), answers(&fake)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_cancels_the_tools() {
    for version in PROTOCOLS {
        let fake = Fake::of_version(version).await;
        let counts = Arc::default();
        let session = open(&fake, &counts).await;
        for tool in ["endless", "deaf"] {
            let _call = fake.cli.call_tool(session.id(), tool, json!({})).start();
        }
        settle().await;
        assert_eq!(counts.started.load(Ordering::Relaxed), 2);
        fake.cli.hang_up();
        sleep(Duration::from_secs(5)).await;
        assert_eq!(counts.cancelled.load(Ordering::Relaxed), 2, "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_knows_its_call() {
    let fake = Fake::start().await;
    let session = open(&fake, &Arc::default()).await;
    let call = fake.cli.call_tool(session.id(), "context", json!({})).call_id("c").agent("sub");
    let call = call.with("workingDirectory", json!("/w")).with("traceparent", json!("00-1-2-01"));
    let reported = call.with("tracestate", json!("k=v")).await;
    let expected = r#"context c s Some("sub") Some("/w") Some(("00-1-2-01", Some("k=v")))"#;
    assert_eq!(reported["textResultForLlm"], expected);

    let fake = Fake::of_version("0.0.403").await;
    let session = open(&fake, &Arc::default()).await;
    let reported = fake.cli.call_tool(session.id(), "context", json!({})).call_id("c").await;
    assert_eq!(reported["textResultForLlm"], "context c s None None None");
}

#[tokio::test(start_paused = true)]
async fn progress_is_an_event_of_the_program_and_a_log_line_goes_to_the_cli() {
    let fake = Fake::start().await;
    let session = open(&fake, &Arc::default()).await;
    let mut events = session.events();
    fake.cli.call_tool(session.id(), "progresses", json!({})).call_id("c").await;
    let progress = loop {
        let event = events.next().await.unwrap();
        if let EventKind::ToolProgress(progress) = event.kind() {
            break progress.clone();
        }
    };
    assert_eq!((progress.tool_call_id.as_str(), progress.tool_name.as_str()), ("c", "progresses"));
    assert_eq!((progress.fraction, progress.message.as_str()), (Some(0.5), "halfway"));
    let logged = fake.cli.requested("session.log", 1).await;
    assert_eq!(logged, [json!({"sessionId": "s", "message": "a line for people", "level": "info"})]);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_concurrent_calls_are_all_answered() {
    for version in PROTOCOLS {
        let fake = Fake::of_version(version).await;
        let session = open(&fake, &Arc::default()).await;
        let calls: Vec<_> = (0..1000)
            .map(|number| {
                fake.cli.call_tool(session.id(), "echo", json!({"text": number.to_string()})).start()
            })
            .collect();
        for (number, call) in calls.iter().enumerate() {
            let answer = timeout(Duration::from_secs(5), call.answer()).await.expect("an answer");
            assert_eq!(answer["textResultForLlm"], number.to_string(), "{version}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn calls_of_two_sessions_do_not_mix() {
    let fake = Fake::start().await;
    let one = fake.session().id("one").with_tools([context::TOOL]).start().await.unwrap();
    let two = fake.session().id("two").with_tools([context::TOOL]).start().await.unwrap();
    // Each session numbers its questions as it likes.
    let calls = [&one, &two].map(|session| {
        fake.cli
            .call_tool(session.id(), "context", json!({}))
            .request_id(session.id().as_str())
            .call_id("c")
            .start()
    });
    for (call, session) in calls.iter().zip(["one", "two"]) {
        let reported = call.answer().await["textResultForLlm"].as_str().unwrap().to_owned();
        assert!(reported.starts_with(&format!("context c {session} ")), "{reported}");
    }
    assert!(
        fake.cli
            .requests("session.tools.handlePendingToolCall")
            .iter()
            .all(|params| params["sessionId"] == params["requestId"])
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_be_read_is_refused_if_the_tool_is_ours() {
    let fake = Fake::start().await;
    let session = fake.session().with_tools([add::TOOL]).start().await.unwrap();
    for (request, tool) in [("r1", "add"), ("r2", "of_another_client")] {
        let call = json!({"requestId": request, "toolName": tool, "toolCallId": "c", "workingDirectory": 5});
        fake.cli.event(session.id(), "external_tool.requested", call);
    }
    settle().await;
    let answers = fake.cli.requests("session.tools.handlePendingToolCall");
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(
        (&answers[0]["requestId"], &answers[0]["result"]["resultType"]),
        (&json!("r1"), &json!("failure"))
    );
}
