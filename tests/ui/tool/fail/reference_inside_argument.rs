/// Search the catalogue.
#[copilot::tool]
async fn search(
    /// Words of the title.
    words: Vec<&str>,
    /// Names of authors.
    authors: Option<&[&'static str]>,
) {
    let _ = (words, authors);
}

fn main() {}
