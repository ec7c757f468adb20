/// Search the catalogue.
#[copilot::tool(readonly, color = "red")]
async fn search(#[arg(defualt = 1)] limit: u8, #[arg(minimum = 1)] page: u8) {
    let _ = (limit, page);
}

fn main() {}
