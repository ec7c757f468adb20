//! A fake CLI in a separate process, which ends in the way that `FAKE_CLI_FATES` names.
//!
//! `FAKE_CLI_FATES` names a file with a line for each time that the CLI is started: `METHOD FATE`. The CLI takes the
//! first line out, and meets its fate when the method is asked for. When no line is left it lives on.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use copilot::testing::{Answer, FakeCli};
use rustix::process::{Signal, getpid, kill_process};
use tokio::runtime::Builder;

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let cli = FakeCli::new();
        // The turn ends when the program ends it.
        cli.on_turn(|turn| async move {
            match turn.prompt() {
                "Wait." => std::future::pending().await,
                "Call." => drop(turn.call_tool("endless", serde_json::json!({})).await),
                _ => turn.say("OK."),
            }
        });
        // As the real one, which may be gone before it has answered.
        cli.on("runtime.shutdown", |_, _| -> Answer { std::process::exit(0) });
        if let Some((method, fate)) = next_fate() {
            cli.on(&method, move |_, asked| {
                meet(&fate, asked.cli());
                Answer::Never
            });
        }
        cli.serve(tokio::io::stdin(), tokio::io::stdout());
        cli.disconnected().await;
    });
    // A read of stdin may still be under way.
    std::process::exit(0);
}

/// Takes the first line out of the file.
fn next_fate() -> Option<(String, String)> {
    let file = std::env::var_os("FAKE_CLI_FATES")?;
    let fates = std::fs::read_to_string(&file).expect("the file of fates can be read");
    let (first, rest) = fates.split_once('\n')?;
    std::fs::write(&file, rest).expect("the file of fates can be written");
    let (method, fate) = first.split_once(' ')?;
    Some((method.to_owned(), fate.to_owned()))
}

fn meet(fate: &str, cli: &FakeCli) {
    eprintln!("out of cheese");
    let null = || OpenOptions::new().read(true).write(true).open("/dev/null").expect("there is nothing");
    match fate {
        "exit" => std::process::exit(3),
        "kill" => kill_process(getpid(), Signal::KILL).expect("it is itself"),
        // Lives on, and answers nothing.
        "stop" => cli.stop_reading(),
        // Lives on, and is heard no more.
        "close-stdout" => {
            cli.close_output();
            rustix::stdio::dup2_stdout(null()).expect("stdout can be closed");
        }
        // Is heard no more, and ends only by a signal.
        "linger" => {
            cli.stop_reading();
            cli.close_output();
            rustix::stdio::dup2_stdout(null()).expect("stdout can be closed");
        }
        // Lives on, and hears nothing more.
        "close-stdin" => {
            cli.stop_reading();
            rustix::stdio::dup2_stdin(null()).expect("stdin can be closed");
        }
        // Leaves a child that holds its pipes open.
        "leave-heir" => {
            let mut heir = Command::new("setsid");
            heir.args(["sleep", "20"]).stdin(Stdio::null()).stderr(Stdio::null());
            panic!("{}", heir.exec());
        }
        other => panic!("{other} is not a fate"),
    }
}
