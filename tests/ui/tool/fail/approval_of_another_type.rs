fn always() -> bool {
    true
}

/// Order a book.
#[copilot::tool(needs_approval = always)]
async fn order() {}

fn main() {}
