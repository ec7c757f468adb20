//! Every example runs, and shows what it says it shows.

use std::process::Command;

/// Runs an example in a home of its own; what it printed, and whether anything was left in that home.
fn run(example: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline", "--package", "copilot-examples", "--example", example])
        .env("COPILOT_HOME", home.path().join("state"))
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{example} failed: {}\n{stdout}\n{stderr}", output.status);
    assert!(!home.path().join("state").exists(), "{example} left files behind");
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
