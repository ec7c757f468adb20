//! The timeouts of tools: their own, those of their groups, and that of the session.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::time::Duration;

use copilot::tool_filter::ToolOptions;
use copilot::{DynTool, ErrorKind, Session, Tool};
use copilot_tests::fake::Fake;
use serde_json::json;
use tokio::time::Instant;

/// Never ends; has a timeout.
#[copilot::tool(timeout = "1s", group = "slow")]
async fn own() {
    std::future::pending::<()>().await;
}

/// Never ends; has a group.
#[copilot::tool(group = "slow")]
async fn grouped() {
    std::future::pending::<()>().await;
}

/// Never ends.
#[copilot::tool]
async fn plain() {
    std::future::pending::<()>().await;
}

fn dynamic(name: &str) -> DynTool {
    DynTool::new(name, "Never ends.")
}

async fn seconds(fake: &Fake, session: &Session, tool: &str) -> u64 {
    let start = Instant::now();
    let result = fake.cli.call_tool(session.id(), tool, json!({})).await;
    let elapsed = start.elapsed().as_secs();
    assert_eq!(result["resultType"], "timeout", "{result}");
    let text = format!("`{tool}` did not finish within {elapsed} s and was stopped.");
    assert_eq!(result["textResultForLlm"], text);
    elapsed
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_a_tool_is_its_own_or_that_of_the_group_or_that_of_the_session() {
    let fake = Fake::start().await;
    let secs = Duration::from_secs;
    let options = ToolOptions::new().timeout(secs(3)).group_timeout("slow", secs(2));
    let endless = |tool: DynTool| -> Tool { tool.run(|_, _| std::future::pending::<()>()) };
    let tools = [
        own::TOOL,
        grouped::TOOL,
        plain::TOOL,
        endless(dynamic("dyn_own").group("slow").timeout(secs(1))),
        endless(dynamic("dyn_grouped").group("slow")),
        endless(dynamic("dyn_plain").group("fast")),
    ];
    let session = fake.session().with_tools(tools).tool_options(options).start().await.unwrap();
    for (tool, expected) in
        [("own", 1), ("grouped", 2), ("plain", 3), ("dyn_own", 1), ("dyn_grouped", 2), ("dyn_plain", 3)]
    {
        assert_eq!(seconds(&fake, &session, tool).await, expected, "{tool}");
    }
    session.tools().add([grouped::TOOL.renamed("later")]).await.unwrap();
    assert_eq!(seconds(&fake, &session, "later").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_that_cannot_hold_is_an_error_at_the_start() {
    let fake = Fake::start().await;
    let refused = async |options: ToolOptions| {
        fake.session().with_tools([own::TOOL]).tool_options(options).start().await.unwrap_err()
    };
    let error = refused(ToolOptions::new().group_timeout("slwo", Duration::from_secs(1))).await;
    assert_eq!(
        (error.kind(), error.to_string()),
        (
            ErrorKind::Tools,
            "`ToolOptions::group_timeout`: no tool has the group `slwo`; did you mean `slow`?".to_owned()
        )
    );
    let error = refused(ToolOptions::new().timeout(Duration::ZERO)).await;
    assert_eq!(
        (error.kind(), error.to_string()),
        (
            ErrorKind::Configuration,
            "`ToolOptions::timeout(..)`: the timeout must be at least one millisecond".to_owned()
        )
    );
    let error = refused(ToolOptions::new().group_timeout("slow", Duration::from_nanos(1))).await;
    assert!(error.to_string().starts_with("`ToolOptions::group_timeout(\"slow\", ..)`"), "{error}");
    // Linked tools that are added later have a group too.
    let options = ToolOptions::new().group_timeout("slow", Duration::from_secs(1));
    let session = fake.session().tool_options(options).start().await.unwrap();
    session.tools().add([grouped::TOOL]).await.unwrap();
    assert_eq!(seconds(&fake, &session, "grouped").await, 1);
}
