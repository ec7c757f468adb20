//! Which CLI the tests run on, for what not all versions can do.
//!
//! `COPILOT_TEST_CLI_VERSION` says which one `COPILOT_CLI_PATH` is; without it the tests expect the newest. A test
//! that holds on some versions only ends with [`not_supported`], which `tests/matrix/run` puts into its table.

use std::fmt::Debug;
use std::sync::LazyLock;

use copilot::{ErrorKind, Result};

const VARIABLE: &str = "COPILOT_TEST_CLI_VERSION";

/// The version that the variable names.
pub fn version() -> Option<&'static str> {
    static VERSION: LazyLock<Option<String>> = LazyLock::new(|| std::env::var(VARIABLE).ok());
    VERSION.as_deref()
}

/// Whether the CLI is this version or a newer one.
pub fn since(wanted: [u64; 3]) -> bool {
    let Some(version) = version() else { return true };
    let mut numbers = version.split('.').map(|part| part.parse().expect("a version is three numbers"));
    let mut next = || numbers.next().expect("a version is three numbers");
    [next(), next(), next()] >= wanted
}

/// Returns the outcome of a feature that versions up to `last` lack: they must refuse it with an error that names them, and give
/// nothing; the others must do it.
pub fn unless_refused<T: Debug>(last: [u64; 3], outcome: Result<T>) -> Option<T> {
    let [major, minor, patch] = last;
    if since([major, minor, patch + 1]) {
        return Some(outcome.expect("this version can do it"));
    }
    let error = outcome.expect_err("this version cannot do it");
    let (version, reported) = (version().expect("only old versions get here"), error.to_string());
    assert!(error.kind() == ErrorKind::Unsupported && reported.contains(version), "{error:?}");
    not_supported("refused with an error that names the version");
    None
}

/// Whether the CLI speaks protocol 2.
pub fn is_protocol_2() -> bool {
    !since([0, 0, 423])
}

/// Prints a feature that this version lacks. Only old versions have an excuse.
pub fn not_supported(reason: &str) {
    assert!(version().is_some(), "the newest CLI is expected to support everything: {reason}");
    println!("not supported: {reason}");
}
