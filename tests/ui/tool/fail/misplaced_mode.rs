/// Search the catalogue.
#[copilot::tool(local)]
fn first() {}

/// Search the catalogue.
#[copilot::tool(inline)]
async fn second() {}

fn main() {}
