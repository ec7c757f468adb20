struct Catalogue;

#[copilot::tools]
impl Catalogue {
    /// Search the catalogue.
    #[cfg_attr(unix, tool(read_only))]
    async fn search(&self) {}

    /// Order a book.
    #[tool]
    #[cfg_attr(unix, doc = "From the shelf.")]
    async fn order(&self) {}
}

fn main() {}
