//! Tools that exist under a `cfg` only: each is left out of everything where its condition is false.
#![deny(warnings)]
#![allow(clippy::unused_async, clippy::non_minimal_cfg, reason = "conditions that are always true or false")]

// The set of tools that the linker collected, without a feature.
use copilot::__private::{Registered, inventory};
use copilot::{Tool, Toolset as _};
use serde_json::json;

struct Files;

#[copilot::tools(prefix = "files_")]
impl Files {
    /// Never exists.
    #[tool(needs_approval = |path: &str| path.is_empty())]
    #[cfg(any())]
    async fn gone(
        &self,
        // A type that does not exist under this condition either, and an argument without a description.
        place: Missing,
        /// Path.
        #[arg(min_len = 1)]
        path: &str,
    ) -> Missing {
        place
    }

    /// Read a file.
    #[cfg(all())]
    #[tool(needs_approval = |path| path.len() > 4)]
    async fn read(
        &self,
        /// Path.
        #[arg(min_len = 1)]
        path: &str,
    ) -> String {
        path.to_owned()
    }

    /// Open a file here.
    #[tool]
    #[cfg(all())]
    async fn open(&self) -> &'static str {
        "here"
    }

    /// Open a file elsewhere.
    #[cfg(not(all()))]
    #[tool]
    async fn open(&self, place: Missing) -> Missing {
        place
    }

    /// Gone by an attribute with a condition.
    #[tool]
    #[cfg_attr(all(), must_use, cfg(any()))]
    async fn gone_too(&self) -> Missing {}

    /// Close a file.
    #[tool]
    #[cfg_attr(any(), cfg(any()))]
    #[cfg_attr(all(), must_use, cfg_attr(all(), cfg(all()), doc = "More."))]
    async fn close(&self) -> &'static str {
        "closed"
    }
}

struct Shelf<T>(T);

#[copilot::tools]
impl<T: Send + Sync + 'static> Shelf<T> {
    /// Never exists.
    #[tool]
    #[cfg(any())]
    async fn gone(&self) -> Missing {}

    /// Take a book.
    #[tool]
    async fn take(&self) {}
}

struct Empty;

#[copilot::tools]
impl Empty {
    /// Never exists.
    #[tool]
    #[cfg(any())]
    async fn gone(&self) -> Missing {}
}

// Without the type itself.
#[copilot::tools]
#[cfg(any())]
impl Missing {
    /// Never exists.
    #[tool]
    async fn block(&self) -> Missing {}
}

/// Here.
#[copilot::tool]
#[cfg(all())]
async fn plain() -> &'static str {
    "here"
}

/// Elsewhere.
#[copilot::tool]
#[cfg(any())]
async fn plain(place: Missing) -> Missing {
    place
}

/// Here.
#[cfg(all())]
#[copilot::tool]
async fn other() {}

/// Elsewhere.
#[cfg(any())]
#[copilot::tool]
async fn other(place: Missing) -> Missing {
    place
}

/// Never exists.
#[copilot::tool]
#[cfg_attr(all(), cfg(any()))]
async fn gone(place: Missing) -> Missing {
    place
}

/// A tool where the condition is true.
#[cfg_attr(all(), copilot::tool)]
async fn attributed() {}

#[test]
fn a_tool_under_a_false_condition_is_left_out() {
    let names = |tools: Vec<Tool>| tools.iter().map(|tool| tool.name().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(Files::tools()), ["files_read", "files_open", "files_close"]);
    assert_eq!(names(Shelf(1).into_tools()), ["take"]);
    assert_eq!(Shelf(1).0, 1);
    assert_eq!(names(Empty::tools()), [""; 0]);
    assert_eq!(names(vec![plain::TOOL, other::TOOL]), ["plain", "other"]);
    let mut linked: Vec<_> = inventory::iter::<Registered>.into_iter().map(|tool| tool.0.name()).collect();
    linked.sort_unstable();
    let expected = ["attributed", "files_close", "files_open", "files_read", "other", "plain"];
    assert_eq!(linked, expected, "each is registered once");
    let read = &Files.into_tools()[0];
    assert!(
        read.needs_approval(&json!({ "path": "/home" })) && !read.needs_approval(&json!({ "path": "/tmp" }))
    );
}
