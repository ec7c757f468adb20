/// Search the catalogue.
#[copilot::tool]
async fn search(
    /// How many.
    #[arg(min = 1, max = 10, default = 20)]
    limit: u8,
    /// Which way.
    #[arg(one_of = ["up", "down"], default = "left")]
    order: &str,
    /// Words.
    #[arg(min_len = 3, default = "a")]
    query: &str,
) {
    let _ = (limit, order, query);
}

fn main() {}
