//! A conversation that outlives the program: the session's id is kept in a file, and the next run takes it up again.
//!
//! Run `cargo run --example resume` twice; `-- --live` works as well. The second run deletes what the first one left.

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
        // The conversation is kept, what the session was configured with is not: tools and handlers are given again.
        let session = agent.cast(client.resume(fs::read_to_string(&kept)?)).start().await?;
        println!("This conversation has {} events.", session.history().await?.len());
        println!("{}", session.ask("Which number was it?").await?);
        session.delete().await?;
        fs::remove_file(&kept)?;
    } else {
        let session = agent.cast(client.session()).start().await?;
        println!("{}", session.ask("Remember the number 42.").await?);
        fs::write(&kept, session.id().as_str())?;
        // A closed session stays on disk.
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
