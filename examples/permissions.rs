//! Permission requests of the agent: policies decide some of them, and a handler asks the user at the terminal.
//!
//! `cargo run --example permissions`, also with `-- --live`. An empty answer denies the request.

use std::io::{self, BufRead as _, Write as _};

use copilot::permissions::PermissionKind;
use copilot::testing::Script;
use copilot::{Decision, PermissionRequest, Permissions};
use copilot_examples::{Agent, print_turn};
use serde_json::json;

/// Delete all notes.
#[copilot::tool(destructive)]
fn forget_everything() -> &'static str {
    "nothing is left"
}

/// Count the notes.
#[copilot::tool(read_only)]
fn count_notes() -> u32 {
    3
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let script = Script::new()
        .call("count_notes", json!({}))
        .call("bash", json!({"command": "rm -r notes", "description": "Remove the notes"}))
        .expect_tool_result("bash", |text| text.contains("no shell commands"))
        .call("forget_everything", json!({}))
        .say("I did what I was allowed to.");
    let agent = Agent::new(script).await?;
    let session = agent
        .session()
        .with_tools([count_notes::TOOL, forget_everything::TOOL])
        // Allows the program's own tools, except destructive ones, and reading files.
        .permissions(Permissions::default().allow(PermissionKind::Read))
        .on_permission(|request| async move {
            match request.kind() {
                // With a reason the agent continues and tries an alternative.
                PermissionKind::Shell => Decision::reject("no shell commands, please"),
                PermissionKind::CustomTool if request.tool_name() == Some("forget_everything") => {
                    if ask(&request).await { request.approve_for_session() } else { Decision::Unavailable }
                }
                // Applies the permissions above.
                _ => Decision::Default,
            }
        })
        .start()
        .await?;
    print_turn(&session, "Count my notes and throw them away.").await?;
    session.close().await?;
    agent.finish();
    Ok(())
}

/// Asks the user at the terminal. The agent waits, but the program is not blocked.
async fn ask(request: &PermissionRequest) -> bool {
    let question = format!("? May it run {}? [y/N] ", request.tool_name().unwrap_or("this"));
    let answer = tokio::task::spawn_blocking(move || {
        let mut answer = String::new();
        print!("{question}");
        io::stdout().flush()?;
        io::stdin().lock().read_line(&mut answer)?;
        io::Result::Ok(answer)
    });
    matches!(answer.await, Ok(Ok(answer)) if answer.trim() == "y")
}
