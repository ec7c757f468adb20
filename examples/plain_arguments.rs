//! Plain parameters as arguments: the model reads their types, doc comments and rules.
//!
//! `cargo run --example plain_arguments`

use copilot::Session;
use copilot::testing::Script;
use copilot_examples::run_script;
use serde_json::json;

/// Book a table.
#[copilot::tool]
fn book_table(
    /// The name to book for.
    name: &str,
    /// The number of people.
    #[arg(default = 2, min = 1, max = 12)]
    people: u8,
    /// Where they want to sit.
    #[arg(one_of = ["inside", "outside"])]
    place: Option<&str>,
) -> String {
    format!("a table for {people} {}, for {name}", place.unwrap_or("anywhere"))
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    println!("{}", book_table::TOOL.schema()?.expect("it takes arguments"));
    let script = Script::new()
        .call("book_table", json!({"name": "Ada", "people": 40, "place": "roof"}))
        .call("book_table", json!({"name": "Ada", "place": "outside"}))
        .say("Booked for two, outside.");
    run_script(Session::builder().with_tools([book_table::TOOL]), script, "A table outside for Ada, please.")
        .await
}
