//! Starting a CLI: what it hands on to the processes that it starts, programs that are not a CLI, and inputs that are
//! refused before anything is started or sent.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use copilot::client::TransportKind;
use copilot::discovery::Discovery;
use copilot::mcp::McpServer;
use copilot::skills::Skills;
use copilot::testing::{Script, ScriptedModel, hermetic_client};
use copilot::{Attachment, Client, ClientBuilder, Error, ErrorKind, Message, Permissions};
use copilot_tests::fake::Fake;
use copilot_tests::tested;
use serde_json::json;
use tempfile::TempDir;

/// Only so that a test that fails ends.
const LONG: Duration = Duration::from_secs(20);

const FAKE_CLI: &str = env!("CARGO_BIN_EXE_fake-cli");

/// A program that stands in for a CLI.
fn program(directory: &TempDir, content: impl AsRef<[u8]>, mode: u32) -> PathBuf {
    let path = directory.path().join("copilot");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

fn shell(directory: &TempDir, script: &str) -> PathBuf {
    program(directory, format!("#!/bin/sh\n{script}\n"), 0o755)
}

/// The error of a client that cannot start.
async fn refusal(builder: ClientBuilder) -> Error {
    builder.auto_restart(false).start().await.expect_err("it is not a CLI")
}

/// The names and values in the environment that a process has written down.
fn environment(file: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[tokio::test]
async fn the_processes_that_a_cli_starts_have_no_token_of_the_client() {
    if !tested::since([1, 0, 57]) {
        return tested::not_supported("it is refused with a token or over TCP");
    }
    let state = tempfile::tempdir().unwrap();
    let at = |name: &str| state.path().join(name);
    let hooks = at(".github/hooks");
    fs::create_dir_all(&hooks).unwrap();
    let command = format!("env > {}", at("hook").display());
    let hook = json!({"version": 1, "hooks": {"sessionStart": [{"type": "command", "bash": command}]}});
    fs::write(hooks.join("start.json"), hook.to_string()).unwrap();
    let printing = format!("env > {}", at("shell").display());
    let script =
        Script::new().call("bash", json!({"command": printing, "description": "Print"})).say("Done.");
    let model = ScriptedModel::start(script).await.unwrap();
    let client = hermetic_client(state.path())
        .transport(TransportKind::Tcp)
        .connection_token("connection-hunter2")
        .github_token("gho_hunter2")
        // Nothing leaves this machine.
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .env("https_proxy", "http://127.0.0.1:9")
        .env("OF_THE_USER", "kept")
        .start()
        .await
        .unwrap();
    let server = format!("env > {}; exec {}", at("mcp").display(), env!("CARGO_BIN_EXE_mcp-echo"));
    let session = client
        .session()
        .scripted_model(&model)
        .permissions(Permissions::approve_all())
        .discovery(Discovery::new().file_hooks(true))
        .mcp_server("printer", McpServer::stdio("sh").args(["-c", &server]))
        .start()
        .await
        .unwrap();
    assert_eq!(session.ask("Print it.").await.unwrap().text(), "Done.");
    client.shutdown().await.unwrap();
    for what in ["shell", "mcp", "hook"] {
        let variables = environment(&at(what));
        assert!(variables.contains(&("OF_THE_USER".to_owned(), "kept".to_owned())), "{what}: {variables:?}");
        for (name, value) in &variables {
            assert!(!value.contains("hunter2"), "{what} has {name}={value}");
        }
    }
}

#[tokio::test]
async fn the_environment_of_a_cli_is_as_configured() {
    let directory = tempfile::tempdir().unwrap();
    let written = directory.path().join("environment");
    let path = shell(&directory, "/usr/bin/env > \"$WRITTEN\"; exit 1");
    let builder = Client::builder().cli_path(path).env("WRITTEN", &written);
    refusal(builder.env("SET", "1").env("REMOVED", "1").env_remove("REMOVED").env_remove("PATH")).await;
    let variables = environment(&written);
    let value =
        |wanted: &str| variables.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    assert_eq!((value("SET"), value("REMOVED")), (Some("1"), None), "{variables:?}");
    assert!(std::env::var_os("PATH").is_some_and(|own| value("PATH").map(Into::into) != Some(own)));
}

#[tokio::test]
async fn a_cleared_environment_has_only_the_variables_of_the_client() {
    let directory = tempfile::tempdir().unwrap();
    let written = directory.path().join("environment");
    let path = shell(&directory, &format!("/usr/bin/env > {}; exit 1", written.display()));
    let builder = Client::builder().cli_path(path).env_clear().env("SET", "1").state_dir("/nowhere");
    refusal(builder).await;
    let mut names: Vec<String> = environment(&written).into_iter().map(|(name, _)| name).collect();
    names.sort();
    // The shell adds its own: `PWD`, and on some systems `SHLVL`, `OLDPWD` and `_`.
    names.retain(|name| !["PWD", "SHLVL", "OLDPWD", "_"].contains(&&**name));
    assert_eq!(names, ["COPILOT_HOME", "COPILOT_TOOLS_PROCESS", "SET"]);
}

#[tokio::test]
async fn each_cli_on_tcp_gets_a_connection_token_that_cannot_be_guessed() {
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let directory = tempfile::tempdir().unwrap();
        let written = directory.path().join("environment");
        let path = shell(&directory, "/usr/bin/env > \"$WRITTEN\"; exit 1");
        let builder = Client::builder().cli_path(path).env("WRITTEN", &written);
        refusal(builder.transport(TransportKind::Tcp)).await;
        let variables = environment(&written);
        let token = variables.into_iter().find(|(name, _)| name == "COPILOT_CONNECTION_TOKEN").unwrap().1;
        assert!(token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
        assert!(!tokens.contains(&token), "{token}");
        tokens.push(token);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_started_is_refused_with_the_reason_and_the_remedy() {
    let elf = |machine: u16| {
        let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0".to_vec();
        elf.extend(machine.to_le_bytes());
        elf.resize(64, 0);
        elf
    };
    let script = |text: &str| text.as_bytes().to_vec();
    let cases = [
        (script("#!/bin/sh\n"), 0o644, vec!["is not executable", "chmod +x"]),
        (
            script("#!/no/such/interpreter -x\n"),
            0o755,
            vec!["interpreter `/no/such/interpreter` does not exist"],
        ),
    ];
    let linux = [
        (elf(8), 0o755, vec!["another processor", "for this machine"]),
        (b"MZ\x90\0".to_vec(), 0o755, vec!["Windows", "for this machine"]),
        (b"\xCF\xFA\xED\xFE\0".to_vec(), 0o755, vec!["macOS", "for this machine"]),
    ];
    let linux = cfg!(target_os = "linux").then_some(linux).into_iter().flatten();
    for (content, mode, expected) in cases.into_iter().chain(linux) {
        let directory = tempfile::tempdir().unwrap();
        let path = program(&directory, content, mode);
        let error = refusal(Client::builder().cli_path(&path)).await;
        let message = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Cli, "{message}");
        assert!(message.starts_with(&format!("cannot start {}: ", path.display())), "{message}");
        for part in expected {
            assert!(message.contains(part), "{message}");
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("index.js");
    fs::write(&script, "").unwrap();
    // A script needs Node.js, which is looked for in the search path of this program.
    let error = refusal(Client::builder().cli_path(script).env("PATH", "/nowhere")).await.to_string();
    assert!(error.contains("Node.js"), "{error}");
}

#[tokio::test]
async fn a_program_that_is_not_a_cli_is_named_with_its_output() {
    for (script, expected) in [
        ("exec cat", vec!["neither `connect` nor `ping`", "not a Copilot CLI"]),
        ("echo out of cheese >&2; exit 3", vec!["exit status: 3", "out of cheese"]),
        ("exit 0", vec!["did not answer the first request, which a Copilot CLI would: ", "exit status: 0"]),
        (
            "echo 'Usage: other [OPTIONS]'; echo; echo 'Options:'; exit 0",
            vec!["not a Copilot CLI", "\"Usage: other [OPTIONS]\"", "exit status: 0"],
        ),
        (
            "printf 'HTTP/1.1 400 Bad Request\\r\\nContent-Length: 3\\r\\n\\r\\nno\\n'; read line; exit 0",
            vec!["not a Copilot CLI", "\"HTTP/1.1 400 Bad Request\""],
        ),
        ("exec >&-; echo closed >&2; sleep 20", vec!["still running", "closed"]),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = shell(&directory, script);
        let error = refusal(Client::builder().cli_path(&path)).await.to_string();
        for part in expected {
            assert!(error.contains(part), "{script}: {error}");
        }
        let is_named = error.contains(&path.display().to_string()) || script == "exec cat";
        assert!(is_named, "{script}: {error}");
    }
    // The same on a port.
    let directory = tempfile::tempdir().unwrap();
    let path = shell(&directory, "echo 'Usage: other [OPTIONS]'; echo no such flag >&2; exit 2");
    let error = refusal(Client::builder().cli_path(path).transport(TransportKind::Tcp)).await.to_string();
    for part in ["ended before it listened", "\"Usage: other [OPTIONS]\"", "exit status: 2", "no such flag"] {
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_program_that_keeps_silent_is_named_when_the_time_is_over() {
    let directory = tempfile::tempdir().unwrap();
    for (script, expected) in [
        ("echo waiting for cheese >&2; exec sleep 20", vec!["waiting for cheese"]),
        ("echo 'other> '; exec sleep 20", vec!["not a Copilot CLI", "\"other>\""]),
    ] {
        let path = shell(&directory, script);
        let builder = Client::builder().cli_path(&path).startup_timeout(Duration::from_millis(500));
        let error = refusal(builder).await;
        let message = error.to_string();
        assert!(error.is_timeout() && message.contains("`startup_timeout`"), "{message}");
        assert!(message.contains(&path.display().to_string()), "{message}");
        for part in expected {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[tokio::test]
async fn an_encrypted_address_is_refused_before_anything_is_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let error = refusal(Client::builder().cli_url(url).connection_token("hunter2")).await;
    let message = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(message.contains("plain text") && message.contains("ssh -L"), "{message}");
    assert!(listener.accept().is_err(), "nothing connects");
}

#[test]
fn a_setting_that_no_process_can_have_is_refused_by_name() {
    let long = "x".repeat(5000);
    let with = Client::builder;
    for (builder, setter) in [
        (with().cwd(""), "`cwd`"),
        (with().cwd(&long), "`cwd`"),
        (with().cwd("a\0b"), "`cwd`"),
        (with().state_dir(""), "`state_dir`"),
        (with().state_dir("a\nb"), "`state_dir`"),
        (with().cli_path(""), "`cli_path`"),
        (with().cli_path("a\0b"), "`cli_path`"),
        (with().env("", "x"), "`env`"),
        (with().env("A=B", "hunter2"), "`env`"),
        (with().env("A", "hunter2\0"), "`env`"),
        (with().env_remove(""), "`env_remove`"),
        (with().cli_args(["--x", "hunter2\0"]), "`cli_args`"),
        (with().github_token(""), "`github_token`"),
        (with().github_token("hunter2\n"), "`github_token`"),
        (with().transport(TransportKind::Tcp).connection_token("hunter2\n"), "`connection_token`"),
        (with().cli_url("4321").connection_token(" "), "`connection_token`"),
    ] {
        let error = builder.lazy().unwrap_err();
        let message = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{message}");
        assert!(message.contains(setter) && !message.contains("hunter2") && message.len() < 400, "{message}");
    }
}

#[tokio::test]
async fn a_directory_that_does_not_exist_is_refused_before_anything_is_started() {
    let directory = tempfile::tempdir().unwrap();
    let started = directory.path().join("started");
    let path = shell(&directory, "touch \"$STARTED\"; exit 1");
    let builder = || Client::builder().cli_path(&path).env("STARTED", &started);
    let missing = directory.path().join("missing");
    let error = refusal(builder().cwd(&missing)).await;
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    assert!(error.to_string().contains("`cwd`") && error.to_string().contains("does not exist"), "{error}");
    let error = refusal(builder().state_dir(path.join("below"))).await;
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    assert!(
        error.to_string().contains("`state_dir`") && error.to_string().contains("is not a directory"),
        "{error}"
    );
    let missing = missing.to_str().unwrap();
    for (session, setter) in [
        (copilot::Session::builder().working_directory(missing), "`working_directory`"),
        (copilot::Session::builder().skills(Skills::new().directories([missing])), "`Skills::directories`"),
        (copilot::Session::builder().mcp_server("x", McpServer::stdio("x").cwd(missing)), "MCP server x"),
        (copilot::Session::builder().id("x".repeat(5000)), "session id"),
    ] {
        let error = session.client(builder()).start().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.to_string().contains(setter), "{error}");
    }
    assert!(!started.exists());
}

#[tokio::test]
async fn a_message_with_a_file_that_does_not_exist_is_not_sent() {
    let directory = tempfile::tempdir().unwrap();
    let fates = directory.path().join("fates");
    // It ends with the second message that it gets.
    fs::write(&fates, "session.send exit\n").unwrap();
    fs::write(directory.path().join("there.txt"), "").unwrap();
    let client = Client::builder()
        .cli_path(FAKE_CLI)
        .env("FAKE_CLI_FATES", &fates)
        .cwd(directory.path())
        .auto_restart(false);
    let client = client.start().await.unwrap();
    let session = client.session().start().await.unwrap();
    for attachment in [
        Attachment::file("missing.txt"),
        Attachment::file("/no/such/file"),
        Attachment::directory("there.txt"),
        Attachment::file(""),
    ] {
        let error = session.send(Message::new("?").attach(attachment)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.to_string().contains("`Attachment::"), "{error}");
    }
    client.ping("nothing was sent").await.unwrap();
    // The CLI gets this one, and meets its fate.
    let sent = session.send(Message::new("?").attach(Attachment::file("there.txt"))).await;
    assert!(sent.unwrap_err().is_disconnected());
}

#[tokio::test(start_paused = true)]
async fn a_relative_path_starts_from_the_working_directory() {
    let fake = Fake::start().await;
    let session = fake.session().working_directory("/srv/project").start().await.unwrap();
    session.send(Message::new("?").attach(Attachment::file("src/a.rs"))).await.unwrap();
    let sent = fake.cli.requests("session.send").pop().unwrap();
    let expected = json!([{"type": "file", "path": "/srv/project/src/a.rs", "displayName": "a.rs"}]);
    assert_eq!(sent["attachments"], expected);
}

/// Whether a process runs, and is not merely waiting for its parent.
#[cfg(target_os = "linux")]
fn is_running(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    status.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
}

/// Kills the process when the test ends, so that one that fails leaves nothing.
#[cfg(target_os = "linux")]
struct Guarded(u32);

#[cfg(target_os = "linux")]
impl Guarded {
    fn ends(&self, what: &str) {
        let since = Instant::now();
        while is_running(self.0) {
            assert!(since.elapsed() < LONG, "{what} (process {}) survives", self.0);
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[cfg(target_os = "linux")]
impl Drop for Guarded {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        // It has usually ended already.
        kill_process(Pid::from_raw(self.0.cast_signed()).unwrap(), Signal::KILL).ok();
    }
}

/// A CLI that ignores SIGTERM, and reads nothing more once `method` was called.
#[cfg(target_os = "linux")]
async fn stubborn(directory: &TempDir, method: &str) -> (Client, Guarded) {
    let fates = directory.path().join("fates");
    fs::write(&fates, format!("{method} stop\n")).unwrap();
    let path = shell(directory, &format!("trap '' TERM; exec {FAKE_CLI} \"$@\""));
    let builder = Client::builder().cli_path(path).env("FAKE_CLI_FATES", fates).auto_restart(false);
    let client = builder.start().await.unwrap();
    let process = client.process_id().unwrap();
    (client, Guarded(process))
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_cli_that_ignores_sigterm_is_killed_by_shutdown() {
    let directory = tempfile::tempdir().unwrap();
    let (client, process) = stubborn(&directory, "runtime.shutdown").await;
    // From here on time passes when nothing else can happen, so each time limit is over immediately.
    tokio::time::pause();
    let error = client.shutdown().await.unwrap_err().to_string();
    assert!(error.contains("was killed"), "{error}");
    // The client is still there, so that nothing else ends the process.
    process.ends("the CLI");
    drop(client);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_cli_that_ignores_sigterm_is_killed_after_its_client() {
    let directory = tempfile::tempdir().unwrap();
    let (client, process) = stubborn(&directory, "ping").await;
    // It may not have read this yet, but it will read nothing after it.
    tokio::time::timeout(Duration::from_millis(100), client.ping("stop")).await.unwrap_err();
    drop(client);
    process.ends("the CLI");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_process_that_a_cli_leaves_in_its_group_ends_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let written = directory.path().join("process");
    // Without the mark that is looked for after a CLI that was killed.
    let script = format!(
        "env -i sleep 100000 </dev/null >/dev/null 2>&1 & echo $! > {}\nexec {FAKE_CLI} \"$@\"",
        written.display()
    );
    let client = Client::builder().cli_path(shell(&directory, &script)).start().await.unwrap();
    let left = Guarded(fs::read_to_string(&written).unwrap().trim().parse().unwrap());
    assert!(is_running(left.0));
    client.shutdown().await.unwrap();
    left.ends("a process in the group of the CLI");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_process_that_a_cli_leaves_outside_its_group_ends_with_it_although_it_exits_without_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let written = directory.path().join("process");
    let script = format!(
        "setsid sleep 100000 </dev/null >/dev/null 2>&1 & echo $! > {}\nexec {FAKE_CLI} \"$@\"",
        written.display()
    );
    let client = Client::builder().cli_path(shell(&directory, &script)).start().await.unwrap();
    let left = Guarded(fs::read_to_string(&written).unwrap().trim().parse().unwrap());
    assert!(is_running(left.0));
    client.shutdown().await.unwrap();
    left.ends("a process outside of the group of the CLI");
}

/// A CLI that exits while it detaches a session leaves the shells of the session running; nothing kills them if the
/// program has ended too.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_session_that_is_dropped_with_its_client_is_not_detached() {
    let directory = tempfile::tempdir().unwrap();
    for with_its_client in [true, false] {
        let read = directory.path().join("read");
        // Without the signal it ends at the end of its input, so that everything is read that was sent.
        let script = format!("trap '' TERM\ntee {} | {FAKE_CLI} \"$@\"", read.display());
        let client = Client::builder().cli_path(shell(&directory, &script)).start().await.unwrap();
        let process = Guarded(client.process_id().unwrap());
        let session = client.session().permissions(Permissions::deny_all()).start().await.unwrap();
        let received = |method: &str| fs::read_to_string(&read).unwrap().contains(method);
        drop(session);
        if with_its_client {
            drop(client);
            process.ends("the CLI");
            assert!(received("session.create") && !received("session.detach"));
            continue;
        }
        let since = Instant::now();
        while !received("session.detach") {
            assert!(since.elapsed() < LONG, "the session is not detached");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
