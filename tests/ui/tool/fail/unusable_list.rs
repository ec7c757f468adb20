use std::collections::HashMap;

/// List the titles.
#[copilot::tool]
async fn titles() -> Vec<String> {
    Vec::new()
}

/// List the copies.
#[copilot::tool]
async fn copies() -> Result<Option<HashMap<String, u8>>, String> {
    Ok(None)
}

/// Find a shelf.
#[copilot::tool]
async fn shelf() -> (u8, String) {
    (1, String::new())
}

fn main() {}
