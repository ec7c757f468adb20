//! Custom agents with instructions and tools: the session's agent delegates work to one, or the session uses it
//! directly.
//!
//! `cargo run --example custom_agent`, also with `-- --live`

use copilot::agents::CustomAgent;
use copilot::testing::Script;
use copilot_examples::{Agent, print_turn};
use serde_json::json;

/// Look a word up in the dictionary.
#[copilot::tool(read_only)]
fn look_up(
    /// The word to look up.
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
        // The sub-agent has a separate conversation.
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
    let translator = CustomAgent::new("translator", "You translate the given text into Latin.")
        .description("Translates into Latin")
        .tools(["look_up"]);

    // The session's agent reads the description and delegates work that fits.
    let session =
        agent.session().with_tools([look_up::TOOL]).custom_agent(translator.clone()).start().await?;
    print_turn(&session, "Ask the translator what `hello` is in Latin.").await?;
    session.close().await?;

    // This session uses the translator directly; `select_agent` changes the agent later.
    let session = agent
        .session()
        .with_tools([look_up::TOOL])
        .custom_agent(translator)
        .agent("translator")
        .start()
        .await?;
    print_turn(&session, "Good evening.").await?;
    session.close().await?;
    agent.finish();
    Ok(())
}
