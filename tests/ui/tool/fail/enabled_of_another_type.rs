fn always() -> bool {
    true
}

/// Order a book.
#[copilot::tool(enabled = always)]
async fn order() {}

/// Order a pen.
#[copilot::tool(enabled = |session| session.is_new())]
async fn order_pen() {}

fn main() {}
