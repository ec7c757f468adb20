//! What the model may send: borrowed text, lists, enums, defaults, rules; and what it reads when it sends something
//! else.
//!
//! `cargo run --example arguments` calls the tool as a session would, without an agent.

use copilot::testing::call;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How to order what is found.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Order {
    /// The newest first.
    Newest,
    /// The most cited first.
    Cited,
}

/// Search papers.
#[copilot::tool(read_only)]
async fn search(
    /// Words that must all be there.
    #[arg(min_len = 1)]
    words: &[String],
    /// The first year to look at.
    since: Option<u16>,
    /// How many to find.
    #[arg(default = 10, min = 1, max = 50)]
    limit: u8,
    /// How to order them.
    #[arg(default = Order::Newest)]
    order: Order,
) -> String {
    format!("{limit} papers on {} since {since:?}, {order:?} first", words.join(" and "))
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let tool = search::TOOL;
    println!("the model reads: {}", tool.schema()?.expect("it takes arguments"));
    for arguments in [
        json!({ "words": ["rust", "agents"], "order": "cited" }),
        json!({ "words": "one word", "limit": "5" }),
        json!({ "word": ["rust"], "limit": 500, "order": "best" }),
    ] {
        println!("\n{arguments}\n{}", call(search::TOOL, arguments.clone()).await.text());
    }
    Ok(())
}
