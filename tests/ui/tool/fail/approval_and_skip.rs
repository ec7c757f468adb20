fn always(_: &serde_json::Value) -> bool {
    true
}

/// Order a book.
#[copilot::tool(skip_permission, needs_approval = always)]
async fn order() {}

fn main() {}
