//! An image as attachment of a message: from memory, or from a file.
//!
//! `cargo run --example image_input`, also with `-- --live`. A path as last argument sets another image.

use copilot::testing::Script;
use copilot::{Attachment, Message};
use copilot_examples::Agent;

/// A PNG image of one red pixel.
const PIXEL: &[u8] =
    b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\
    \x00\x01\x08\x02\x00\x00\x00\x90\x77\x53\xde\x00\x00\x00\x0c\x49\x44\x41\x54\x78\x9c\x63\
    \xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef\x00\x00\x00\x00\x49\x45\x4e\x44\xae\
    \x42\x60\x82";

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let picture = match std::env::args().skip(1).find(|argument| argument != "--live") {
        Some(path) => Attachment::file(path),
        None => Attachment::blob(PIXEL, "image/png").display_name("pixel.png"),
    };
    let sees = |request: &copilot::testing::RecordedRequest| {
        request.raw()["messages"].to_string().contains("data:image/")
    };
    let agent = Agent::new(Script::new().expect("a picture", sees).say("It is red.")).await?;
    let session = agent.session().start().await?;
    let reply = session.ask(Message::new("Which colour is this?").attach(picture)).await?;
    println!("{reply}");
    session.close().await?;
    agent.finish();
    Ok(())
}
