//! The program stores the files of a session: the agent edits one, and another CLI resumes the conversation from them.
//!
//! `cargo run --example session_fs`, or with `-- --live`.

use copilot::host::session_fs::{FsLayout, MemoryFs};
use copilot::testing::Script;
use copilot::tool_filter::ToolFilter;
use copilot::{Permissions, SessionBuilder};
use copilot_examples::{Agent, print_turn};
use serde_json::json;

const LIST: &str = "/workspace/shopping.md";

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let agent = Agent::new(script()).await?;
    // `DirectoryFs` stores the files on disk. For other stores, implement `SessionFs`.
    let files = MemoryFs::new().layout(FsLayout::posix()).file(LIST, "- milk\n");
    // A shell would run on the real machine, so this agent has none.
    let on_files_only = |session: SessionBuilder| {
        let tools = ["view", "create", "edit"].map(ToolFilter::builtin);
        agent.with_model(session).available_tools(tools).permissions(Permissions::approve_all())
    };

    let client = agent.client().session_fs(files.clone()).start().await?;
    let session = on_files_only(client.session()).start().await?;
    print_turn(&session, "Put bread on /workspace/shopping.md.").await?;
    let id = session.id().clone();
    client.shutdown().await?;

    let list = files.content(&id, LIST).unwrap_or_default();
    println!("The list is now:\n{}", String::from_utf8_lossy(&list));
    println!("The CLI's own files of the session:");
    for path in files.paths(&id).iter().filter(|path| path.starts_with("/session-state/")) {
        println!("  {path}");
    }

    let client = agent.client().session_fs(files).start().await?;
    let session = on_files_only(client.resume(id)).start().await?;
    print_turn(&session, "What did I ask you for?").await?;
    client.shutdown().await?;
    agent.finish();
    Ok(())
}

fn script() -> Script {
    Script::new()
        .call("edit", json!({"path": LIST, "old_str": "- milk\n", "new_str": "- milk\n- bread\n"}))
        .say("Bread is on the list.")
        .expect("the conversation so far", |request| {
            request.messages().iter().any(|message| message.text.contains("Put bread on"))
        })
        .say("For bread.")
}
