/// Order a book.
#[copilot::tool(needs_approval = true)]
async fn order() {}

/// Order a pen.
#[copilot::tool(enabled = 1)]
async fn order_pen() {}

/// Order a cup.
#[copilot::tool(enabled)]
async fn order_cup() {}

fn main() {}
