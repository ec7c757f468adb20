/// Search the catalogue.
#[copilot::tool]
async fn search(
    /// How many.
    #[arg(min = -1, max = 0.5)]
    limit: u8,
    /// The year.
    #[arg(max = 40_000)]
    year: Option<i16>,
    /// Words of the title.
    #[arg(min = 3)]
    words: &str,
    /// Whether to search everywhere.
    #[arg(min_len = 1, pattern = "yes|no")]
    everywhere: bool,
    /// The shelf.
    #[arg(one_of = ["left", "right"])]
    shelf: u16,
    /// The price.
    #[arg(example = "cheap")]
    price: Option<f64>,
) {
    let _ = (limit, year, words, everywhere, shelf, price);
}

struct Catalogue;

#[copilot::tools]
impl Catalogue {
    /// Order a book.
    #[tool]
    async fn order(
        &self,
        /// How many copies.
        #[arg(min = 0, max = 300)]
        copies: u8,
    ) {
        let _ = copies;
    }
}

fn main() {}
