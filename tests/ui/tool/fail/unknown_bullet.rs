/// Search the catalogue.
///
/// # Arguments
///
/// * `qeury` - Words of the title.
/// * `limit` - How many.
/// * All of them are optional.
/// * `limit` - At most.
#[copilot::tool]
async fn search(query: &str, limit: u8) {
    let _ = (query, limit);
}

/**
 * Order a book.
 *
 * # Arguments
 *
 * - isbn: Its number.
 */
#[copilot::tool]
async fn order() {}

fn main() {}
