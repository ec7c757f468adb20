//! The orderly end of a connection: sessions are detached, the CLI is asked to exit, and killed if it does not.

use std::time::Duration;

use super::connection::Connection;
use super::router::Router;
use crate::error::{Error, ErrorKind, Result};
use crate::process::Child;
use crate::protocol::session::SessionParams;
use crate::rpc::{NoParams, decode};
use crate::session::answers::refused;
use tokio::time::timeout;

/// The time limit of the responses to `session.detach`, and of that to `runtime.shutdown`.
const ANSWER: Duration = Duration::from_secs(10);
/// The time limit for the last outgoing bytes.
const WRITTEN: Duration = Duration::from_secs(1);
/// How long the CLI may take to exit.
const EXIT: Duration = Duration::from_secs(10);
/// How long a CLI on TCP may take to exit: it does not exit with its connection. Newer ones exit on request, and 1.0.57
/// waits for a signal.
const EXIT_OVER_TCP: Duration = Duration::from_secs(1);
/// How long the CLI may take to exit after a signal.
const SIGNALLED: Duration = Duration::from_secs(2);

pub(super) async fn shutdown(connection: &Connection, router: &Router) -> Result<()> {
    let mut problems = Vec::new();
    if timeout(ANSWER, detach_all(connection, router, &mut problems)).await.is_err() {
        problems.push(format!("the CLI did not detach from its sessions within {ANSWER:?}"));
    }
    // Requests of sessions that were not detached are still answered.
    router.all().iter().for_each(|inbox| inbox.calls.abort());
    if timeout(WRITTEN, connection.peer.written()).await.is_err() {
        tracing::debug!("the CLI did not read the last answers");
    }
    let mut unresponsive = false;
    if connection.child.is_some() {
        match timeout(ANSWER, connection.peer.request("runtime.shutdown", &NoParams {}).raw()).await {
            Ok(Ok(_)) => {}
            // Old CLIs exit with their input, and newer ones may exit before they have responded.
            Ok(Err(error)) if error.is_unsupported() || error.is_disconnected() => {}
            Ok(Err(error)) => problems.push(error.to_string()),
            // It still exits: by the end of its input, or by a signal.
            Err(_) => unresponsive = true,
        }
    }
    let closed = Error::new(ErrorKind::Closed, "the client was shut down");
    // Sessions that were not detached are still registered.
    router.disconnect(&closed);
    connection.close(&closed);
    if let Some(child) = &connection.child
        && child.wait(exit_limit(child, unresponsive)).await.is_none()
    {
        child.kill(false);
        if child.wait(SIGNALLED).await.is_none() {
            let silent = if unresponsive { " did not respond to runtime.shutdown," } else { "" };
            problems.push(format!(
                "the CLI (process {}){silent} did not exit after SIGTERM and was killed",
                child.pid()
            ));
            child.kill(true);
            // Bounded: only a process that the kernel blocks survives this signal.
            drop(child.wait(SIGNALLED).await);
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Cli, format!("the client was shut down, but {}", problems.join("; and "))))
}

/// Returns how long the CLI may take to exit before it receives a signal.
fn exit_limit(child: &Child, unresponsive: bool) -> Duration {
    match (child.exits_with_its_input(), unresponsive) {
        (false, _) => EXIT_OVER_TCP,
        (true, true) => SIGNALLED,
        (true, false) => EXIT,
    }
}

/// Detaches all sessions concurrently. Running tools are cancelled, and their results are not awaited.
async fn detach_all(connection: &Connection, router: &Router, problems: &mut Vec<String>) {
    let inboxes = router.all();
    let mut calls = Vec::with_capacity(inboxes.len());
    for inbox in &inboxes {
        inbox.calls.close();
        calls.push(
            connection.peer.request("session.detach", &SessionParams { session_id: &inbox.id }).queue(),
        );
    }
    for (inbox, call) in inboxes.iter().zip(calls) {
        let mut answer = match call {
            Ok(call) => call.result("session.detach").await,
            Err(error) => Err(error),
        };
        if answer.as_ref().is_err_and(Error::is_unsupported) {
            let params = SessionParams { session_id: &inbox.id };
            answer = connection.peer.request("session.destroy", &params).raw().await;
        }
        let detached =
            answer.and_then(|answer| refused("session.detach", decode("session.detach", &answer)?));
        match detached {
            Err(error) if !error.is_disconnected() => problems.push(format!("session {}: {error}", inbox.id)),
            _ => {}
        }
        // First, so that a subscriber that sees the end can open the session on another client.
        router.unregister(inbox);
        inbox.close();
        inbox.calls.abort();
    }
}
