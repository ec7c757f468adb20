//! Every example runs, and shows what it says it shows.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::process::Command;

/// The example as `cargo test` has built it beside this test, or else by way of cargo.
fn command(example: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let built = test.ancestors().nth(2).unwrap().join("examples").join(example);
    if built.exists() {
        return Command::new(built);
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--offline", "--package", "copilot-examples", "--example", example]);
    cargo
}

/// Runs an example, which must leave nothing behind; what it printed.
fn run(example: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("state");
    let output = command(example).env("COPILOT_HOME", &state).env("TMPDIR", home.path()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{example} failed: {}\n{stdout}\n{stderr}", output.status);
    let left: Vec<_> = home.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let ours = |name: &std::ffi::OsString| name == "state" || name.to_string_lossy().starts_with("copilot-");
    assert!(!left.iter().any(ours), "{example} left {left:?} behind");
    stdout.into_owned()
}

#[test]
fn quickstart() {
    prints(
        "quickstart",
        &[
            r#"[lookup_issue] {"id":"GH-42"}"#,
            "did you mean `limit`?",
            r#"[list_issues] {"limit":5,"state":"open"}"#,
            "gave: 2.0 days",
            r#"GH-42 ("Parser drops the last line") is open; so is GH-57. It takes 2.0 days."#,
        ],
    );
}

#[test]
fn plain_arguments() {
    prints(
        "plain_arguments",
        &[
            r#""maximum":12"#,
            r#"`place`: expected "inside" or "outside", got "roof""#,
            "gave: a table for 2 outside, for Ada",
        ],
    );
}

#[test]
fn struct_argument() {
    prints("struct_argument", &[r#"gave: {"cents":250,"to":"locker 7"}"#]);
}

#[test]
fn state() {
    prints(
        "state",
        &["List` is needed by", "Changes` is needed by", "gave: 2 things on the list, changed 2 times"],
    );
}

#[test]
fn progress() {
    prints("progress", &["... 2 of 3", "gave: counted to 3 for count"]);
}

#[test]
fn errors() {
    prints("errors", &["an amount of 0 makes no sense", "less than 1000 at a time", "gave: 50 withdrawn"]);
}

#[test]
fn images() {
    prints("images", &["gave: This is Vega, rather far away.", "Vega is a white dot."]);
}

#[test]
fn methods() {
    prints("methods", &["gave: 42 sheep", "gave: 42"]);
}

#[test]
fn dynamic_tools() {
    prints("dynamic_tools", &["`value`: expected", "gave: 26.2"]);
}

#[test]
fn filters() {
    prints("filters", &["`list_files`", "gave: a.txt, b.txt"]);
}

#[test]
fn testing_tools() {
    prints("testing_tools", &["every check passed"]);
}

/// Runs an example, which must print these lines.
fn prints(example: &str, lines: &[&str]) {
    let printed = run(example);
    for line in lines {
        assert!(printed.contains(line), "{line:?} is not in:\n{printed}");
    }
}
