use std::error::Error;

/// Search the catalogue.
#[copilot::tool]
async fn search() -> Result<String, Box<dyn Error>> {
    Ok(String::new())
}

/// Order a book.
#[copilot::tool]
async fn order() -> Result<(), ()> {
    Ok(())
}

fn main() {}
