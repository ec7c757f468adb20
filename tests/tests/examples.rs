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
    let printed = run("quickstart");
    for line in [
        r#"[lookup_issue] {"id":"GH-42"}"#,
        "did you mean `limit`?",
        r#"[list_issues] {"limit":5,"state":"open"}"#,
        "gave: 2.0 days",
        r#"GH-42 ("Parser drops the last line") is open; so is GH-57. It takes 2.0 days."#,
    ] {
        assert!(printed.contains(line), "{line:?} is not in:\n{printed}");
    }
}
