use std::pin::Pin;

/// Search the catalogue.
#[copilot::tool]
fn search() -> impl Future<Output = Result<String, String>> {
    async { Ok("words".to_owned()) }
}

/// Order a book.
#[copilot::tool]
fn order() -> Pin<Box<dyn Future<Output = String> + Send>> {
    Box::pin(async { "ordered".to_owned() })
}

fn main() {}
