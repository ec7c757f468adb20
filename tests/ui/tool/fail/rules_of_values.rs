/// Search the catalogue.
#[copilot::tool]
async fn search(
    /// How many.
    #[arg(min = 1, max = 10, example(5, 20))]
    limit: u8,
    /// Where.
    #[arg(one_of = ["left", 2], example = "left")]
    place: &str,
    /// The code of the shelf.
    #[arg(max_len = 3, one_of = ["abc", "abcd"])]
    shelf: &str,
    /// In which order.
    #[arg(one_of = ["up", "down"], example = "left")]
    order: &str,
    /// The signature.
    #[arg(pattern = "([")]
    signature: &str,
) {
    let _ = (limit, place, shelf, order, signature);
}

fn main() {}
