struct Catalogue;

impl Catalogue {
    /// Search the catalogue.
    #[copilot::tool]
    async fn search(&self, query: &str) {
        let _ = query;
    }
}

fn main() {}
