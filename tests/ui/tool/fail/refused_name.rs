/// Search the catalogue.
#[copilot::tool(name = "3d_search")]
async fn search(
    /// The filter.
    #[arg(name = "$filter")]
    filter: &str,
    /// Accepted.
    #[arg(name = "a.b-c")]
    other: &str,
) {
    let _ = (filter, other);
}

/// Search what is left.
#[copilot::tool(name = "-search")]
async fn rest() {}

fn main() {}
