/// Remove a book.
#[copilot::tool(skip_permission, destructive)]
async fn remove() {}

fn main() {}
