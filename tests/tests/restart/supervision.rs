//! The CLI ends in each way and at each time: waiters receive the cause, and the sessions continue.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use std::sync::Arc;
use std::time::Duration;

use copilot::{Client, Error, EventKind, Session};
use copilot_tests::events::{next_event, next_restart, within};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::recovery::endless;

/// Each way to be lost, and a part of the text of its cause.
const FATES: &[(&str, &str)] = &[
    ("exit", "exit status: 3"),
    ("kill", "signal: 9"),
    ("close-stdout", "still running"),
    ("close-stdin", "does not accept input any more"),
    ("leave-heir", "exit status: 0"),
];

/// A CLI that dies as these lines say, one for each time that it is started.
struct Doomed {
    client: Client,
    begun: Arc<Notify>,
    files: TempDir,
}

impl Doomed {
    async fn start(fates: &[(&str, &str)]) -> Self {
        Self::builder(fates, |client| client.auto_restart(true)).await.unwrap()
    }

    async fn builder(
        fates: &[(&str, &str)],
        set: impl FnOnce(copilot::ClientBuilder) -> copilot::ClientBuilder,
    ) -> Result<Self, Error> {
        let files = tempfile::tempdir().unwrap();
        let file = files.path().join("fates");
        let lines: String = fates.iter().map(|(method, fate)| format!("{method} {fate}\n")).collect();
        std::fs::write(&file, lines).unwrap();
        let client = Client::builder().cli_path(env!("CARGO_BIN_EXE_fake-cli")).env("FAKE_CLI_FATES", file);
        let client = set(client).start().await?;
        Ok(Self { client, begun: Arc::default(), files })
    }

    async fn session(&self) -> Session {
        let session = self.client.session().with_tools([endless::TOOL]).state(Arc::clone(&self.begun));
        session.start().await.unwrap()
    }

    /// Has the CLI die of what is written for `die`. A CLI that no longer listens is noticed when it is talked to.
    async fn die(&self) -> Error {
        let cause = within(self.client.call::<_, Value>("die", json!({})));
        let talk = async {
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                // The call above reports the end.
                drop(timeout(Duration::from_millis(20), self.client.ping("?")).await);
            }
        };
        tokio::select! {
            cause = cause => cause.unwrap_err(),
            () = talk => unreachable!("it talks on"),
        }
    }

    fn started(&self) -> bool {
        std::fs::read_to_string(self.files.path().join("fates")).unwrap().is_empty()
    }
}

fn check_cause(cause: &Error, reported: &str) {
    assert!(cause.is_disconnected() && cause.is_retryable(), "{cause:?}");
    let said = cause.to_string();
    assert!(said.contains(reported) && said.contains("out of cheese"), "{reported}: {said}");
}

