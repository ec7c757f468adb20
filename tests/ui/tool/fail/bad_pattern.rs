/// Search the catalogue.
#[copilot::tool]
async fn search(
    /// The number of a book.
    #[arg(pattern = "[0-9")]
    number: &str,
    /// The name of a shelf.
    #[arg(pattern = "(?!left)[a-z]+")]
    shelf: &str,
    /// The code of a room.
    #[arg(pattern = "^[A-Z]-[0-9]+$", default = "a1", example = "B-2")]
    room: &str,
) {
    let _ = (number, shelf, room);
}

fn main() {}
