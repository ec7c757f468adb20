struct Catalogue(std::cell::Cell<u8>);

#[copilot::tools]
impl Catalogue {
    /// Count the searches.
    #[tool]
    async fn count(&self) -> u8 {
        self.0.get()
    }
}

fn main() {}
