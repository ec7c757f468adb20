struct Catalogue;

/// Search the catalogue.
#[copilot::tool(docs = deny)]
async fn search(
    query: &str,
    /// How many.
    limit: u8,
    catalogue: copilot::State<Catalogue>,
    cx: &copilot::ToolContext,
) {
    let _ = (query, limit, catalogue, cx);
}

fn main() {}
