//! Tools take what the program gave to the session: any number of types, shared or made when first asked for.
//!
//! `cargo run --example state`

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use copilot::testing::Script;
use copilot::{Session, State};
use copilot_examples::play;
use serde_json::json;

/// What is on the shopping list.
#[derive(Default)]
struct List(Mutex<Vec<String>>);

/// How often the list was changed.
struct Changes(AtomicU32);

/// Put something on the shopping list.
#[copilot::tool]
fn add_item(
    /// What to buy.
    item: String,
    list: State<List>,
    changes: State<Changes>,
) -> String {
    let mut list = list.0.lock().expect("nobody panics with the list");
    list.push(item);
    format!(
        "{} things on the list, changed {} times",
        list.len(),
        changes.0.fetch_add(1, Ordering::Relaxed) + 1
    )
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    // What is missing is told before anything is started.
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
    play(session, script, "I need milk and bread.").await
}
