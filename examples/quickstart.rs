//! Three plain functions as tools of the real Copilot agent.
//!
//! `cargo run --example quickstart` needs no login: a scripted model on the loopback interface replaces the language
//! model, and everything else is real. `cargo run --example quickstart -- --live` uses your Copilot login.

use std::collections::BTreeMap;
use std::io::Write as _;

use copilot::testing::{Script, ScriptedModel, hermetic_client};
use copilot::{EventKind, Json, Session, State, ToolContext, ToolError};
use copilot_examples::ScratchDir;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The issue tracker, by id.
struct Tracker(BTreeMap<&'static str, Issue>);

#[derive(Clone, Serialize, schemars::JsonSchema)]
struct Issue {
    title: &'static str,
    state: IssueState,
    estimate_hours: f64,
}

/// The state of an issue.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
enum IssueState {
    Open,
    Closed,
}

/// Fetch an issue from our tracker.
#[copilot::tool(read_only)]
async fn lookup_issue(
    /// Issue identifier, such as `GH-42`.
    id: &str,
    tracker: State<Tracker>,
) -> Result<Json<Issue>, ToolError> {
    let issue = tracker.0.get(id).ok_or_else(|| ToolError::tell(format!("there is no issue {id}")))?;
    Ok(Json(issue.clone()))
}

/// List the issues in one state.
#[copilot::tool(read_only)]
async fn list_issues(
    /// The state of the listed issues.
    state: IssueState,
    /// The maximum number of issues.
    limit: Option<u8>,
    tracker: State<Tracker>,
) -> Json<Vec<&'static str>> {
    let ids = tracker.0.iter().filter(|(_, issue)| issue.state == state).map(|(id, _)| *id);
    Json(ids.take(usize::from(limit.unwrap_or(10))).collect())
}

/// Estimate how many days a piece of work takes.
#[copilot::tool(read_only)]
fn estimate_days(
    /// Hours of work.
    hours: f64,
    /// Hours of work in a day.
    hours_per_day: u8,
    cx: &ToolContext,
) -> String {
    cx.progress(1.0, "counted the days");
    format!("{:.1} days", hours / f64::from(hours_per_day))
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let live = std::env::args().any(|argument| argument == "--live");
    let prompt = "What is the state of GH-42, what else is open, and how long will GH-42 take?";

    // The answers of the model without `--live`. It makes a mistake, reads the error, and corrects it.
    let script = Script::new()
        .call("lookup_issue", json!({"id": "GH-42"}))
        .call("list_issues", json!({"state": "opened", "limt": 5}))
        .expect_tool_result("list_issues", |text| text.contains("opened") && text.contains("limt"))
        .call("list_issues", json!({"state": "open", "limit": 5}))
        .call("estimate_days", json!({"hours": 12, "hours_per_day": 6}))
        .expect_tool_result("estimate_days", |text| text == "2.0 days")
        .stream([
            "GH-42 (\"Parser drops the last line\") ",
            "is open; ",
            "so is GH-57. ",
            "It takes 2.0 days.",
        ]);
    let model = ScriptedModel::start(script).await?;
    let scratch = ScratchDir::new("quickstart");

    let tracker = Tracker(BTreeMap::from([
        ("GH-40", Issue { title: "Crash on empty input", state: IssueState::Closed, estimate_hours: 3.0 }),
        (
            "GH-42",
            Issue { title: "Parser drops the last line", state: IssueState::Open, estimate_hours: 12.0 },
        ),
        ("GH-57", Issue { title: "Colours on Windows", state: IssueState::Open, estimate_hours: 5.0 }),
    ]));
    let mut session = Session::builder().state(tracker).with_all_tools().streaming(true);
    if !live {
        // Keeps the scripted conversation out of your Copilot settings.
        session = session.client(hermetic_client(scratch.path())).scripted_model(&model);
    }
    let session = session.start().await?;

    println!("> {prompt}\n");
    let mut turn = session.stream(prompt).await?;
    while let Some(event) = turn.next().await {
        match event?.kind() {
            EventKind::ToolExecutionStart(call) => println!("[{}] {}", call.tool_name, call.arguments),
            EventKind::ToolExecutionComplete(call) => match (&call.result, &call.error) {
                (_, Some(error)) => println!("  failed: {}", error.message.replace('\n', "\n  ")),
                (Some(result), None) => println!("  gave: {}", result.content),
                (None, None) => println!("  gave nothing"),
            },
            EventKind::AssistantMessageDelta(delta) => {
                print!("{}", delta.delta_content);
                std::io::stdout().flush().expect("the terminal takes what is printed");
            }
            EventKind::SessionError(error) => eprintln!("the agent failed: {}", error.message),
            _ => {}
        }
    }
    let reply = turn.reply().await?;
    println!("\n\n{} requests to the model", reply.usage().requests);
    session.close().await?;
    if !live {
        model.finish().expect("the conversation followed the script");
    }
    Ok(())
}
