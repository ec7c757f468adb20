/// Search the catalogue.
#[copilot::tool]
async fn search(from: &str, #[arg(name = "from")] start: &str) {
    let _ = (from, start);
}

fn main() {}
