//! The input that the macros accept, and the messages with which they refuse the rest.
//!
//! The texts are product: read each `.stderr` as a user would. They are those of the toolchain that CI pins; after
//! a change, `TRYBUILD=overwrite cargo test -p copilot-ui-tests` overwrites them.

#[test]
fn the_tool_macro_accepts_and_refuses() {
    let cases = trybuild::TestCases::new();
    cases.pass("tool/pass/*.rs");
    cases.compile_fail("tool/fail/*.rs");
}
