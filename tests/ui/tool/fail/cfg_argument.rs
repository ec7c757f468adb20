/// Search the catalogue.
#[copilot::tool]
async fn search(query: &str, #[cfg(unix)] path: &str) {
    let _ = (query, path);
}

fn main() {}
