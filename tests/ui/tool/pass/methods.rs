//! Strict lints accept the expansion of methods, also of a generic type.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, clippy::pedantic, unreachable_pub, unused_qualifications)]
#![allow(clippy::unused_async, reason = "the tools are async on purpose")]

use copilot::Toolset;

/// A catalogue of titles.
#[derive(Debug)]
pub struct Catalogue<T>(pub Vec<T>);

#[copilot::tools(group = "catalogue")]
impl<T: AsRef<str> + Send + Sync + 'static> Catalogue<T> {
    /// Search the catalogue.
    #[tool(read_only)]
    pub async fn search(
        &self,
        /// Text to search for.
        query: &str,
    ) -> Vec<copilot::Content> {
        let found = self.0.iter().filter(|name| name.as_ref().contains(query));
        found.map(|name| name.as_ref().into()).collect()
    }

    /// Count the titles.
    #[tool]
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

#[test]
fn strict_lints_accept_methods() {
    let tools = Catalogue(vec!["a"]).into_tools();
    assert_eq!(tools.len(), 2);
}
