/// Search the catalogue.
#[copilot::tool]
async fn search(
    /// Words.
    query: &str,
) -> String {
    query.no_such_method()
}

fn main() {
    let _ = search::TOOL;
}
