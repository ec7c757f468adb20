//! Changes of the tools of a running session.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use copilot::testing::RpcError;
use copilot::{DynTool, ErrorKind, EventKind, Session};
use copilot_tests::events::next_event;
use copilot_tests::fake::{Fake, settle};
use serde_json::{Value, json};
use tokio::task::Id;
use tokio::time::timeout;

/// The method that sets the tools of a session.
const SET: &str = "session.tools.set";

/// Returns its name.
#[copilot::tool]
async fn first() -> &'static str {
    "first"
}

/// Returns its name.
#[copilot::tool]
async fn second() -> &'static str {
    "second"
}

/// Returns its name.
#[copilot::tool]
async fn third() -> &'static str {
    "third"
}

async fn open() -> (Fake, Session) {
    let fake = Fake::start().await;
    let session = fake.session().with_tools([first::TOOL, second::TOOL]).start().await.expect("it opens");
    (fake, session)
}

fn names(session: &Session) -> Vec<String> {
    session.tools().list().iter().map(|tool| tool.name().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_name_that_no_tool_has_is_an_error_and_changes_nothing() {
    let (fake, session) = open().await;
    let tools = session.tools();
    for (changed, what) in [
        (tools.remove(["first", "ghost"]).await, "`ghost` to take away"),
        (tools.disable(["ghost", "second"]).await, "`ghost` to disable"),
        (tools.enable(["first"]).await, "`first` that is disabled"),
    ] {
        let error = changed.unwrap_err();
        assert!(error.kind() == ErrorKind::Tools && error.to_string().contains(what), "{what}: {error}");
    }
    assert_eq!(names(&session), ["first", "second"]);
    assert!(fake.cli.requests(SET).is_empty());
}

#[tokio::test(start_paused = true)]
async fn tools_of_both_sets_are_called_until_the_cli_answers_a_change() {
    let (fake, session) = open().await;
    fake.cli.hold(SET);
    let tools = session.tools();
    let (changed, ()) = tokio::join!(tools.set([second::TOOL, third::TOOL]), async {
        let change = fake.cli.held(SET).await;
        for tool in ["first", "second", "third"] {
            let call = timeout(Duration::from_secs(1), async {
                fake.cli.call_tool(session.id(), tool, json!({})).await
            });
            let result = call.await.unwrap_or_else(|_| panic!("{tool} is not called"));
            assert_eq!(result["textResultForLlm"], tool);
        }
        change.answer_by_default();
    });
    changed.unwrap();
    assert_eq!(names(&session), ["second", "third"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_refused_leaves_the_tools_as_before() {
    let (fake, session) = open().await;
    fake.cli.on(SET, |_, _| RpcError::new(-32603, "not now"));
    session.tools().set([third::TOOL]).await.unwrap_err();
    session.tools().disable(["first"]).await.unwrap_err();
    assert_eq!(names(&session), ["first", "second"]);
    assert_eq!(session.tools().enable(["first"]).await.unwrap_err().kind(), ErrorKind::Tools);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_dropped_before_it_is_sent_leaves_the_tools_as_before() {
    let (fake, session) = open().await;
    fake.cli.stop_reading();
    let fill = fake.client.call::<_, Value>("x.y", json!({"large": "x".repeat(5 << 20)}));
    assert!(timeout(Duration::from_secs(1), fill).await.is_err());
    assert!(timeout(Duration::from_secs(1), session.tools().set([third::TOOL])).await.is_err());
    assert_eq!(names(&session), ["first", "second"]);
    fake.cli.read_on();
    session.tools().remove(["first"]).await.unwrap();
    assert_eq!((names(&session), fake.cli.requests(SET).len()), (vec!["second".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn a_change_during_an_outage_reaches_the_cli_only_if_the_cli_accepts_it() {
    for accepts in [false, true] {
        let fake = Fake::start_with(|builder| builder.auto_restart(true)).await;
        let session = fake.session().with_tools([first::TOOL, second::TOOL]).start().await.unwrap();
        if !accepts {
            fake.cli.on(SET, |_, _| RpcError::unknown_method(SET));
        }
        let mut events = session.events();
        fake.cli.hold("session.resume");
        fake.cli.hang_up();
        next_event(&mut events, |kind| matches!(kind, EventKind::Disconnected(_))).await;
        let tools = session.tools();
        let (added, resumed) = tokio::join!(tools.add([third::TOOL]), async {
            let held = fake.cli.held("session.resume").await;
            let resumed = held.params()["tools"].as_array().unwrap().len();
            held.answer_by_default();
            resumed
        });
        assert_eq!((added.is_ok(), resumed), (accepts, 2), "{added:?}");
        assert_eq!(names(&session).len(), if accepts { 3 } else { 2 });
        // Dropped while it waits for the connection.
        fake.cli.hang_up();
        next_event(&mut events, |kind| matches!(kind, EventKind::Disconnected(_))).await;
        assert!(timeout(Duration::from_millis(1), session.tools().set([third::TOOL])).await.is_err());
        let again = fake.cli.held("session.resume").await;
        assert_eq!(again.params()["tools"].as_array().unwrap().len(), names(&session).len());
        again.answer_by_default();
        next_event(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    }
}

/// Records the task that drops it.
struct Recorder(Arc<Mutex<Vec<Option<Id>>>>);

impl Drop for Recorder {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(tokio::task::try_id());
    }
}

#[tokio::test(start_paused = true)]
async fn the_values_of_removed_tools_are_dropped_by_the_change_or_by_the_next_one() {
    let (fake, session) = open().await;
    let dropped = Arc::new(Mutex::new(Vec::new()));
    let add = async || {
        let recorder = Recorder(Arc::clone(&dropped));
        let tool = DynTool::new("recorded", "Do nothing.").run(move |_, _| {
            let _ = &recorder;
            async {}
        });
        session.tools().add([tool]).await.unwrap();
    };
    let dropped_by = || dropped.lock().unwrap().clone();
    add().await;
    session.tools().remove(["recorded"]).await.unwrap();
    assert_eq!(dropped_by(), [None], "by this test, which is not a task");
    add().await;
    fake.cli.hold(SET);
    assert!(timeout(Duration::from_secs(1), session.tools().remove(["recorded"])).await.is_err());
    fake.cli.held(SET).await.answer_by_default();
    settle().await;
    assert_eq!(names(&session), ["first", "second"]);
    // The task that reads from the CLI has completed this change.
    assert_eq!(dropped_by().len(), 1);
    let tools = session.tools();
    let (added, ()) = tokio::join!(tools.add([third::TOOL]), async {
        fake.cli.held(SET).await.answer_by_default();
    });
    added.unwrap();
    assert_eq!(dropped_by(), [None, None]);
}
