struct Catalogue;

impl Catalogue {
    /// Search the catalogue.
    async fn search(&self) {}
}

fn main() {
    let _ = copilot::Session::builder().with_toolset(Catalogue);
}
