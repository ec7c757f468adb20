/// Search the catalogue.
#[copilot::tool(timeout = "soon")]
async fn first() {}

/// Search the catalogue.
#[copilot::tool(timeout = 10)]
async fn second() {}

/// Search the catalogue.
#[copilot::tool(timeout = "0s")]
async fn third() {}

fn main() {}
