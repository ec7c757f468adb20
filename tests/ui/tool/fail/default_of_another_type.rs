/// Search the catalogue.
#[copilot::tool]
async fn search(#[arg(default = "ten")] limit: u8) {
    let _ = limit;
}

fn main() {}
