use copilot::Toolset as _;

struct Catalogue;

#[copilot::tools]
impl Catalogue {
    #[tool]
    async fn search(&self) {}
}

struct Shop;

#[copilot::tools]
impl Shop {
    /// Order a book.
    #[tool]
    async fn order(&self, book) {}
}

fn main() {
    let _ = copilot::Session::builder().with_toolset(Catalogue).with_toolset(Shop);
    let _ = (Catalogue::tools(), Shop::tools());
}
