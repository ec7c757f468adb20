//! A cassette: a conversation with a model is recorded once, and replayed without the model.
//!
//! `cargo run --example cassette` records a scripted model. To record a real one, pass its URL and a name, with the key,
//! if any, in `API_KEY`: `cargo run --example cassette -- http://127.0.0.1:11434/v1 llama3.2`. In a test, the path is a
//! file of the repository, and `Cassette::auto` records it once.

use copilot::cassette::Cassette;
use copilot::providers::Provider;
use copilot::testing::{Script, ScriptedModel, hermetic_client};
use copilot_examples::ScratchDir;
use serde_json::json;

/// Refund an order.
#[copilot::tool]
fn refund(
    /// The number of the order.
    order: u32,
) -> String {
    format!("order {order}: 12 EUR are refunded")
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let scratch = ScratchDir::new("cassette");
    let path = scratch.path().join("refund.jsonl");
    let script = Script::new().call("refund", json!({"order": 42})).say("I have refunded order 42.");
    let local = ScriptedModel::start(script).await?;
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| local.base_url());
    let model = arguments.next().unwrap_or_else(|| local.model_name().to_owned());
    let key = std::env::var("API_KEY").unwrap_or_else(|_| "key-of-the-example".to_owned());

    for run in ["recorded", "replayed"] {
        // The file is missing in the first run, and so it is recorded.
        let cassette = Cassette::auto(&path).await?;
        let client = hermetic_client(scratch.path()).cassette(&cassette).start().await?;
        let provider = Provider::openai(&url).api_key(&key);
        let session = client.session().with_tools([refund::TOOL]).provider(provider).model(&model);
        let session = session.cassette(&cassette).start().await?;
        println!("{run}: {}", session.ask("Please refund order 42.").await?);
        client.shutdown().await?;
        cassette.finish()?;
    }

    let file = std::fs::read_to_string(&path).expect("the cassette is there");
    println!(
        "{} lines, {} bytes; the key is in it: {}",
        file.lines().count(),
        file.len(),
        file.contains(&key)
    );
    println!("As a script to edit:\n{}", Cassette::load(&path)?.script_source());
    Ok(())
}
