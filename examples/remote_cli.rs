//! A connection to a running CLI, by its address and with its connection token.
//!
//! `cargo run --example remote_cli` starts a CLI and then connects to it a second time, as another program would. To use
//! a CLI that is already running, on this machine or behind a tunnel:
//!
//! ```text
//! COPILOT_CONNECTION_TOKEN=secret copilot --server --port 4321
//! COPILOT_CONNECTION_TOKEN=secret cargo run --example remote_cli -- --live 127.0.0.1:4321
//! ```

use copilot::Client;
use copilot::client::TransportKind;
use copilot::testing::Script;
use copilot_examples::Agent;

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let agent = Agent::new(Script::new().say("I am over here.")).await?;
    let token = std::env::var("COPILOT_CONNECTION_TOKEN").unwrap_or_else(|_| "secret".to_owned());

    let host = agent.client().transport(TransportKind::Tcp).connection_token(&token);
    let (host, address) = match std::env::args().skip(1).find(|argument| argument != "--live") {
        Some(address) => (None, address),
        None => {
            let host = host.start().await?;
            let address = host.address().expect("a CLI over TCP has an address");
            (Some(host), address)
        }
    };

    let wrong = Client::builder().cli_url(&address).connection_token("a guess").start().await;
    println!("a guess: {}", wrong.expect_err("the CLI wants its token"));

    let client = Client::builder().cli_url(&address).connection_token(token).start().await?;
    let session = agent.with_model(client.session()).start().await?;
    println!("{}", session.ask("Where are you?").await?);
    session.close().await?;

    // A client stops only a CLI that it has started.
    client.shutdown().await?;
    if let Some(host) = host {
        println!("still there: {}", host.ping("hello").await?.message);
        host.shutdown().await?;
    }
    agent.finish();
    Ok(())
}
