/// Search the catalogue.
#[copilot::tool]
async fn search(
    /// How many.
    #[arg(min = 10, max = 1)]
    limit: u8,
    /// Words.
    #[arg(min_len = 5, max_len = 2)]
    query: &str,
    /// Where.
    #[arg(flatten, nest)]
    place: Vec<u8>,
) {
    let _ = (limit, query, place);
}

fn main() {}
