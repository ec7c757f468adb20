//! `call`: arguments, results, approvals, questions and Ctrl-C.

use std::path::Path;

use serde_json::{Value, json};

use crate::{run, run_in, status, stderr, stdout, terminal};

/// Calls the tool that returns its arguments.
fn forecast(arguments: &[&str], input: &str) -> Value {
    let output = run_in(Path::new("."), &[&["call", "forecast"], arguments].concat(), input);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

#[test]
fn options_become_arguments() {
    let result = forecast(
        &[
            "--city",
            "Oslo",
            "--days",
            "5",
            "--unit",
            "celsius",
            "--place.lat",
            "59.9",
            "--place.lon=-10.7",
            "--tags",
            "a",
            "--tags",
            "b",
        ],
        "",
    );
    assert_eq!(
        result,
        json!({"city": "Oslo", "days": 5, "unit": "celsius", "place": {"lat": 59.9, "lon": -10.7}, "tags": ["a", "b"]})
    );
    assert_eq!(forecast(&["--city", "3"], "")["city"], "3");
    assert_eq!(forecast(&["--city", "x"], "")["days"], 3);
}

#[test]
fn arguments_come_as_json_from_stdin_or_the_command_line() {
    let input = r#"{"city": "Rome", "place": {"lat": 1, "lon": 2}}"#;
    let result = forecast(&["-", "--place.lat", "3", "--days", "2"], input);
    assert_eq!(result["place"], json!({"lat": 3.0, "lon": 2.0}));
    assert_eq!((&result["city"], &result["days"]), (&json!("Rome"), &json!(2)));
    assert_eq!(forecast(&[r#"{"city": "Oslo"}"#], "")["city"], "Oslo");
    for (input, problem) in [("[1]", "not a JSON object"), ("{", "not JSON")] {
        let refused = run_in(Path::new("."), &["call", "forecast", "-"], input);
        assert!(status(&refused) == 2 && stderr(&refused).contains(problem), "{}", stderr(&refused));
    }
}

#[test]
fn wrong_arguments_are_reported_as_to_a_model() {
    let wrong = run(&["call", "forecast", "--days", "many", "--place.lat", "1"]);
    let text = stderr(&wrong);
    assert_eq!((status(&wrong), stdout(&wrong).as_str()), (2, ""));
    for expected in ["do not fit", "`city` is missing", "`days`: expected", "`place.lon` is missing"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let choice = run(&["call", "forecast", "--city", "x", "--unit", "kelvin"]);
    assert!(status(&choice) == 2 && stderr(&choice).contains("celsius, fahrenheit"), "{}", stderr(&choice));
    let option = run(&["call", "forecast", "--citty", "x"]);
    assert!(status(&option) == 2 && stderr(&option).contains("--city"), "{}", stderr(&option));
}

#[test]
fn the_exit_status_is_that_of_the_result() {
    let failed = run(&["call", "fail", "--how", "weather"]);
    assert_eq!((status(&failed), stderr(&failed).as_str()), (1, "failure: there is no weather\n"));
    let refused = run(&["call", "fail", "--how", "refused"]);
    assert_eq!((status(&refused), stderr(&refused).as_str()), (3, "denied: not on Sundays\n"));
    let hidden = run(&["call", "fail", "--how", "hidden"]);
    assert!(status(&hidden) == 1 && !stderr(&hidden).contains("hunter2"), "{}", stderr(&hidden));
    let explained = run(&["call", "fail", "--how", "hidden", "--explain"]);
    assert!(status(&explained) == 1 && stderr(&explained).contains("hunter2"), "{}", stderr(&explained));
    let deferred = run(&["call", "refund", "--cents", "1"]);
    assert_eq!(status(&deferred), 1, "{}", stderr(&deferred));
}

#[test]
fn a_result_as_json_has_the_form_of_mcp() {
    let result: Value = serde_json::from_slice(&run(&["call", "picture", "--json"]).stdout).unwrap();
    assert_eq!((&result["resultType"], &result["content"][0]["type"]), (&json!("success"), &json!("image")));
    let plain = run(&["call", "picture"]);
    assert!(stderr(&plain).contains("1 parts are not text"), "{}", stderr(&plain));
    let failed: Value =
        serde_json::from_slice(&run(&["call", "--json", "fail", "--how", "x"]).stdout).unwrap();
    assert_eq!((&failed["isError"], &failed["resultType"]), (&json!(true), &json!("failure")));
}

#[test]
fn a_call_that_needs_an_approval_is_refused_without_a_terminal() {
    let refused = run(&["call", "delete_trip", "--name", "Rome"]);
    assert!(status(&refused) == 3 && stderr(&refused).contains("--yes"), "{}", stderr(&refused));
    let approved = run(&["call", "delete_trip", "--name", "Rome", "--yes"]);
    assert_eq!((status(&approved), stdout(&approved).as_str()), (0, "deleted Rome\n"));
}

#[test]
fn the_person_at_the_terminal_approves_with_a_key() {
    for (key, code, text) in [("y", 0, "deleted Rome"), ("n", 3, "you declined"), ("\x03", 3, "you declined")]
    {
        let mut terminal = terminal(&["call", "delete_trip", "--name", "Rome"], 80);
        terminal.wait_for("Run it? [y/N]");
        assert!(terminal.screen().contains(r#"{"name":"Rome"}"#) && !terminal.screen().contains("deleted"));
        terminal.keys(key);
        terminal.wait_for(text);
        assert_eq!(terminal.end().code(), Some(code));
    }
}

#[test]
fn a_tool_asks_the_person_at_the_terminal() {
    for (keys, answer) in [("2\r", "painted blue"), ("green\r", "painted green")] {
        let mut terminal = terminal(&["call", "colour"], 80);
        terminal.wait_for("2. blue\n> ");
        terminal.keys(keys);
        terminal.wait_for(answer);
        assert!(terminal.end().success());
    }
    let unanswered = run(&["call", "colour"]);
    assert_eq!(status(&unanswered), 1);
}

#[test]
fn ctrl_c_cancels_the_tool() {
    let mut terminal = terminal(&["call", "wait"], 80);
    terminal.wait_for(" 25 % a quarter");
    terminal.keys("\x03");
    terminal.wait_for("stopped in order");
    assert!(terminal.end().success());
}

#[test]
fn only_the_state_of_the_called_tool_is_needed() {
    let counted = run(&["call", "count_trips"]);
    assert_eq!((status(&counted), stdout(&counted).as_str()), (0, "7 trips\n"));
}
