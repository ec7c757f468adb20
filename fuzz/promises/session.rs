//! Messages to a whole client with a session: after any input the client still works, and leaves no task behind.

use std::time::Duration;

use serde_json::json;
use tokio::runtime::{Builder, Handle};
use tokio::time::timeout;

use crate::testing::FakeCli;
use crate::tools::DynTool;
use crate::user_input::UserInputResponse;
use crate::{Decision, Permissions};

/// The time limit of a run; none comes near it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends frames to a client with the session `s`; their bodies are the lines of the input.
///
/// # Panics
///
/// Panics when a promise of the client is broken.
pub fn session(data: &[u8]) {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime can be made");
    runtime.block_on(async {
        timeout(PATIENCE, play(data)).await.expect("the run ends within the limit");
        // A dropped task ends when the runtime polls it again.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 0, "tasks are left");
    });
}

async fn play(data: &[u8]) {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.expect("the fake CLI accepts the connection");
    let schema = json!({"type": "object", "properties": {"text": {"type": "string"}}});
    let echo = DynTool::new("echo", "Returns its arguments.").schema(schema).expect("an object");
    let session = client
        .session()
        .id("s")
        .with_tools([echo.run(|arguments, _| async move { arguments.to_string() })])
        .permissions(Permissions::default())
        .on_permission(|_| async { Decision::Default })
        .on_user_input(|question| async move { UserInputResponse::new(question.question) })
        .start()
        .await
        .expect("the fake CLI opens sessions");
    let mut events = session.events();
    for line in data.split(|byte| *byte == b'\n') {
        cli.frame(line);
    }
    // An error without an id may be among the lines; it ends a pending call.
    let _ = client.ping("after the lines").await;
    client.ping("still there").await.expect("the client works");
    while let Some(event) = events.try_next() {
        assert!(!format!("{event:?} {:?}", event.kind()).is_empty());
    }
    session.close().await.expect("the session closes");
    assert!(events.next().await.is_none(), "a closed session emits no event");
}
