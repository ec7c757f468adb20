//! Who reads which error: the model what it can act on, the program's log the rest.
//!
//! `cargo run --example errors` calls the tool as a session would, without an agent.

use copilot::testing::call;
use copilot::{OrTell, ToolError};
use serde_json::json;

/// Read a figure from a report.
#[copilot::tool(read_only)]
async fn figure(
    /// Name of the report.
    report: &str,
) -> Result<f64, ToolError> {
    let text = match report {
        "sales" => "12.5",
        "costs" => "n/a",
        "salaries" => return Err(ToolError::refused("salaries are not for agents")),
        // A foreign error is hidden by `?`: it may name hosts, paths or people.
        "broken" => Err(std::io::Error::other("cannot open /srv/reports/broken"))?,
        _ => None.or_tell("there is no such report; there are `sales` and `costs`")?,
    };
    text.parse().or_tell("the report has no figure yet")
}

#[tokio::main]
async fn main() {
    for report in ["sales", "costs", "salaries", "broken", "sails"] {
        let result = call(figure::TOOL, json!({ "report": report })).await;
        println!("{report}: {} - {}", result.result_type(), result.text());
    }
}
