const MOST: f64 = 99.5;

/// Search the catalogue.
#[copilot::tool]
async fn search(
    /// The page.
    #[arg(max = 18_446_744_073_709_551_616, one_of = [99_999_999_999_999_999_999])]
    page: u64,
) {
    let _ = page;
}

/// Order a book.
#[copilot::tool]
async fn order(
    /// How many.
    #[arg(min = 0 - 1, max = MOST)]
    copies: u8,
    /// How many more.
    #[arg(max = u64::MAX)]
    more: i64,
    /// The price.
    #[arg(min = f32::NEG_INFINITY, max = f64::NAN)]
    price: f64,
    /// The code.
    #[arg(max = u128::MAX)]
    code: u128,
) {
    let _ = (copies, more, price, code);
}

fn main() {}
