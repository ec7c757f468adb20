//! The orderly end of a connection: sessions are let go, the CLI is asked to end, and made to if it does not.

use std::time::Duration;

use super::connection::Connection;
use super::router::Router;
use crate::error::{Error, ErrorKind, Result};
use crate::process::Child;
use crate::protocol::session::SessionParams;
use crate::rpc::NoParams;
use tokio::time::timeout;

/// How long the sessions, and then the CLI itself, may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How long it may take to read the last answers.
const WRITTEN: Duration = Duration::from_secs(1);
/// How long the CLI may take to exit.
const EXIT: Duration = Duration::from_secs(10);
/// The same for a CLI on TCP, to which our end of the socket says nothing: newer ones exit by themselves when they are
/// asked to, and 1.0.57 waits for a signal.
const EXIT_OVER_TCP: Duration = Duration::from_secs(1);
/// How long it may take once it was told to with a signal.
const SIGNALLED: Duration = Duration::from_secs(2);

pub(super) async fn shutdown(connection: &Connection, router: &Router) -> Result<()> {
    let mut problems = Vec::new();
    if timeout(ANSWER, detach_all(connection, router, &mut problems)).await.is_err() {
        problems.push(format!("the CLI did not let go of its sessions within {ANSWER:?}"));
    }
    // Requests of sessions that the CLI did not let go of are still to be answered.
    router.all().iter().for_each(|inbox| inbox.calls.abort());
    if timeout(WRITTEN, connection.peer.written()).await.is_err() {
        tracing::debug!("the CLI did not take the last answers");
    }
    let mut deaf = false;
    if connection.child.is_some() {
        match timeout(ANSWER, connection.peer.call_raw("runtime.shutdown", &NoParams {})).await {
            Ok(Ok(_)) => {}
            // Old CLIs end with their input, and newer ones may be gone before they have answered.
            Ok(Err(error)) if error.is_unsupported() || error.is_disconnected() => {}
            Ok(Err(error)) => problems.push(error.to_string()),
            // What counts is that it ends: by the end of its input, or by a signal.
            Err(_) => deaf = true,
        }
    }
    let closed = Error::new(ErrorKind::Closed, "the client was shut down");
    // Sessions that did not answer are still there.
    router.disconnect(&closed);
    connection.peer.close(&closed);
    if let Some(child) = &connection.child
        && child.wait(patience(child, deaf)).await.is_none()
    {
        child.kill(false);
        if child.wait(SIGNALLED).await.is_none() {
            let silent = if deaf { " did not answer to runtime.shutdown," } else { "" };
            problems.push(format!(
                "the CLI (process {}){silent} did not end by itself nor when told to, and was killed",
                child.pid()
            ));
            child.kill(true);
            // Bounded: nothing survives this signal but a process that the kernel itself holds.
            drop(child.wait(SIGNALLED).await);
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Cli, format!("the client was shut down, but {}", problems.join("; and "))))
}

/// How long the CLI may take to exit before it gets a signal.
fn patience(child: &Child, deaf: bool) -> Duration {
    match (child.ends_with_its_input(), deaf) {
        (false, _) => EXIT_OVER_TCP,
        (true, true) => SIGNALLED,
        (true, false) => EXIT,
    }
}

/// Lets go of all sessions at once. Running tools are cancelled, and what they still answer is not waited for.
async fn detach_all(connection: &Connection, router: &Router, problems: &mut Vec<String>) {
    let inboxes = router.all();
    let mut calls = Vec::with_capacity(inboxes.len());
    for inbox in &inboxes {
        inbox.calls.close();
        calls.push(connection.peer.begin("session.detach", &SessionParams { session_id: &inbox.id }));
    }
    for (inbox, call) in inboxes.iter().zip(calls) {
        let mut answer = match call {
            Ok(call) => call.answer("session.detach").await,
            Err(error) => Err(error),
        };
        if answer.as_ref().is_err_and(Error::is_unsupported) {
            let params = SessionParams { session_id: &inbox.id };
            answer = connection.peer.call_raw("session.destroy", &params).await;
        }
        match answer {
            Err(error) if !error.is_disconnected() => problems.push(format!("session {}: {error}", inbox.id)),
            _ => {}
        }
        // First, so that a subscriber that sees the end can open the session elsewhere.
        router.unregister(inbox);
        inbox.close();
        inbox.calls.abort();
    }
}
