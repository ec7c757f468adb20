struct Found;

/// Search the catalogue.
#[copilot::tool]
async fn search() -> Found {
    Found
}

fn main() {}
