//! A program that has a session with a shell command running in it, and then ends in the way that its argument names.
//!
//! `session-holder DIRECTORY STDIO-OR-TCP END`. It says `ready` once the command runs; the process that started it looks at what
//! it leaves behind.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use copilot::client::TransportKind;
use copilot::testing::{Script, ScriptedModel, hermetic_client};
use copilot::{Client, Permissions, Session};
use serde_json::json;

/// A client, its session, and the model that answers it.
struct Held {
    client: Client,
    session: Session,
    _model: ScriptedModel,
}

fn main() {
    let mut args = std::env::args().skip(1);
    let mut arg = || args.next().expect("three arguments");
    let (directory, transport, end) = (PathBuf::from(arg()), arg(), arg());
    let transport = if transport == "tcp" { TransportKind::Tcp } else { TransportKind::Stdio };
    let runtime = match end.as_str() {
        "drop-on-current-thread" => tokio::runtime::Builder::new_current_thread().enable_all().build(),
        _ => tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build(),
    };
    let runtime = runtime.expect("a runtime starts");
    let held = runtime.block_on(hold(&directory, transport));
    match end.as_str() {
        "wait" => runtime.block_on(std::future::pending()),
        "panic" => panic!("as requested"),
        "exit" => std::process::exit(3),
        "drop-the-runtime" => {
            drop(runtime);
            say("ended");
            // The processes that were started must be gone although the program continues.
            std::thread::sleep(Duration::MAX);
            drop(held);
        }
        "drop" | "drop-on-current-thread" => {
            drop(held);
            say("ended");
            std::thread::sleep(Duration::MAX);
        }
        "shutdown" => {
            runtime.block_on(async {
                held.session.close().await.expect("the session ends");
                held.client.shutdown().await.expect("the CLI ends");
            });
            say("ended");
            std::thread::sleep(Duration::MAX);
        }
        other => panic!("{other} is not a way to end"),
    }
}

/// Gets the shell command of a session running.
async fn hold(directory: &Path, transport: TransportKind) -> Held {
    let begun = directory.join("begun");
    // The shell becomes what it runs: the CLI misses a process that is forked while it ends the others.
    let command = format!("echo begun > '{}'; exec sleep 100000", begun.display());
    let script = Script::new().call("bash", json!({"command": command, "description": "wait"}));
    let model = ScriptedModel::start(script).await.expect("the script can be played");
    let client = hermetic_client(directory).transport(transport).env("SESSION_HOLDER", directory);
    let client = client.start().await.expect("the CLI starts");
    let session = client.session().scripted_model(&model).permissions(Permissions::approve_all());
    let session = session.start().await.expect("the session starts");
    session.send("Wait.").await.expect("the message is taken");
    while !begun.exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    say("ready");
    Held { client, session, _model: model }
}

fn say(word: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{word}").and_then(|()| out.flush()).expect("the test reads the output");
}
