/// Search the catalogue.
#[copilot::tool(retries = 0, defer = sometimes, tags(1, 2), meta("a", "b"), read_only = "yes", group)]
async fn search(#[arg(min = "one", max_len = -1, pattern = 5, one_of)] limit: u8) {
    let _ = limit;
}

fn main() {}
