//! `check` and `snapshot`.

use std::fs;

use serde_json::{Value, json};

use crate::{run_in, status, stderr, stdout};

#[test]
fn a_breaking_change_fails_and_another_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let (path, file) = (directory.path(), directory.path().join("tools.json"));
    let missing = run_in(path, &["check"], "");
    assert!(
        status(&missing) == 1 && stderr(&missing).contains("`acme snapshot` writes it"),
        "{}",
        stderr(&missing)
    );

    let written = run_in(path, &["snapshot"], "");
    assert_eq!((status(&written), stdout(&written).as_str()), (0, "recorded 8 tools in tools.json\n"));
    let same = run_in(path, &["check"], "");
    assert!(
        status(&same) == 0 && stdout(&same).contains("8 tools, 0 problems and 0 changes"),
        "{}",
        stdout(&same)
    );

    let mut tools: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let at = tools.as_array().unwrap().iter().position(|tool| tool["name"] == "forecast").unwrap();
    tools[at]["description"] = json!("Another text.");
    fs::write(&file, tools.to_string()).unwrap();
    let text = run_in(path, &["check"], "");
    assert_eq!(status(&text), 0);
    assert!(
        stdout(&text).contains("change    forecast: the tool has another description"),
        "{}",
        stdout(&text)
    );

    tools[at]["parameters"]["properties"]["days"]["maximum"] = json!(30);
    tools.as_array_mut().unwrap().push(json!({"name": "gone", "description": "Was here."}));
    fs::write(&file, tools.to_string()).unwrap();
    let breaking = run_in(path, &["check"], "");
    assert_eq!(status(&breaking), 1);
    for expected in [
        "breaking  forecast: argument `days` allows fewer values: `maximum` was 30 and is 14",
        "breaking  gone: the tool was removed",
        "3 changes (2 breaking)",
    ] {
        assert!(stdout(&breaking).contains(expected), "{expected}: {}", stdout(&breaking));
    }
    let as_json: Value = serde_json::from_slice(&run_in(path, &["check", "--json"], "").stdout).unwrap();
    let breaking = |change: &&Value| change["breaking"] == true;
    assert_eq!(as_json["changes"].as_array().unwrap().iter().filter(breaking).count(), 2, "{as_json}");

    fs::rename(&file, directory.path().join("other.json")).unwrap();
    assert_eq!(status(&run_in(path, &["check", "other.json"], "")), 1);
    fs::write(&file, "{").unwrap();
    let invalid = run_in(path, &["check"], "");
    assert!(
        status(&invalid) == 1 && stderr(&invalid).contains("tools.json is not JSON"),
        "{}",
        stderr(&invalid)
    );
}

#[test]
fn a_snapshot_is_that_of_the_tests() {
    let output = run_in(std::path::Path::new("."), &["snapshot", "-"], "");
    let tools: Value = serde_json::from_slice(&output.stdout).unwrap();
    let forecast = tools.as_array().unwrap().iter().find(|tool| tool["name"] == "forecast").unwrap();
    assert!(forecast["parameters"]["properties"]["city"].is_object() && forecast["outputSchema"].is_object());
}
