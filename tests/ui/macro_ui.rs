//! The messages with which the macros refuse input.
//!
//! The texts are product: read each `.stderr` as a user would. They are those of the toolchain that CI pins; after
//! a change, `TRYBUILD=overwrite cargo test -p copilot-ui-tests` overwrites them.

use std::env;
use std::process::Command;

/// The flags that `trybuild` gives to the cases. It builds their dependencies with fewer, so that without this
/// variable, which cargo prefers, the cases need a second copy of the dependencies.
const FLAGS: (&str, &str) = (
    "CARGO_ENCODED_RUSTFLAGS",
    "--cfg\x1ftrybuild\x1f--verbose\x1f-A\x1fdead_code\x1f--diagnostic-width=140",
);

#[test]
fn the_macros_refuse() {
    if env::var_os(FLAGS.0).is_none() {
        // A test can set a variable only for another process.
        let program = env::current_exe().expect("a program knows its path");
        let status = Command::new(program).args(env::args_os().skip(1)).env(FLAGS.0, FLAGS.1).status();
        assert!(status.expect("a program can run again").success(), "the output above says what differs");
        return;
    }
    // Nothing but cases that fail, which are compiled concurrently.
    trybuild::TestCases::new().compile_fail("tool/fail/*.rs");
}
