//! The methods of a type are tools of one of its values.
//!
//! `cargo run --example methods`

use std::sync::atomic::{AtomicI64, Ordering};

use copilot::Session;
use copilot::testing::Script;
use copilot_examples::play;
use serde_json::json;

/// Something that is counted.
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
        /// How many.
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
    play(Session::builder().with_toolset(sheep), script, "Two more sheep.").await
}
