/// Search the catalogue.
#[copilot::tool]
async fn search(query: &mut String) {
    let _ = query;
}

fn main() {}
