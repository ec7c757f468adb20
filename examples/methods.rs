//! Methods as tools: `&self` is the state, or one value of its own.
//!
//! `cargo run --example methods` calls the tools as a session would, without an agent.

use std::sync::Mutex;

use copilot::Toolset;
use copilot::testing::call;
use serde_json::json;

/// A list of things to do.
#[derive(Default)]
struct Todo {
    items: Mutex<Vec<String>>,
}

#[copilot::tools(group = "todo", prefix = "todo_")]
impl Todo {
    /// Add something to do.
    #[tool(inline)]
    fn add(
        &self,
        /// What it is.
        item: String,
    ) -> String {
        let mut items = self.items.lock().expect("nothing panics with the lock");
        items.push(item);
        format!("{} things to do", items.len())
    }

    /// Show what there is to do.
    #[tool(inline, read_only)]
    fn list(&self) -> String {
        self.items.lock().expect("nothing panics with the lock").join("\n")
    }
}

#[tokio::main]
async fn main() {
    // `session.with_tools(Todo::default().into_tools())`, or `.state(Todo::default())` with `with_all_tools()`.
    let tools = Todo::default().into_tools();
    for item in ["write the example", "run it"] {
        println!("{}", call(tools[0].clone(), json!({ "item": item })).await.text());
    }
    println!("{}: {}", tools[1].name(), call(tools[1].clone(), json!({})).await.text());
}
