/// Search the catalogue.
#[copilot::tool]
async fn search() {}

/// Order a book.
#[copilot::tool]
async fn order() {}

static TOOLS: [copilot::Tool; 3] = copilot::toolset![search, order, search];

fn main() {
    let _ = &TOOLS;
}
