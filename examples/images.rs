//! A tool that returns text and an image.
//!
//! `cargo run --example images`

use copilot::testing::Script;
use copilot::{Content, Image, Session};
use copilot_examples::run_script;
use serde_json::json;

/// A PNG image of one white pixel.
const PIXEL: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 0x0D, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0,
    0, 1, 8, 0, 0, 0, 0, 0x3A, 0x7E, 0x9B, 0x55, 0, 0, 0, 0x0A, b'I', b'D', b'A', b'T', 8, 0x5B, 0x63, 0xF8,
    0x0F, 0, 1, 1, 1, 0, 0x1B, 0xB6, 0xEE, 0x56, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xAE, 0x42, 0x60, 0x82,
];

/// Look through the telescope.
#[copilot::tool(read_only)]
async fn look(
    /// The object to look at.
    at: &str,
) -> Vec<Content> {
    vec![
        Content::Text(format!("This is {at}, rather far away.")),
        Content::Image(Image::png(PIXEL).description("one white pixel")),
    ]
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let script = Script::new().call("look", json!({"at": "Vega"})).say("Vega is a white dot.");
    run_script(Session::builder().with_tools([look::TOOL]), script, "What does Vega look like?").await
}
