//! `ask` and `chat`, with real key strokes.

use copilot_tests::terminal::Terminal;

use crate::{run, status, stderr, stdout, terminal, terminal_with};

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

/// A chat that waits for its first line.
fn chat(columns: u16) -> Terminal {
    let mut terminal = terminal(&["chat"], columns);
    terminal.wait_for("/help for help");
    prompt(&mut terminal);
    terminal
}

/// Waits until the last line is an empty prompt.
#[track_caller]
fn prompt(terminal: &mut Terminal) {
    terminal.wait_until("an empty prompt", |screen| {
        screen.trim_end_matches('\n').lines().last().is_some_and(|line| line.trim_end() == ">")
    });
}

#[track_caller]
fn leave(mut terminal: Terminal) {
    terminal.keys(CTRL_D);
    terminal.wait_for("acme chat --resume ");
    assert!(terminal.end().success());
}

#[test]
fn an_answer_is_shown_as_text_and_the_call_inline() {
    let mut terminal = chat(80);
    terminal.keys("weather\r");
    terminal.wait_for("Take gloves.");
    prompt(&mut terminal);
    let screen = terminal.screen();
    assert!(screen.contains("● forecast {\"city\":\"Oslo\"}"), "{screen}");
    assert!(screen.contains("It is cold in Oslo.\n\n• snow\n• ice\n\nTake gloves."), "{screen}");
    let result = screen.lines().find(|line| line.starts_with("  ✓")).unwrap();
    assert!(result.contains(r#""city":"Oslo""#) && result.chars().count() <= 80, "{result}");
    leave(terminal);
}

#[test]
fn lines_are_edited_and_remembered() {
    let mut terminal = chat(80);
    // Left twice, and a letter is inserted.
    terminal.keys("helo");
    terminal.wait_for("> helo");
    terminal.keys("\x1b[D");
    terminal.keys("l\r");
    terminal.wait_for("You said: hello");
    prompt(&mut terminal);
    terminal.keys("\x1b[A");
    terminal.wait_until("the line again", |screen| screen.trim_end().ends_with("> hello"));
    terminal.keys("\x01oh \r");
    terminal.wait_for("You said: oh hello");
    prompt(&mut terminal);
    leave(terminal);
}

#[test]
fn a_permission_is_decided_by_a_key() {
    for (key, result) in [("y", "success"), ("n", "denied"), ("a", "success")] {
        let mut terminal = chat(80);
        terminal.keys("delete\r");
        terminal.wait_for("Allow? [y]es, [n]o");
        assert!(terminal.screen().contains("delete_trip {\"name\":\"Rome\"}"), "{}", terminal.screen());
        assert!(!terminal.screen().contains("deleted Rome"));
        terminal.keys(key);
        terminal.wait_for(&format!("The result is {result}."));
        prompt(&mut terminal);
        leave(terminal);
    }
}

#[test]
fn a_key_that_was_pressed_before_the_question_decides_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gate");
    let gate = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let variables = [("TOOLBOX_GATE", path.to_str().unwrap())];
    let mut terminal = terminal_with(&["chat"], 80, &variables);
    terminal.wait_for("/help for help");
    prompt(&mut terminal);
    terminal.keys("delete later\r");
    let (waits, _) = gate.accept().unwrap();
    // The echo of the key shows that the terminal has it.
    terminal.keys("a\x1d");
    terminal.wait_for("^]");
    drop(waits);
    terminal.wait_for("Allow? [y]es, [n]o");
    terminal.keys("n");
    terminal.wait_for("The result is ");
    assert!(terminal.screen().contains("The result is denied."), "{}", terminal.screen());
    prompt(&mut terminal);
    leave(terminal);
}

#[test]
fn a_question_of_a_tool_is_answered() {
    let mut terminal = chat(80);
    terminal.keys("colour\r");
    terminal.wait_for("Which colour?");
    terminal.wait_for("2. blue\n> ");
    terminal.keys("1\r");
    terminal.wait_for("painted red");
    terminal.wait_for("Painted.");
    prompt(&mut terminal);
    leave(terminal);
}

#[test]
fn ctrl_c_stops_the_answer_and_a_second_one_leaves() {
    let mut terminal = chat(80);
    terminal.keys("wait\r");
    terminal.wait_for("Waiting now.");
    terminal.keys(CTRL_C);
    terminal.wait_for("(stopped)");
    prompt(&mut terminal);
    // The chat continues.
    terminal.keys("again\r");
    terminal.wait_for("You said: again");
    prompt(&mut terminal);
    terminal.keys("wait\r");
    terminal.wait_until("the second wait", |screen| screen.matches("Waiting now.").count() == 2);
    terminal.keys(CTRL_C);
    terminal.wait_until("the second stop", |screen| screen.matches("(stopped)").count() == 2);
    prompt(&mut terminal);
    terminal.keys(CTRL_C);
    terminal.wait_for("acme chat --resume ");
    assert!(terminal.end().success());
}

#[test]
fn ctrl_c_at_the_prompt_asks_once_more() {
    let mut terminal = chat(80);
    terminal.keys(CTRL_C);
    terminal.wait_for("Ctrl-C again to leave");
    prompt(&mut terminal);
    terminal.keys(CTRL_C);
    assert!(terminal.end().success());
}

#[test]
fn the_spinner_shows_the_time_and_leaves() {
    let mut terminal = chat(80);
    terminal.keys("slow\r");
    terminal.wait_for("thinking 0 s");
    terminal.wait_for("Done.");
    prompt(&mut terminal);
    assert!(!terminal.screen().contains("thinking"), "{}", terminal.screen());
    leave(terminal);
}

#[test]
fn commands_of_the_chat() {
    let mut terminal = chat(100);
    for (line, expected) in [
        ("/tools", "delete_trip  Delete a trip."),
        ("/model", "model gpt-5"),
        ("/model gpt-6", "model gpt-6"),
        ("/usage", "0 requests to the model"),
        ("usage", "Counted."),
        ("/usage", "1 request to the model, 1200 tokens sent (0 from the cache), 34 received"),
        ("/nonsense", "/nonsense is not a command"),
        ("break", "error: the model is out of order"),
    ] {
        terminal.keys(&format!("{line}\r"));
        terminal.wait_for(expected);
        prompt(&mut terminal);
    }
    // Tab completes the command.
    terminal.keys("/us\t");
    terminal.wait_until("a completed command", |screen| screen.trim_end().ends_with("> /usage"));
    terminal.keys("\r");
    prompt(&mut terminal);
    terminal.keys("/exit\r");
    assert!(terminal.end().success());
}

#[test]
fn an_earlier_session_continues() {
    let earlier = [("TOOLBOX_EARLIER", "1")];
    let mut terminal = terminal_with(&["chat", "--resume", "earlier"], 80, &earlier);
    terminal.wait_for("continuing session earlier");
    terminal.wait_for("> Remember 42.");
    terminal.wait_for("You said: Remember 42.");
    prompt(&mut terminal);
    // The history has the messages of the session.
    terminal.keys("\x1b[A");
    terminal.wait_until("the earlier line", |screen| screen.trim_end().ends_with("> Remember 42."));
    terminal.keys("\x15");
    terminal.keys("/new\r");
    prompt(&mut terminal);
    terminal.keys("/sessions\r");
    terminal.wait_for("SESSION");
    prompt(&mut terminal);
    terminal.keys("/resume earlier\r");
    terminal.wait_until("twice", |screen| screen.matches("continuing session earlier").count() == 2);
    prompt(&mut terminal);
    terminal.keys("/resume none\r");
    terminal.wait_for("the session was not opened");
    prompt(&mut terminal);
    leave(terminal);

    let mut terminal = terminal_with(&["chat", "--resume"], 80, &earlier);
    terminal.wait_for("1. earlier");
    terminal.keys("1\r");
    terminal.wait_for("continuing session earlier");
    prompt(&mut terminal);
    leave(terminal);
    let mut terminal = terminal_with(&["chat", "--continue"], 80, &earlier);
    terminal.wait_for("continuing session earlier");
    prompt(&mut terminal);
    leave(terminal);
    let none = run(&["chat", "--continue"]);
    assert!(status(&none) == 1 && stderr(&none).contains("there is no earlier session"), "{}", stderr(&none));
}

#[test]
fn text_of_the_model_cannot_control_the_terminal() {
    let mut terminal = chat(80);
    terminal.keys("control\r");
    terminal.wait_for("titlec");
    prompt(&mut terminal);
    let written = String::from_utf8_lossy(terminal.written()).into_owned();
    assert!(written.contains("a\u{fffd}[31mb\u{fffd}]0;title\u{fffd}c"), "{written:?}");
    leave(terminal);
}

#[test]
fn a_chat_without_a_terminal_reads_lines() {
    let output = crate::run_in(std::path::Path::new("."), &["chat"], "hello\n/usage\n");
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("You said: hello"), "{}", stdout(&output));
}

