//! Strict lints accept the expansion.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, clippy::pedantic, unreachable_pub, unused_qualifications)]
#![allow(clippy::unused_async, reason = "the tools are async on purpose")]

use copilot::{Json, State, ToolContext, ToolError};

/// A catalogue of titles.
#[derive(Debug)]
pub struct Catalogue(Vec<String>);

/// Search the catalogue.
///
/// # Errors
///
/// When nothing is found.
#[copilot::tool(read_only, timeout = "5s")]
pub async fn search(
    /// Text to search for.
    query: &str,
    /// The maximum number of results.
    #[arg(default = 10)]
    limit: usize,
    catalogue: State<Catalogue>,
    cx: &ToolContext,
) -> Result<Json<Vec<String>>, ToolError> {
    cx.progress(0.5, "searching");
    let found = catalogue.0.iter().filter(|name| name.contains(query)).take(limit).cloned().collect();
    Ok(Json(found))
}

/// Count the titles.
#[copilot::tool]
fn count(catalogue: State<Catalogue>) -> usize {
    catalogue.0.len()
}

#[test]
fn strict_lints_accept_the_expansion() {
    assert_eq!(search::TOOL.name(), "search");
}
