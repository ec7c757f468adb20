/// Search the catalogue.
#[copilot::tool]
async fn search((from, to): (u8, u8)) {
    let _ = (from, to);
}

fn main() {}
