const NAME: &str = "3d_search";

/// Search the catalogue.
#[copilot::tool(name = NAME)]
async fn search() {}

fn main() {}
