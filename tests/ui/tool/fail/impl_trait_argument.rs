/// Search the catalogue.
#[copilot::tool]
async fn search(query: impl Into<String>) {
    let _ = query;
}

fn main() {}
