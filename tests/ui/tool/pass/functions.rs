#![deny(warnings, clippy::pedantic, missing_docs, unused)]
#![allow(clippy::unused_async, reason = "the tools are async on purpose")]
#![forbid(unsafe_code)]
//! Options that take a function: paths and closures, of functions and methods.

use copilot::tools::SelectionContext;
use copilot::{Tool, ToolContext, Toolset as _};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Arguments of `delete_all`.
#[derive(Deserialize, JsonSchema)]
struct Paths {
    /// Absolute paths.
    paths: Vec<String>,
}

/// Some of the arguments of `delete`.
#[derive(Deserialize)]
struct Force {
    #[serde(default)]
    force: bool,
}

fn many(arguments: &Paths) -> bool {
    arguments.paths.len() > 1
}

fn forced(arguments: &Force) -> bool {
    arguments.force
}

fn any(arguments: &Value) -> bool {
    arguments["path"] != "/tmp"
}

fn has_model(session: &SelectionContext<'_>) -> bool {
    session.model().is_some()
}

/// Delete files.
#[copilot::tool(needs_approval = many, enabled = has_model)]
async fn delete_all(paths: Paths) -> usize {
    paths.paths.len()
}

/// Delete a file.
#[copilot::tool(needs_approval = |path: &str, force| force || path.starts_with("/etc"), enabled = |_| true)]
async fn delete(
    cx: &ToolContext,
    /// Absolute path.
    path: &str,
    /// Whether a missing file is an error.
    #[arg(default = false)]
    force: bool,
) {
    cx.log(format!("{path} {force}"));
}

/// Delete a file.
#[copilot::tool(needs_approval = forced)]
async fn delete_some(
    /// Absolute path.
    path: String,
    /// Whether a missing file is an error.
    force: bool,
) -> String {
    format!("{path} {force}")
}

/// Delete a file.
#[copilot::tool(needs_approval = any)]
async fn delete_any(
    /// Absolute path.
    path: String,
) -> String {
    path
}

struct Files {
    root: String,
}

impl Files {
    fn outside(arguments: &Value) -> bool {
        arguments["path"] != "/tmp"
    }
}

#[copilot::tools]
impl Files {
    /// Remove a file.
    #[tool(needs_approval = |path| path.len() > 4)]
    async fn remove(
        &self,
        /// Absolute path.
        path: &str,
    ) -> String {
        format!("{}{path}", self.root)
    }

    /// Move a file.
    #[tool(needs_approval = Self::outside)]
    async fn rename(
        &self,
        /// Absolute path.
        path: &str,
    ) -> String {
        format!("{}{path}", self.root)
    }
}

#[test]
fn options_take_functions() {
    let check = |tool: &Tool, free: Value, asks: Value| {
        assert!(!tool.needs_approval(&free), "{free}");
        assert!(tool.needs_approval(&asks), "{asks}");
    };
    check(&delete_all::TOOL, json!({ "paths": ["a"] }), json!({ "paths": ["a", "b"] }));
    check(&delete::TOOL, json!({ "path": "/tmp" }), json!({ "path": "/etc/passwd" }));
    check(
        &delete::TOOL,
        json!({ "path": "/tmp", "force": "false" }),
        json!({ "path": "/tmp", "force": "true" }),
    );
    check(
        &delete_some::TOOL,
        json!({ "path": "/tmp", "force": false }),
        json!({ "path": "/tmp", "force": "true" }),
    );
    check(&delete_any::TOOL, json!({ "path": "/tmp" }), json!({}));
    // Arguments that do not fit need approval.
    check(&delete::TOOL, json!({ "path": "/tmp" }), json!({ "path": true }));
    check(&delete::TOOL, json!({ "path": "/tmp" }), json!({ "path": "/tmp", "pathh": "/etc" }));
    let [remove, rename] = &Files { root: "/".to_owned() }.into_tools()[..] else { panic!("two tools") };
    check(remove, json!({ "path": "/tmp" }), json!({ "path": "/home" }));
    check(rename, json!({ "path": "/tmp" }), json!({ "path": "/home" }));
}
