/// Search the catalogue.
#[copilot::tool]
async fn grep() {}

/// Search the catalogue.
#[copilot::tool(name = "bash", overrides_builtin)]
async fn allowed() {}

/// Search the catalogue.
#[copilot::tool(overrides_builtin)]
async fn search() {}

fn main() {}
