//! The tools of the crates that the manifest lists, found by `link_all!`; `linking.rs` has the tools of a crate that is
//! named.
//!
//! A separate binary: `link_all!` adds crates to the whole program, and the test lists all linked tools.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use copilot::Session;

copilot::link_all!();

struct Nothing;

#[tokio::test]
async fn the_tools_of_all_dependencies_with_a_path_are_linked() {
    let builder = Session::builder().with_all_tools().expect_tools_from(["copilot-unlinked"]).state(Nothing);
    let error = builder.start().await.unwrap_err().to_string();
    // The tools were found, because their state is missing.
    assert!(
        error.contains("`copilot_unlinked::Well` is needed by") && error.contains("`depth` at "),
        "{error}"
    );
}
