struct Catalogue;

impl Catalogue {
    /// Search the catalogue.
    #[copilot::tool]
    async fn search() {}
}

trait Shop {
    /// Order a book.
    #[copilot::tool]
    async fn order() {}
}

fn main() {
    let _ = Catalogue::search();
}
