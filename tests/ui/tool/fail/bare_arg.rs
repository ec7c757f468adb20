/// Search the catalogue.
#[copilot::tool]
async fn search(#[arg] query: &str, #[arg = 5] limit: u8) {
    let _ = (query, limit);
}

fn main() {}
