//! Messages to a whole client with a session: whatever arrives, it goes on working and leaves no task behind.

use std::time::Duration;

use serde_json::json;
use tokio::runtime::{Builder, Handle};
use tokio::time::timeout;

use crate::testing::FakeCli;
use crate::tools::DynTool;
use crate::user_input::UserInputResponse;
use crate::{Decision, Permissions};

/// Nothing here takes this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Each line is the body of a frame for a client whose session is called `s`.
///
/// # Panics
///
/// When a promise of the client is broken.
pub fn session(data: &[u8]) {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime can be made");
    runtime.block_on(async {
        timeout(PATIENCE, play(data)).await.expect("nobody waits for ever");
        // What was dropped ends when its task is looked at once more.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 0, "tasks are left");
    });
}

async fn play(data: &[u8]) {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.expect("the played CLI lets everybody in");
    let schema = json!({"type": "object", "properties": {"text": {"type": "string"}}});
    let echo = DynTool::new("echo", "Says it back.").schema(schema).expect("an object");
    let session = client
        .session()
        .id("s")
        .with_tools([echo.run(|arguments, _| async move { arguments.to_string() })])
        .permissions(Permissions::default())
        .on_permission(|_| async { Decision::Default })
        .on_user_input(|question| async move { UserInputResponse::new(question.question) })
        .start()
        .await
        .expect("the played CLI opens sessions");
    let mut events = session.events();
    for line in data.split(|byte| *byte == b'\n') {
        cli.frame(line);
    }
    // An error without an id may be among the lines, and ends whichever call waits.
    let _ = client.ping("behind the lines").await;
    client.ping("still there").await.expect("the client works");
    while let Some(event) = events.try_next() {
        assert!(!format!("{event:?} {:?}", event.kind()).is_empty());
    }
    session.close().await.expect("the session closes");
    assert!(events.next().await.is_none(), "a closed session says nothing");
}
