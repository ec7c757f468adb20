//! Every example runs, and shows what it says it shows.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use copilot::client::TransportKind;
use copilot::testing::hermetic_client;
use copilot_tests::otlp::Otlp;

/// The example as `cargo test` has built it beside this test, or else by way of cargo.
fn command(example: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let built = test.ancestors().nth(2).unwrap().join("examples").join(example);
    if built.exists() {
        return Command::new(built);
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--offline", "--package", "copilot-examples", "--example", example, "--"]);
    cargo
}

/// Starts an example whose files, the CLI's own included, are below `home`.
fn start(mut example: Command, home: &Path) -> Child {
    example.env("COPILOT_HOME", home.join("state")).env("TMPDIR", home);
    example.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Runs an example that reads this; what it printed.
fn run_in(home: &Path, example: Command, input: &str) -> String {
    let mut child = start(example, home);
    // One that reads nothing may be over already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);
    stdout.into_owned()
}

fn assert_nothing_is_left(home: &Path) {
    let left: Vec<_> = home.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let ours = |name: &OsString| name == "state" || name.to_string_lossy().starts_with("copilot-");
    assert!(!left.iter().any(ours), "{left:?} is left behind");
}

fn assert_prints(printed: &str, lines: &[&str]) {
    for line in lines {
        assert!(printed.contains(line), "{line:?} is not in:\n{printed}");
    }
}

/// Runs an example, which must leave nothing behind and print these lines.
fn prints(example: &str, lines: &[&str]) {
    answers(example, "", lines);
}

/// Runs an example that reads `input`.
fn answers(example: &str, input: &str, lines: &[&str]) {
    let home = tempfile::tempdir().unwrap();
    assert_prints(&run_in(home.path(), command(example), input), lines);
    assert_nothing_is_left(home.path());
}

#[test]
fn every_example_is_tested() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let names = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for name in names.filter_map(|name| name.strip_suffix(".rs").map(str::to_owned)) {
        assert!(include_str!("examples.rs").contains(&format!("{name:?}")), "{name} has no test here");
    }
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
fn evals() {
    prints(
        "evals",
        &[
            "refunds       terse ",
            "small refund  FAIL  0/3 ",
            "ok    3/3 ",
            r#"expected a call of `refund` with arguments that meet the predicate; the calls were refund({"amount":4,"order":17})"#,
            "the baseline is written",
            "no changes against the baseline",
            "passed: false",
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
fn tools_over_mcp() {
    prints("tools_over_mcp", &[r#"{"left":2}"#, "only 2 are left", "the store has two left"]);
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

#[test]
fn permissions() {
    let lines = ["User feedback: no shell commands", "May it run forget_everything?"];
    answers("permissions", "\n", &[&lines[..], &["no one could answer"]].concat());
    answers("permissions", "y\n", &[&lines[..], &["gave: nothing is left"]].concat());
}

#[test]
fn hooks() {
    prints("hooks", &["Ada, card ****", "gave: 500 cents refunded", "Ada got 5.00 back."]);
}

#[test]
fn inference() {
    prints("inference", &["POST http://nowhere.invalid/v1", "gave: 5", "You rolled a 5, which wins."]);
}

#[test]
fn session_fs() {
    prints(
        "session_fs",
        &["Bread is on the list.", "- milk\n- bread", "/session-state/events.jsonl", "For bread."],
    );
}

#[test]
fn any_machine() {
    let lines = ["The first worker is killed", "9 of 9 turns have ended", "9 of 9 orders are charged once"];
    prints("any_machine", &lines);
}

#[test]
fn toolbox() {
    let run = |arguments: &[&str], input: &str| {
        let home = tempfile::tempdir().unwrap();
        let mut example = command("toolbox");
        example.args(arguments);
        let printed = run_in(home.path(), example, input);
        assert_nothing_is_left(home.path());
        printed
    };
    assert_prints(&run(&["list"], ""), &["forecast", "destructive", "Mutex<Vec<Trip>>"]);
    assert_prints(&run(&["call", "forecast", "--city", "Oslo"], ""), &["Oslo, 3 days: snow, -6"]);
    let chat = run(&["chat", "--scripted"], "How is Oslo?\nBook it.\nCancel it.\n");
    assert_prints(
        &chat,
        &["● forecast", "It will be **cold**", "✓", "Booked: **two days**", "✗", "As you wish."],
    );
}

/// The whole trace of the program, the CLI and the tool, as a collector receives it.
#[test]
fn traced() {
    let (home, collector) = (tempfile::tempdir().unwrap(), Otlp::start());
    let mut example = command("traced");
    example.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url());
    let printed = run_in(home.path(), example, "");
    assert_prints(&printed, &["gave: order 7: two lamps, shipped", "Your two lamps are on their way."]);
    assert_nothing_is_left(home.path());
    let trace = collector.tree("handle_request", |span| {
        // How long the phases of the CLI's start took.
        if span.name.starts_with("session.") {
            return None;
        }
        let known = |name: &&String| {
            let by_library = span.service == "shop" && !name.starts_with("code.");
            let volatile = ["usage", "_ns", "_wait", "thread.", "target", "response.id"];
            (by_library || name.starts_with("gen_ai.tool.") || *name == "error.type")
                && !volatile.iter().any(|part| name.contains(part))
        };
        let mut line = format!("{} | {} {}", span.service, span.kind, span.name);
        for (name, value) in span.attributes.iter().filter(|(name, _)| known(name)) {
            let value = match name.as_str() {
                "gen_ai.conversation.id" | "copilot.message.id" => "<id>",
                _ => value,
            };
            line.push_str(&format!("; {name}={value}"));
        }
        for event in &span.events {
            if span.service == "shop" {
                line.push_str(&format!("; event {event:?}"));
            }
        }
        if span.is_error {
            line.push_str("; ERROR");
        }
        Some(line)
    });
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/meta/traced.txt");
        std::fs::write(golden, &trace).unwrap();
    }
    assert_eq!(trace, include_str!("traced.txt"), "{trace}");
    let measured = collector.metrics("shop");
    for name in ["gen_ai.client.operation.duration", "gen_ai.client.token.usage", "copilot.events.queued"] {
        assert!(measured.iter().any(|measured| measured == name), "{name} in {measured:?}");
    }
}

#[test]
fn mcp_server() {
    prints("mcp_server", &["dice is Connected", r#"[dice-roll] {"sides":6}"#, "gave: a 4"]);
}

#[test]
fn custom_agent() {
    prints("custom_agent", &["gave: hello: salve", "It is `Salve`.", "Bonum vesperum."]);
}

#[test]
fn image_input() {
    prints("image_input", &["It is red."]);
}

#[test]
fn cassette() {
    prints(
        "cassette",
        &[
            "recorded: I have refunded order 42.",
            "replayed: I have refunded order 42.",
            "the key is in it: false",
            r#".call("refund", json!({"order":42}))"#,
        ],
    );
}

#[test]
fn byok() {
    prints("byok", &["I run on your machine."]);
}

#[test]
fn structured_output() {
    prints("structured_output", &["2 of 5", "line 1: Bug: it divides by zero"]);
}

#[test]
fn questions() {
    let asked = ["/season it is spring", r#"? Which colour? ["green", "blue"]"#, "? How many coats?"];
    answers("questions", "green\ntwo\n", &[&asked[..], &["gave: two coats of green"]].concat());
    answers("questions", "", &[&asked[..], &["unable to respond", "the user does not say"]].concat());
}

#[test]
fn resume() {
    let home = tempfile::tempdir().unwrap();
    assert_prints(&run_in(home.path(), command("resume"), ""), &["I will.", "Run me again."]);
    assert_prints(&run_in(home.path(), command("resume"), ""), &["This conversation has", "It was 42."]);
    assert_nothing_is_left(home.path());
}

#[test]
fn approvals() {
    for (answer, expected) in [("y\n", "You get 42.00 back."), ("\n", "I cannot refund that.")] {
        let home = tempfile::tempdir().unwrap();
        let run = |mode: &str, input: &str| {
            let mut example = command("approvals");
            example.arg(mode);
            run_in(home.path(), example, input)
        };
        assert_prints(&run("agent", ""), &["`refund` waits for a person."]);
        let inbox = run("inbox", answer);
        assert_prints(&inbox, &["? Refund 4200 cents for order A-17?", expected, "Nothing else waits."]);
        assert_nothing_is_left(home.path());
    }
}

#[test]
fn remote_cli() {
    prints("remote_cli", &["a guess: the CLI was started with another", "I am over here.", "still there"]);
}

#[tokio::test]
async fn remote_cli_connects_to_the_given_address() {
    let home = tempfile::tempdir().unwrap();
    let client = hermetic_client(home.path().join("host")).cwd(home.path());
    let client = client.transport(TransportKind::Tcp).connection_token("ours").start().await.unwrap();
    let mut example = command("remote_cli");
    example.arg(client.address().unwrap()).env("COPILOT_CONNECTION_TOKEN", "ours");
    let directory = home.path().to_owned();
    let printed = tokio::task::spawn_blocking(move || run_in(&directory, example, "")).await.unwrap();
    assert_prints(&printed, &["a guess: the CLI was started with another", "I am over here."]);
    assert!(!printed.contains("still there"));
    client.ping("still there").await.unwrap();
    client.shutdown().await.unwrap();
}

#[test]
fn streaming_chat_ends_with_its_input() {
    answers("streaming_chat", "hello\n", &["> I only say what is written down for me. Say more!\n"]);
}

#[cfg(unix)]
#[test]
fn streaming_chat_stops_an_answer_and_then_ends_on_ctrl_c() {
    use rustix::process::{Pid, Signal, kill_process};

    let home = tempfile::tempdir().unwrap();
    let mut chat = start(command("streaming_chat"), home.path());
    let id = Pid::from_child(&chat);
    let interrupt = || kill_process(id, Signal::INT).unwrap();
    let mut terminal = Terminal(chat.stdin.take().unwrap(), chat.stdout.take().unwrap());
    terminal.read_until("> ");
    terminal.write("hello\n");
    terminal.read_until("Say more!");
    terminal.read_until("> ");
    terminal.write("count\n");
    terminal.read_until("5 6 7");
    assert!(cfg!(not(target_os = "linux")) || processes_of(home.path()) > 1, "the CLI runs");
    interrupt();
    terminal.read_until("(stopped)");
    terminal.read_until("> ");
    terminal.write("continue\n");
    terminal.read_until("Say more!");
    terminal.read_until("> ");
    interrupt();
    let status = chat.wait().unwrap();
    assert!(status.success(), "{status}");
    // A killed process may take a moment to end.
    while processes_of(home.path()) > 0 {
        std::thread::yield_now();
    }
    assert_nothing_is_left(home.path());
}

/// The input and output of a person at the terminal.
#[cfg(unix)]
struct Terminal(ChildStdin, ChildStdout);

#[cfg(unix)]
impl Terminal {
    fn write(&mut self, line: &str) {
        self.0.write_all(line.as_bytes()).unwrap();
    }

    fn read_until(&mut self, text: &str) {
        let mut read = Vec::new();
        while !read.ends_with(text.as_bytes()) {
            let mut byte = [0];
            let end = self.1.read(&mut byte).unwrap() == 0;
            assert!(!end, "{text:?} did not come:\n{}", String::from_utf8_lossy(&read));
            read.push(byte[0]);
        }
    }
}

/// How many processes have their files below this directory, as far as the system reports them.
#[cfg(unix)]
fn processes_of(home: &Path) -> usize {
    let marker = format!("TMPDIR={}", home.display());
    let Ok(processes) = Path::new("/proc").read_dir() else { return 0 };
    let environments =
        processes.flatten().filter_map(|entry| std::fs::read(entry.path().join("environ")).ok());
    environments
        .filter(|environment| environment.split(|byte| *byte == 0).any(|entry| entry == marker.as_bytes()))
        .count()
}
