/// Search the catalogue.
#[copilot::tool("Search books", read_only)]
async fn search(#[arg(min = 1, 14)] limit: u8) {
    let _ = limit;
}

struct Catalogue;

#[copilot::tools("catalogue")]
impl Catalogue {
    /// Order a book.
    #[tool]
    async fn order(&self) {}
}

fn main() {}
