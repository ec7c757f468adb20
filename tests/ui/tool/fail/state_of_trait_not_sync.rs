trait Catalogue {
    fn titles(&self) -> usize;
}

/// Count the titles.
#[copilot::tool]
async fn count(catalogue: copilot::State<dyn Catalogue>) -> usize {
    catalogue.titles()
}

fn main() {}
