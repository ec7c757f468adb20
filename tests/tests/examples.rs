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

fn prints(example: &str, lines: &[&str]) {
    let printed = run(example);
    for line in lines {
        assert!(printed.contains(line), "{line:?} is not in:\n{printed}");
    }
}

#[test]
fn arguments() {
    prints(
        "arguments",
        &[
            r#"{"type":"object","properties":{"words":"#,
            "10 papers on rust and agents since None, Cited first",
            "5 papers on one word since None, Newest first",
            "- `limit`: expected an integer from 1 to 50, got 500",
            "- `word` is not known; did you mean `words`?",
        ],
    );
}

#[test]
fn dynamic_tools() {
    prints("dynamic_tools", &["miles_to_km: 16.09 km", "pounds_to_kg: 4.536 kg", "`value` is missing"]);
}

#[test]
fn errors() {
    prints(
        "errors",
        &[
            "sales: success - 12.5",
            "costs: failure - the report has no figure yet",
            "salaries: denied",
            "under reference",
        ],
    );
}

#[test]
fn methods() {
    prints("methods", &["2 things to do", "todo_list: write the example\nrun it"]);
}
