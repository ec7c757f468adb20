//! An answer as a value of a Rust type.
//!
//! `cargo run --example structured_output`, also with `-- --live`

use copilot::testing::Script;
use copilot_examples::Agent;
use schemars::JsonSchema;
use serde::Deserialize;

/// The review of a piece of code. The model reads these comments.
#[derive(Debug, Deserialize, JsonSchema)]
struct Review {
    /// The grade from 1, the worst, to 5.
    grade: u8,
    problems: Vec<Problem>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Problem {
    line: u32,
    severity: Severity,
    what: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Severity {
    Nit,
    Bug,
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let script = Script::new()
        .say("Looks bad to me.")
        .say(r#"{"grade": 2, "problems": [{"line": 1, "severity": "bug", "what": "it divides by zero"}]}"#);
    let agent = Agent::new(script).await?;
    let session = agent.session().start().await?;
    // An answer that does not match the type is returned to the model, at most twice.
    let review: Review = session.ask_as("Review this: fn f() -> u8 { 1 / 0 }").retries(2).await?;
    println!("{} of 5", review.grade);
    for Problem { line, severity, what } in review.problems {
        println!("line {line}: {severity:?}: {what}");
    }
    session.close().await?;
    agent.finish();
    Ok(())
}
