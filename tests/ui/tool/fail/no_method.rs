struct Catalogue;

#[copilot::tools]
impl Catalogue {
    /// Search the catalogue.
    pub async fn search(&self) {}
}

fn main() {}
