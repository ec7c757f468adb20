/// Search the catalogue.
#[copilot::tool]
struct Search;

fn main() {}