#[test]
fn ask_prints_the_answer() {
    let plain = run(&["ask", "weather"]);
    assert_eq!(status(&plain), 0, "{}", stderr(&plain));
    assert!(
        stdout(&plain).ends_with("It is **cold** in Oslo.\n\n- snow\n- ice\n\nTake `gloves`.\n"),
        "{}",
        stdout(&plain)
    );
    let piped = crate::run_in(std::path::Path::new("."), &["ask"], "from stdin");
    assert!(stdout(&piped).contains("You said: from stdin"));
    let failed = run(&["ask", "break"]);
    assert_eq!(status(&failed), 1);

    let mut terminal = terminal(&["ask", "weather"], 60);
    terminal.wait_for("• snow");
    assert!(terminal.end().success());
    assert!(terminal.screen().contains("It is cold in Oslo."), "{}", terminal.screen());
}

#[test]
fn an_answer_wraps_at_words_in_a_narrow_terminal() {
    let mut terminal =
        terminal(&["ask", "one two three four five six 天気 天気 天気 天気 天気 天気 seven"], 30);
    assert!(terminal.end().success());
    assert_eq!(
        terminal.screen().trim_end(),
        "You said: one two three four\nfive six 天気 天気 天気 天気\n天気 天気 seven"
    );
}

#[test]
fn ask_needs_a_terminal_or_a_switch_for_approvals() {
    assert!(stdout(&run(&["ask", "delete"])).contains("The result is denied."));
    assert!(stdout(&run(&["ask", "delete", "--yes"])).contains("The result is success."));
}

