/// Search the catalogue.
#[copilot::tool(timeout = "soon")]
async fn first() {}

/// Search the catalogue.
#[copilot::tool(timeout = 10)]
async fn second() {}

fn main() {}
