struct Catalogue(Vec<String>);

#[copilot::tools(prefix = "catalogue_", color = "red")]
impl Catalogue {
    /// Add a book.
    #[tool]
    async fn add(&mut self, /** Which. */ title: String) {
        self.0.push(title);
    }

    /// Close for good.
    #[tool]
    async fn close(self) {}

    #[tool]
    async fn count(&self) -> usize {
        self.0.len()
    }
}

fn main() {}
