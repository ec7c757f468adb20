struct Catalogue;

impl Catalogue {
    const LIMIT: usize = 10;

    /// Search the catalogue.
    #[copilot::tool]
    async fn search(
        /// Words of the title.
        query: &str,
    ) -> String {
        query.chars().take(Self::LIMIT).collect()
    }

    /// Open the catalogue.
    #[copilot::tool]
    async fn open() -> Result<Self, String> {
        Ok(Self)
    }
}

fn main() {
    let _ = (Catalogue::search("words"), Catalogue::open());
}