#[test]
fn a_deferred_call_does_not_hold_the_chat() {
    let mut terminal = chat(80);
    terminal.keys("refund\r");
    terminal.wait_for("`refund` waits for a person; `pending` lists it");
    prompt(&mut terminal);
    leave(terminal);
}

#[test]
fn a_second_ctrl_c_leaves_a_cli_that_does_not_answer() {
    let mut terminal = terminal_with(&["ask", "wait"], 80, &[("TOOLBOX_HANGS", "session.abort")]);
    terminal.wait_for("Waiting now.");
    terminal.keys(CTRL_C);
    terminal.wait_for("stopping; Ctrl-C again leaves");
    terminal.keys(CTRL_C);
    assert_eq!(terminal.end().code(), Some(130));
}

#[test]
fn ctrl_c_ends_a_chat_that_starts() {
    let mut terminal = terminal_with(&["chat"], 80, &[("TOOLBOX_HANGS", "connect")]);
    terminal.wait_for("starting the Copilot CLI 0 s");
    terminal.keys(CTRL_C);
    assert_eq!(terminal.end().code(), Some(130));
    assert!(!terminal.screen().contains("error"), "{}", terminal.screen());
}

#[test]
fn ctrl_c_ends_ask() {
    let mut terminal = terminal(&["ask", "wait"], 80);
    terminal.wait_for("Waiting now.");
    terminal.keys(CTRL_C);
    assert_eq!(terminal.end().code(), Some(130));
}
