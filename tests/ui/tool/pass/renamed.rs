//! The runtime crate under another path.
mod vendored {
    pub use copilot as agent;
}

/// Search the catalogue.
#[vendored::agent::tool(crate = vendored::agent)]
async fn search(
    /** Words. */
    query: &str,
) -> String {
    query.to_owned()
}

#[test]
fn the_runtime_crate_has_another_path() {
    assert_eq!(search::TOOL.name(), "search");
}
