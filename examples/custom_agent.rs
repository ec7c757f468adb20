//! Agents of your own, with instructions and tools: the session's agent hands work to one, or the session is with it.
//!
//! `cargo run --example custom_agent`, also with `-- --live`

use copilot::config::CustomAgent;
use copilot::testing::Script;
use copilot_examples::{Agent, tell};
use serde_json::json;

/// Look a word up in the dictionary.
#[copilot::tool(read_only)]
fn look_up(
    /// The word.
    word: &str,
) -> String {
    format!("{word}: salve")
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let work = json!({
        "agent_type": "translator",
        "name": "greeting",
        "description": "Translate a greeting",
        "prompt": "Translate `hello`.",
        "mode": "sync",
    });
    let script = [
        Script::when("Ask the translator")
            .call("task", work)
            .expect_tool_result("task", |text| text.contains("Salve"))
            .say("It is `Salve`."),
        // The sub-agent has a conversation of its own.
        Script::when("Translate `hello`")
            .call("look_up", json!({"word": "hello"}))
            .expect_tool_result("look_up", |text| text.contains("salve"))
            .say("Salve."),
        Script::when("Good evening")
            .expect("the translator", |request| {
                request.system().is_some_and(|text| text.contains("into Latin"))
            })
            .say("Bonum vesperum."),
    ];
    let agent = Agent::new(script).await?;
    let translator = CustomAgent::new("translator", "You translate what you are told into Latin.")
        .description("Translates into Latin")
        .tools(["look_up"]);

    // The session's agent reads the description, and hands on what it thinks fit.
    let session =
        agent.session().with_tools([look_up::TOOL]).custom_agent(translator.clone()).start().await?;
    tell(&session, "Ask the translator what `hello` is in Latin.").await?;
    session.close().await?;

    // Here the session is with the translator; `select_agent` changes it on the way.
    let session = agent
        .session()
        .with_tools([look_up::TOOL])
        .custom_agent(translator)
        .agent("translator")
        .start()
        .await?;
    tell(&session, "Good evening.").await?;
    session.close().await?;
    agent.finish();
    Ok(())
}
