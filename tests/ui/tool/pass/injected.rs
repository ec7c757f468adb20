#![deny(warnings, clippy::pedantic, missing_docs, unused)]
#![allow(clippy::unused_async, reason = "the tools are async on purpose")]
#![forbid(unsafe_code)]
//! Injected values: trait objects, and values that the program makes from the context of the call.

use copilot::tools::{FromCall, FromCallAsync};
use copilot::{State, ToolContext, ToolError, Toolset as _};

/// Titles of books.
trait Catalogue: Send + Sync {
    fn titles(&self) -> usize;
}

struct Caller(String);

impl FromCall for Caller {
    fn from_call(cx: &ToolContext) -> Result<Self, ToolError> {
        Ok(Self(cx.session_id().to_string()))
    }
}

struct Row(u32);

impl FromCallAsync for Row {
    async fn from_call(cx: &ToolContext) -> Result<Self, ToolError> {
        cx.cancelled().await;
        Ok(Self(7))
    }
}

/// Count the titles.
#[copilot::tool]
fn count(catalogue: State<dyn Catalogue>, caller: Caller, row: Row) -> String {
    format!("{} {} {}", catalogue.titles(), caller.0, row.0)
}

/// Count the titles again.
#[copilot::tool]
async fn recount(catalogue: &State<dyn Catalogue>, caller: &Caller, row: &Row) -> String {
    format!("{} {} {}", catalogue.titles(), caller.0, row.0)
}

#[copilot::tools]
impl dyn Catalogue {
    /// Count the titles of this catalogue.
    #[tool]
    async fn own_titles(&self, row: Row) -> String {
        format!("{} {}", self.titles(), row.0)
    }
}

#[test]
fn tools_have_injected_values() {
    let names = [count::TOOL, recount::TOOL].map(|tool| tool.name().to_owned());
    assert_eq!(names, ["count", "recount"]);
    assert_eq!(<dyn Catalogue>::tools()[0].name(), "own_titles");
}
