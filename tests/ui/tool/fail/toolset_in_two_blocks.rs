struct Catalogue;

#[copilot::tools]
impl Catalogue {
    /// Search the catalogue.
    #[tool]
    async fn search(&self) {}
}

#[copilot::tools]
impl Catalogue {
    /// Order a book.
    #[tool]
    async fn order(&self) {}
}

fn main() {
    let _ = copilot::Session::builder().with_toolset(Catalogue);
}
