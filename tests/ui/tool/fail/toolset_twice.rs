/// Search the catalogue.
#[copilot::tool]
async fn search() {}

/// Order a book.
#[copilot::tool]
async fn order() {}

fn main() {
    let _ = copilot::toolset![search, order, search];
}
