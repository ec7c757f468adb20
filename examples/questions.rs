//! Questions of the agent and of a tool to the user at the terminal, and a slash command for the user.
//!
//! `cargo run --example questions`, also with `-- --live`

use std::io::{self, BufRead as _, Write as _};

use copilot::testing::Script;
use copilot::user_input::{UserInputRequest, UserInputResponse};
use copilot::{OrTell, ToolContext, ToolError};
use copilot_examples::{Agent, print_turn};
use serde_json::json;

/// Paint the fence.
#[copilot::tool]
async fn paint(
    /// The colour of the paint.
    colour: &str,
    cx: &ToolContext,
) -> Result<String, ToolError> {
    let coats = cx.ask_user("How many coats?", ["one", "two"]).await.or_tell("the user does not say")?;
    Ok(format!("{coats} coats of {colour}"))
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let script = Script::new()
        .call("ask_user", json!({"question": "Which colour?", "choices": ["green", "blue"]}))
        .call("paint", json!({"colour": "green"}))
        .say("The fence has a new colour.");
    let agent = Agent::new(script).await?;
    let session = agent
        .session()
        .with_tools([paint::TOOL])
        .on_user_input(|asked| async move { tokio::task::spawn_blocking(move || ask(&asked)).await })
        .command("season", "Prints the season", |used| async move {
            println!("{} it is spring", used.text);
        })
        .start()
        .await?;
    session.commands().invoke("season", "").await?;
    print_turn(&session, "Paint the fence.").await?;
    session.close().await?;
    agent.finish();
    Ok(())
}

/// Asks the user at the terminal. An empty answer leaves the choice to the agent.
fn ask(asked: &UserInputRequest) -> UserInputResponse {
    print!("? {} {:?} ", asked.question, asked.choices);
    let mut answer = String::new();
    match io::stdout().flush().and_then(|()| io::stdin().lock().read_line(&mut answer)) {
        Ok(_) if !answer.trim().is_empty() => UserInputResponse::new(answer.trim()),
        _ => UserInputResponse::dismissed(),
    }
}