#[tokio::test]
async fn lost_while_idle_its_sessions_continue() {
    for (fate, reported) in FATES {
        let doomed = Doomed::start(&[("die", fate)]).await;
        let (one, two) = (doomed.session().await, doomed.session().await);
        let (mut of_one, mut of_two) = (one.events(), two.events());
        check_cause(&doomed.die().await, reported);
        for events in [&mut of_one, &mut of_two] {
            let restarted = next_restart(events).await;
            check_cause(&restarted.cause, reported);
            assert_eq!(restarted.cancelled, Vec::<String>::new());
        }
        assert_eq!(within(one.ask("?").into_future()).await.unwrap().text(), "OK.", "{fate}");
        assert_eq!(within(two.ask("?").into_future()).await.unwrap().text(), "OK.", "{fate}");
        doomed.client.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn lost_in_the_middle_of_a_turn_the_turn_fails_with_the_cause() {
    for (fate, reported) in FATES {
        for prompt in ["Wait.", "Call."] {
            let doomed = Doomed::start(&[("die", fate)]).await;
            let session = doomed.session().await;
            let mut events = session.events();
            let turn = session.stream(prompt).await.unwrap();
            if prompt == "Call." {
                within(doomed.begun.notified()).await;
            }
            let (cause, turn) = tokio::join!(doomed.die(), within(turn.reply()));
            check_cause(&cause, reported);
            assert_eq!(turn.unwrap_err().to_string(), cause.to_string(), "{fate}");
            let restarted = next_restart(&mut events).await;
            let cancelled = restarted.cancelled.iter().any(|what| what.starts_with("endless"));
            assert_eq!(cancelled, prompt == "Call.", "{fate}: {restarted:?}");
            // Its tools are there again.
            let turn = session.stream("Call.").await.unwrap();
            within(doomed.begun.notified()).await;
            drop(turn);
            doomed.client.shutdown().await.unwrap();
        }
    }
}

#[tokio::test]
async fn lost_while_a_session_is_opened_the_opening_fails_and_the_next_one_works() {
    for (fate, reported) in FATES.iter().filter(|(fate, _)| *fate != "close-stdin") {
        let doomed = Doomed::start(&[("session.create", fate)]).await;
        let cause = within(doomed.client.session().id("s").start()).await.unwrap_err();
        check_cause(&cause, reported);
        let session = within(doomed.client.session().id("s").start()).await.unwrap();
        assert_eq!(within(session.ask("?").into_future()).await.unwrap().text(), "OK.", "{fate}");
        doomed.client.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn lost_while_a_session_is_closed_the_session_is_closed() {
    for (fate, _) in FATES.iter().filter(|(fate, _)| *fate != "close-stdin") {
        let doomed = Doomed::start(&[("session.detach", fate)]).await;
        let (closed, kept) = (doomed.session().await, doomed.session().await);
        let mut events = kept.events();
        within(closed.close()).await.unwrap();
        next_restart(&mut events).await;
        assert!(within(closed.send("?").into_future()).await.is_err(), "{fate}");
        assert_eq!(within(kept.ask("?").into_future()).await.unwrap().text(), "OK.", "{fate}");
        doomed.client.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn lost_in_the_handshake_the_start_fails_with_the_cause() {
    for (fate, reported) in FATES.iter().filter(|(fate, _)| *fate != "close-stdin") {
        let fates = [("connect", *fate)];
        let start = Doomed::builder(&fates, |client| client);
        check_cause(&within(start).await.err().expect("it is lost"), reported);
    }
}

#[tokio::test]
async fn lost_again_during_the_restart_the_sessions_still_continue() {
    for (fate, _) in FATES.iter().filter(|(fate, _)| *fate != "close-stdin") {
        for method in ["connect", "session.resume"] {
            let doomed = Doomed::start(&[("die", "kill"), (method, fate)]).await;
            let session = doomed.session().await;
            let mut events = session.events();
            check_cause(&doomed.die().await, "signal: 9");
            next_restart(&mut events).await;
            assert!(doomed.started());
            assert_eq!(
                within(session.ask("?").into_future()).await.unwrap().text(),
                "OK.",
                "{method} {fate}"
            );
            doomed.client.shutdown().await.unwrap();
        }
    }
}

#[tokio::test]
async fn lost_without_restart_the_cause_is_final() {
    for (fate, reported) in FATES {
        let doomed = Doomed::builder(&[("die", fate)], |client| client.auto_restart(false)).await.unwrap();
        let session = doomed.session().await;
        let mut events = session.events();
        let cause = doomed.die().await;
        check_cause(&cause, reported);
        while within(events.next()).await.is_some() {}
        assert_eq!(within(session.send("?").into_future()).await.unwrap_err().to_string(), cause.to_string());
        within(doomed.client.shutdown()).await.unwrap();
    }
}

#[tokio::test]
async fn a_client_shut_down_while_the_cli_comes_back_starts_nothing_more() {
    // It hangs in the handshake, so it never comes back.
    let doomed = Doomed::start(&[("die", "kill"), ("connect", "stop")]).await;
    let session = doomed.session().await;
    let mut events = session.events();
    check_cause(&doomed.die().await, "signal: 9");
    next_event(&mut events, |kind| matches!(kind, EventKind::Disconnected(_))).await;
    while !doomed.started() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    within(doomed.client.shutdown()).await.unwrap();
    assert_eq!(doomed.client.process_id(), None);
    assert!(within(session.send("?").into_future()).await.is_err());
}

#[tokio::test]
async fn a_cli_that_does_not_answer_to_the_shutdown_is_made_to_end() {
    let doomed = Doomed::start(&[("runtime.shutdown", "stop")]).await;
    let process = doomed.client.process_id().unwrap();
    // Whether it exited after the request, or was killed, depends on how busy the machine is.
    if let Err(error) = within(doomed.client.shutdown()).await {
        assert!(error.to_string().contains("was killed"), "{error}");
    }
    let running = std::process::Command::new("kill").args(["-0", &process.to_string()]).output().unwrap();
    assert!(!running.status.success(), "it is gone, and waited for");
}

/// The pipes that a process has open.
#[cfg(target_os = "linux")]
fn pipes_of(process: u32) -> std::collections::HashSet<std::path::PathBuf> {
    let open = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().flatten();
    let open = open.filter_map(|file| std::fs::read_link(file.path()).ok());
    open.filter(|file| file.to_string_lossy().starts_with("pipe:")).collect()
}

/// A CLI ends with its input, which would not end while another one held it open.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_cli_has_the_pipes_of_another() {
    // A program inherits the pipes that the parent of this one left open.
    let inherited = pipes_of(std::process::id());
    let (one, two) = tokio::join!(Doomed::start(&[]), Doomed::start(&[]));
    let [of_one, of_two] =
        [&one, &two].map(|doomed| pipes_of(doomed.client.process_id().expect("it was started")));
    assert!(of_one.len() >= 3 && of_two.len() >= 3, "{of_one:?} {of_two:?}");
    let shared: Vec<_> = of_one.intersection(&of_two).filter(|pipe| !inherited.contains(*pipe)).collect();
    assert!(shared.is_empty(), "{shared:?}");
}
