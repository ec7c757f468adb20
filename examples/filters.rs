//! A session with some of the program's tools, selected by group, tag, name, module or a function.
//!
//! `cargo run --example filters`

use copilot::testing::Script;
use copilot::{Session, group, tag};
use copilot_examples::run_script;
use serde_json::json;

/// List the files.
#[copilot::tool(group = "files", tags("cheap"), read_only)]
fn list_files() -> &'static str {
    "a.txt, b.txt"
}

/// Delete a file.
#[copilot::tool(group = "files", destructive)]
fn delete_file(
    /// The name of the file.
    name: &str,
) -> String {
    format!("{name} is gone")
}

/// Return the time.
#[copilot::tool(tags("cheap"), read_only)]
fn time() -> &'static str {
    "noon"
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let builder = || Session::builder().with_all_tools();

    // An unknown name is an error with a suggestion.
    let error = builder().only(["list_file"]).start().await.expect_err("there is no such tool");
    println!("{error}\n");

    let session = builder()
        .only([group("files"), tag("cheap")])
        .except([time::TOOL])
        .filter_tools(|tool| !tool.is_destructive());
    let script = Script::new()
        .expect("one tool of ours", |request| {
            let ours = ["list_files", "delete_file", "time"];
            let seen: Vec<_> = request.tool_names().into_iter().filter(|name| ours.contains(name)).collect();
            seen == ["list_files"]
        })
        .call("list_files", json!({}))
        .say("There are a.txt and b.txt.");
    run_script(session, script, "Which files are there?").await
}
