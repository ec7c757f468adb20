/// Search the catalogue.
#[copilot::tool]
async fn search(#[arg(default = "ten")] /** How many. */ limit: u8) {
    let _ = limit;
}

fn main() {}
