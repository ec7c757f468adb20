/// Search the catalogue.
#[copilot::tool(readonly, color = "red")]
async fn search(#[arg(defualt = 1)] limit: u8) {
    let _ = limit;
}

fn main() {}
