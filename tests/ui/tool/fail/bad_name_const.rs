const NAME: &str = "catalogue search";

/// Search the catalogue.
#[copilot::tool(name = NAME)]
async fn search() {}

fn main() {}
