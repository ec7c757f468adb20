//! The methods of a type as tools, bound to one value.
//!
//! `cargo run --example methods`

use std::sync::atomic::{AtomicI64, Ordering};

use copilot::Session;
use copilot::testing::Script;
use copilot_examples::run_script;
use serde_json::json;

/// A counter of one kind of thing.
struct Counter {
    what: &'static str,
    count: AtomicI64,
}

#[copilot::tools(group = "counter", prefix = "counter_")]
impl Counter {
    /// Add to the counter.
    #[tool]
    async fn add(
        &self,
        /// The number to add.
        #[arg(default = 1)]
        by: i64,
    ) -> String {
        format!("{} {}", self.count.fetch_add(by, Ordering::Relaxed) + by, self.what)
    }

    /// Read the counter.
    #[tool(read_only)]
    fn read(&self) -> i64 {
        self.count.load(Ordering::Relaxed)
    }
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let sheep = Counter { what: "sheep", count: AtomicI64::new(40) };
    let script = Script::new()
        .call("counter_add", json!({"by": 2}))
        .call("counter_read", json!({}))
        .expect_tool_result("counter_read", |text| text == "42")
        .say("42 sheep.");
    run_script(Session::builder().with_toolset(sheep), script, "Two more sheep.").await
}
