//! Bring your own key: a session with the model of any server that supports OpenAI's protocol.
//!
//! `cargo run --example byok` starts a scripted server. To use another one, pass its URL and a model:
//! `cargo run --example byok -- http://127.0.0.1:11434/v1 llama3.2`, with the key, if any, in `API_KEY`.

use copilot::Session;
use copilot::providers::Provider;
use copilot::testing::{Script, ScriptedModel, hermetic_client};
use copilot_examples::ScratchDir;

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let local = ScriptedModel::start(Script::new().say("I run on your machine.")).await?;
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| local.base_url());
    let model = arguments.next().unwrap_or_else(|| local.model_name().to_owned());

    // Other providers: `Provider::azure(..)`, `Provider::anthropic(..)`, and `.responses()` for OpenAI's newer
    // protocol.
    let mut provider = Provider::openai(url);
    if let Ok(key) = std::env::var("API_KEY") {
        provider = provider.api_key(key);
    }
    // The session needs no Copilot login, and this client uses none.
    let scratch = ScratchDir::new("byok");
    let client = hermetic_client(scratch.path());
    let session = Session::builder().client(client).provider(provider).model(model).start().await?;
    println!("{}", session.ask("Where do you run?").await?);
    session.close().await
}
