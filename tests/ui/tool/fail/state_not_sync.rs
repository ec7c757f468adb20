struct Catalogue(std::cell::Cell<u8>);

/// Search the catalogue.
#[copilot::tool]
async fn search(catalogue: copilot::State<Catalogue>) {
    let _ = catalogue.0.get();
}

fn main() {}
