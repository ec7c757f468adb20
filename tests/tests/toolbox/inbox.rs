//! `pending`: the inbox.

use serde_json::{Value, json};

use crate::{program, status, stderr, stdout, terminal_with};

const WAITS: [(&str, &str); 2] = [("TOOLBOX_EARLIER", "1"), ("TOOLBOX_WAITS", "1")];

#[test]
fn requests_are_listed_and_answered_by_options() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("decision");
    let with =
        |arguments: &[&str]| program(arguments).envs(WAITS).env("TOOLBOX_DECISION", &file).output().unwrap();
    let listed = with(&["pending", "--json"]);
    let entries: Value =
        serde_json::from_slice(&listed.stdout).unwrap_or_else(|_| panic!("{}", stderr(&listed)));
    assert_eq!((&entries[0]["request"], &entries[0]["session"]), (&json!("p1"), &json!("earlier")));
    assert_eq!(entries[0]["command"], "rm trips");
    assert!(stdout(&with(&["pending", "earlier"])).contains("p1 permission"));
    let controls = |arguments: &[&str]| {
        let output =
            program(arguments).envs(WAITS).env("TOOLBOX_COMMAND", "rm a\n! \u{9b}2J").output().unwrap();
        assert!(!stdout(&output).contains('\u{9b}'), "{output:?}");
        stdout(&output)
    };
    let json: Value = serde_json::from_str(&controls(&["pending", "--json"])).unwrap();
    assert_eq!(json[0]["command"], "rm a\n! \u{9b}2J");
    assert!(controls(&["pending"]).contains("p1 permission"));
    assert!(!file.exists(), "a list decides nothing");

    let denied = with(&["pending", "--deny", "p1", "--reason", "not today"]);
    assert_eq!(status(&denied), 0, "{}", stderr(&denied));
    let decision: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!((&decision["requestId"], &decision["result"]["kind"]), (&json!("p1"), &json!("reject")));
    assert!(decision.to_string().contains("not today"), "{decision}");
    let unknown = with(&["pending", "--approve", "p2"]);
    assert!(status(&unknown) == 1 && stderr(&unknown).contains("no session waits for the request p2"));
}

#[test]
fn the_person_decides_at_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("decision");
    let command = ("TOOLBOX_COMMAND", "rm trips\n! read notes");
    let variables = [WAITS[0], WAITS[1], ("TOOLBOX_DECISION", file.to_str().unwrap()), command];
    let mut terminal = terminal_with(&["pending"], 80, &variables);
    terminal.wait_for("Allow? [y]es, [n]o, [l]ater");
    assert!(terminal.screen().contains("rm trips\\n! read notes\n"), "{}", terminal.screen());
    terminal.keys("n");
    terminal.wait_for("acme chat --resume earlier");
    assert!(terminal.end().success());
    assert!(std::fs::read_to_string(&file).unwrap().contains("the person at the terminal declined"));
}

#[test]
fn a_session_that_cannot_be_opened_hides_no_other() {
    let listed = program(&["pending"]).envs(WAITS).env("TOOLBOX_BROKEN", "1").output().unwrap();
    assert_eq!(status(&listed), 1, "{}", stdout(&listed));
    assert!(stderr(&listed).contains("session broken was not opened"), "{}", stderr(&listed));
    assert!(stdout(&listed).contains("p1 permission"), "{}", stdout(&listed));
}

#[test]
fn an_empty_inbox_says_so() {
    let output = program(&["pending"]).env("TOOLBOX_EARLIER", "1").output().unwrap();
    assert_eq!((status(&output), stdout(&output).as_str()), (0, "nothing waits\n"), "{}", stderr(&output));
}

#[test]
fn a_deferred_call_is_answered_at_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("answers");
    let variables = [WAITS[0], ("TOOLBOX_DEFERRED", "1"), ("TOOLBOX_ANSWERS", file.to_str().unwrap())];
    for (keys, question, expected) in [("a", true, "42"), ("d", false, "the person at the terminal declined")]
    {
        let mut terminal = terminal_with(&["pending"], 80, &variables);
        terminal.wait_for("Answer? [a]nswer with JSON, [d]eny, [l]ater");
        assert!(terminal.screen().contains(r#"refund {"cents":4200}"#), "{}", terminal.screen());
        terminal.keys(keys);
        if question {
            terminal.wait_for("The result, as JSON");
            terminal.keys("42\r");
        }
        terminal.wait_for("acme chat --resume earlier");
        assert!(terminal.end().success());
        let answers = std::fs::read_to_string(&file).unwrap();
        assert!(answers.contains(&format!(r#""textResultForLlm":"{expected}""#)), "{answers}");
    }
}
