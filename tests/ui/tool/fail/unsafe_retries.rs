/// Order a book.
#[copilot::tool(retries = 3)]
async fn order() {}

fn main() {}
