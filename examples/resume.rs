//! A conversation across runs of the program: a file stores the session's id, and the next run resumes the session.
//!
//! Run `cargo run --example resume` twice, also with `-- --live`. The second run deletes the session and the file.

use std::{env, fs};

use copilot::testing::Script;
use copilot_examples::Agent;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = env::temp_dir().join("copilot-resume-example");
    let kept = directory.join("session-id");
    fs::create_dir_all(&directory)?;
    let agent = Agent::with_files(&directory, script(kept.exists())).await?;
    let client = agent.client().start().await?;

    if kept.exists() {
        // The CLI stores the conversation, but not the configuration: set tools and handlers again.
        let session = agent.with_model(client.resume(fs::read_to_string(&kept)?)).start().await?;
        println!("This conversation has {} events.", session.history().events().await?.len());
        println!("{}", session.ask("Which number was it?").await?);
        session.delete().await?;
        fs::remove_file(&kept)?;
    } else {
        let session = agent.with_model(client.session()).start().await?;
        println!("{}", session.ask("Remember the number 42.").await?);
        fs::write(&kept, session.id().as_str())?;
        // A closed session stays on disk and can be resumed.
        session.close().await?;
        println!("Run me again.");
    }

    client.shutdown().await?;
    agent.finish();
    if !kept.exists() {
        fs::remove_dir_all(&directory)?;
    }
    Ok(())
}

fn script(again: bool) -> Script {
    if again {
        let remembers = |request: &copilot::testing::RecordedRequest| {
            request.messages().iter().any(|message| message.text.contains("the number 42"))
        };
        Script::new().expect("the conversation so far", remembers).say("It was 42.")
    } else {
        Script::new().say("I will.")
    }
}
