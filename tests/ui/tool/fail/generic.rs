/// Search the catalogue.
#[copilot::tool]
async fn search<T, const N: usize>(query: T) {
    let _ = query;
}

fn main() {}
