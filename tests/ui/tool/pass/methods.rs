//! Methods under strict lints, of a generic type too.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, clippy::pedantic, unreachable_pub, unused_qualifications)]

use copilot::Toolset;

/// What is searched.
#[derive(Debug)]
pub struct Catalogue<T>(pub Vec<T>);

#[copilot::tools(group = "catalogue")]
impl<T: AsRef<str> + Send + Sync + 'static> Catalogue<T> {
    /// Search the catalogue.
    #[tool(read_only)]
    pub async fn search(
        &self,
        /// What to look for.
        query: &str,
    ) -> Vec<copilot::Content> {
        let found = self.0.iter().filter(|name| name.as_ref().contains(query));
        found.map(|name| name.as_ref().into()).collect()
    }

    /// How many there are.
    #[tool]
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

fn main() {
    let tools = Catalogue(vec!["a"]).into_tools();
    assert_eq!(tools.len(), 2);
}
