/// Search the catalogue.
#[copilot::tool]
async fn search(query: &'static str) {
    let _ = query;
}

fn main() {}
