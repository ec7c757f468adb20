const WORDS: &str = "ten";

/// Search the catalogue.
#[copilot::tool]
async fn search(
    /// How many.
    #[arg(min = WORDS, max = WORDS.is_empty())]
    limit: u8,
    /// The year.
    #[arg(max = MOST)]
    year: u16,
) {
    let _ = (limit, year);
}

fn main() {}
