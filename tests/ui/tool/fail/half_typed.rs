/// Search the catalogue.
#[copilot::tool]
async fn search(
    /// Words.
    query: &str,
    limit
) {
}

fn main() {}
