/// Search the catalogue.
#[copilot::tool(read_only, destructive)]
async fn search() {}

fn main() {}
