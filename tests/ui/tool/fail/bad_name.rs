/// Search the catalogue.
#[copilot::tool(name = "catalogue.search")]
async fn search() {}

/// Search what is left.
#[copilot::tool]
async fn größe() {}

fn main() {}
