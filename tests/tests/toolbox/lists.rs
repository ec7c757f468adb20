//! `list`, `schema`, `skill`, `completions` and the help.

use serde_json::{Value, json};

use crate::{run, run_in, status, stderr, stdout, terminal};

/// Returns whether the program has written an escape sequence that sets a colour or a style.
fn has_colours(written: &[u8]) -> bool {
    let text = String::from_utf8_lossy(written);
    text.split("\x1b[")
        .skip(1)
        .any(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m'))
}

#[test]
fn a_wide_terminal_shows_a_table() {
    let mut terminal = terminal(&["list"], 120);
    assert!(terminal.end().success());
    let screen = terminal.screen();
    let lines: Vec<&str> = screen.lines().collect();
    assert!(lines[0].starts_with("NAME") && lines[0].contains("TOKENS"), "{screen}");
    let column = |line: &str, text: &str| line.find(text).unwrap_or_else(|| panic!("{text}: {screen}"));
    let count = lines.iter().find(|line| line.starts_with("count_trips")).unwrap();
    assert_eq!(column(count, "travel"), column(lines[0], "GROUP"));
    assert_eq!(column(count, "u32"), column(lines[0], "STATE"));
    assert!(
        count.contains("read only") && count.contains("toolbox-program.rs:") && count.contains(" ~"),
        "{count}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("delete_trip") && line.contains("destructive")),
        "{screen}"
    );
    assert!(has_colours(terminal.written()));
}

#[test]
fn a_narrow_terminal_wraps() {
    for columns in [60, 30] {
        let mut terminal = terminal(&["list"], columns);
        assert!(terminal.end().success());
        let written = String::from_utf8_lossy(terminal.written()).into_owned();
        let mut plain = vec![String::new()];
        let mut in_escape = false;
        for character in written.chars() {
            match character {
                '\x1b' => in_escape = true,
                _ if in_escape => in_escape = character != 'm',
                '\n' => plain.push(String::new()),
                '\r' => {}
                character => plain.last_mut().unwrap().push(character),
            }
        }
        let too_long: Vec<_> =
            plain.iter().filter(|line| line.chars().count() > usize::from(columns)).collect();
        assert!(too_long.is_empty(), "{columns}: {too_long:?}");
        assert!(plain.iter().any(|line| line.contains("forecast")), "{plain:?}");
    }
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    assert!(!has_colours(&run(&["list"]).stdout));
    let mut command = crate::program(&["list"]);
    command.env("CLICOLOR_FORCE", "1");
    assert!(has_colours(&command.output().unwrap().stdout), "the colours can be forced");
    let shell = pty_process::blocking::Command::new("sh").args([
        "-c",
        "NO_COLOR=1 \"$0\" list",
        env!("CARGO_BIN_EXE_toolbox-program"),
    ]);
    let mut terminal = copilot_tests::terminal::Terminal::start(shell, 24, 100);
    assert!(terminal.end().success());
    assert!(terminal.screen().contains("forecast") && !has_colours(terminal.written()));
}

#[test]
fn a_list_as_json_and_the_schemas() {
    let list: Value = serde_json::from_slice(&run(&["list", "--json"]).stdout).unwrap();
    let forecast = list.as_array().unwrap().iter().find(|tool| tool["name"] == "forecast").unwrap();
    assert_eq!((&forecast["group"], &forecast["hints"]), (&json!("weather"), &json!(["read only"])));
    assert!(
        forecast["source"]["line"].as_u64() > Some(1) && forecast["tokens"].as_u64() > Some(10),
        "{forecast}"
    );

    let schema: Value = serde_json::from_slice(&run(&["schema", "forecast"]).stdout).unwrap();
    assert_eq!(schema["properties"]["days"]["maximum"], 14);
    let output: Value = serde_json::from_slice(&run(&["schema", "forecast", "--output"]).stdout).unwrap();
    assert!(output["properties"]["city"].is_object(), "{output}");
    let unknown = run(&["schema", "forcast"]);
    assert!(status(&unknown) == 2 && stderr(&unknown).contains("forecast"), "{}", stderr(&unknown));
}

#[test]
fn the_help_has_the_options_of_a_tool() {
    let help = run(&["call", "forecast", "--help"]);
    let text = stdout(&help);
    assert_eq!(status(&help), 0);
    for expected in [
        "acme call forecast --city <TEXT>",
        "--city",
        "(required)",
        "--days",
        "[1 to 14]",
        "[default: 3]",
        "celsius, fahrenheit",
        "--place.lat",
        "--tags",
        "[repeat for more]",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert_eq!(stdout(&run(&["--version"])).trim(), "acme 1.2.3");
    assert_eq!((status(&run(&["nonsense"])), status(&run(&[]))), (2, 2));
}

#[test]
fn the_skill_names_every_tool() {
    let directory = tempfile::tempdir().unwrap();
    let written = run_in(directory.path(), &["skill"], "");
    assert_eq!(status(&written), 0, "{}", stderr(&written));
    let text = std::fs::read_to_string(directory.path().join("SKILL.md")).unwrap();
    assert!(text.starts_with("---\nname: acme\ndescription: \"Tools of Acme. Use it to: "), "{text}");
    for expected in [
        "acme call forecast --city TEXT",
        "- `--unit` (celsius|fahrenheit): ",
        "## delete_trip",
        "Needs an approval",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert_eq!(stdout(&run(&["skill", "-"])), text);
}

#[test]
fn completions_know_the_tools_and_their_options() {
    for (shell, mark) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef acme"),
        ("fish", "complete -c acme"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = stdout(&run(&["completions", shell]));
        // The generator writes no values for PowerShell.
        let value = if shell == "powershell" { "--unit" } else { "fahrenheit" };
        for expected in [mark, "forecast", value, "place.lat"] {
            assert!(script.contains(expected), "{shell} lacks {expected}");
        }
    }
    // The shell that every Linux has accepts it.
    let check = std::process::Command::new("bash")
        .args(["-n", "/dev/stdin"])
        .stdin(std::process::Stdio::piped())
        .spawn();
    let Ok(mut check) = check else { return };
    std::io::Write::write_all(&mut check.stdin.take().unwrap(), &run(&["completions", "bash"]).stdout)
        .unwrap();
    assert!(check.wait().unwrap().success());
}
