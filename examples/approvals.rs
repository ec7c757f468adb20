//! A refund that a person approves in another program, while the program of the agent has ended.
//!
//! Run `cargo run --example approvals -- agent`, and then `cargo run --example approvals -- inbox`, also with `--live`.
//! The first one files the refund and ends; the second one lists what was filed, asks at the terminal, and prints what
//! the agent says to the result. An empty answer declines.

use std::io::{self, BufRead as _, Write as _};
use std::path::PathBuf;
use std::{env, fs};

use copilot::ToolError;
use copilot::deferred::{Deferred, Ticket};
use copilot::testing::Script;
use copilot_examples::Agent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The result of a refund, which the agent reads.
#[derive(Deserialize, JsonSchema, Serialize)]
struct Receipt {
    cents: u32,
    approved_by: String,
}

/// A refund that waits for a person, as it is filed.
#[derive(Deserialize, Serialize)]
struct Filed {
    order: String,
    cents: u32,
    ticket: Ticket<Receipt>,
}

/// Refund an order. A person approves it first, which may take days.
#[copilot::tool]
fn refund(
    /// The order, such as `A-17`.
    order: String,
    /// The amount.
    cents: u32,
    ticket: Ticket<Receipt>,
) -> io::Result<Deferred<Receipt>> {
    let filed = Filed { order, cents, ticket: ticket.clone() };
    // The same file if the function runs again for this call, because the program was killed here.
    let file = directory().join(format!("{}.json", ticket.id()));
    fs::write(file, serde_json::to_vec_pretty(&filed)?)?;
    Ok(ticket.defer())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    fs::create_dir_all(directory())?;
    match env::args().find(|argument| argument == "agent" || argument == "inbox").as_deref() {
        Some("agent") => agent().await,
        Some(_) => inbox().await,
        None => Err("say `agent` or `inbox`".into()),
    }
}

/// Asks the agent for a refund, and ends when it waits for a person.
async fn agent() -> Result<(), Box<dyn std::error::Error>> {
    let script = Script::new().call("refund", json!({"order": "A-17", "cents": 4200}));
    let agent = Agent::with_files(&directory(), script).await?;
    let client = agent.client().start().await?;
    let session = agent.with_model(client.session()).with_tools([refund::TOOL]).start().await?;
    let reply = session.ask("Refund order A-17, please: 42.00.").return_deferred().await?;
    for ticket in reply.deferred() {
        println!("`{}` waits for a person. Run me with `inbox`.", ticket.tool());
    }
    session.close().await?;
    client.shutdown().await?;
    agent.finish();
    Ok(())
}

/// Lets a person decide about every refund that was filed.
async fn inbox() -> Result<(), Box<dyn std::error::Error>> {
    let files: Vec<PathBuf> =
        fs::read_dir(directory())?.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "json")) {
        let Filed { order, cents, ticket } = serde_json::from_slice(&fs::read(file)?)?;
        let is_approved = ask(&format!("? Refund {cents} cents for order {order}? [y/N] "))?;
        let decision = if is_approved {
            Ok(Receipt { cents, approved_by: "the person at the terminal".to_owned() })
        } else {
            Err(ToolError::refused("the person at the terminal has declined"))
        };
        let agent = Agent::with_files(&directory(), script(is_approved)).await?;
        let client = agent.client().start().await?;
        // Resumes the session, and waits for what the agent says to the result.
        let reply = client
            .settle(&ticket, decision)
            .session(|session| agent.with_model(session).with_tools([refund::TOOL]))
            .await?;
        println!("{reply}");
        fs::remove_file(file)?;
        client.delete_session(ticket.session_id()).await?;
        client.shutdown().await?;
        agent.finish();
    }
    println!("Nothing else waits.");
    fs::remove_dir_all(directory())?;
    Ok(())
}

fn script(is_approved: bool) -> Script {
    // The other program's script has made the call.
    let script = Script::new().continuing();
    if is_approved {
        script.expect_tool_result("refund", |text| text.contains("4200")).say("You get 42.00 back.")
    } else {
        script.expect_tool_result("refund", |text| text.contains("declined")).say("I cannot refund that.")
    }
}

fn ask(question: &str) -> io::Result<bool> {
    let mut answer = String::new();
    print!("{question}");
    io::stdout().flush()?;
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "y")
}

/// The requests, and the files of the agent.
fn directory() -> PathBuf {
    env::temp_dir().join("copilot-approvals-example")
}
