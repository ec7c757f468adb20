/// Search the catalogue.
#[copilot::tool(read_only, timeout = "1s", read_only)]
async fn search() {}

fn main() {}
