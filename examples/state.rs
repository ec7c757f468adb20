//! Tools with the session's state: any number of types, given as values or created on first use.
//!
//! `cargo run --example state`

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use copilot::testing::Script;
use copilot::{Session, State};
use copilot_examples::run_script;
use serde_json::json;

/// The shopping list.
#[derive(Default)]
struct List(Mutex<Vec<String>>);

/// The number of changes of the list.
struct Changes(AtomicU32);

/// Add an item to the shopping list.
#[copilot::tool]
fn add_item(
    /// The item to buy.
    item: String,
    list: State<List>,
    changes: State<Changes>,
) -> String {
    let mut list = list.0.lock().expect("no thread panics while it holds the lock");
    list.push(item);
    format!(
        "{} things on the list, changed {} times",
        list.len(),
        changes.0.fetch_add(1, Ordering::Relaxed) + 1
    )
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    // `start` reports missing state before it starts the CLI.
    let error =
        Session::builder().with_tools([add_item::TOOL]).start().await.expect_err("no state was given");
    println!("{error}\n");

    let session = Session::builder()
        .with_tools([add_item::TOOL])
        .state(List::default())
        .lazy_state(|| Changes(AtomicU32::new(0)));
    let script = Script::new()
        .call("add_item", json!({"item": "milk"}))
        .call("add_item", json!({"item": "bread"}))
        .say("Milk and bread are on the list.");
    run_script(session, script, "I need milk and bread.").await
}
