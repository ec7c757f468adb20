struct Catalogue;

trait Search {
    fn search(&self);
}

#[copilot::tools]
impl Search for Catalogue {
    /// Search the catalogue.
    #[tool]
    fn search(&self) {}
}

fn main() {}
