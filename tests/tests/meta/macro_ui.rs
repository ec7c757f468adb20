//! What the macros accept, and the text with which they refuse the rest.
//!
//! The texts are product: read each `.stderr` as a user would. They are those of the toolchain that CI pins; after
//! a change, `TRYBUILD=overwrite cargo test --test meta macro_ui` writes them anew.

#[test]
fn the_tool_macro_accepts_and_refuses() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/tool/pass/*.rs");
    cases.compile_fail("ui/tool/fail/*.rs");
}
