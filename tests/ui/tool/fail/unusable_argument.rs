struct Query;

/// Search the catalogue.
#[copilot::tool]
async fn search(query: Query, #[arg(description = "How many.")] limit: u8) {
    let _ = (query, limit);
}

fn main() {}
