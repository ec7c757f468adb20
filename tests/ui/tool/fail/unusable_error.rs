struct Lost;

/// Search the catalogue.
#[copilot::tool]
async fn search() -> Result<String, Lost> {
    Err(Lost)
}

fn main() {}
