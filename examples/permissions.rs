//! The agent asks before it does something: policies answer by themselves, a handler asks the person at the terminal.
//!
//! `cargo run --example permissions`, also with `-- --live`. An empty answer, or none, is a no.

use std::io::{self, BufRead as _, Write as _};

use copilot::testing::Script;
use copilot::{Decision, PermissionKind, PermissionRequest, Permissions};
use copilot_examples::{Agent, tell};
use serde_json::json;

/// Throw all notes away.
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
        // The program's own tools may run, but for destructive ones; so may what reads files.
        .permissions(Permissions::default().allow(PermissionKind::Read))
        .on_permission(|request| async move {
            match request.kind() {
                // With a reason the agent goes on and tries something else.
                PermissionKind::Shell => Decision::reject("no shell commands, please"),
                PermissionKind::CustomTool if request.tool_name() == Some("forget_everything") => {
                    if ask(&request).await { request.approve_for_session() } else { Decision::Unavailable }
                }
                // What the permissions above say.
                _ => Decision::Default,
            }
        })
        .start()
        .await?;
    tell(&session, "Count my notes and throw them away.").await?;
    session.close().await?;
    agent.finish();
    Ok(())
}

/// Asks at the terminal; the agent waits, the program does not.
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
