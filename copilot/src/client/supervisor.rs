//! The supervision of a connection: pending calls fail with the cause of its loss, and the CLI is restarted.
//!
//! One task per client, owned by it. It waits for the end of the reader; then sessions are interrupted (their turns fail,
//! their running tools are cancelled), the CLI is restarted with growing pauses, and each open session is resumed on it.
//! After five consecutive failed starts, or without `auto_restart`, the client ends. It also ends when the supervisor ends
//! early, with its runtime or by a panic.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::Poll;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::Shared;
use super::backoff::Backoff;
use super::connection::{Connection, runtime_gone};
use super::router::Router;
use super::state::ConnectionState;
use crate::error::{Error, ErrorKind};
use crate::rpc::Peer;
use crate::session::core::SessionCore;
use crate::task::{self, DropGuard, Task};

/// Starts the supervision of a client after its first connection. `ended` is the reader's task, which returns the cause.
pub(super) fn start(client: Weak<Shared>, ended: Task<Error>) -> Task {
    // Ends the client together with its supervisor: without one, calls would wait indefinitely for a lost connection. Made
    // here, so that it is dropped also with a task that is never polled.
    let client = DropGuard::new(client, |client: Weak<Shared>| {
        // After an orderly end, or without a client, this changes nothing: the first cause stays.
        let Some(shared) = client.upgrade() else { return };
        let cause = if std::thread::panicking() {
            Error::new(ErrorKind::Disconnected, "a panic ended the supervision of the CLI")
        } else {
            runtime_gone()
        };
        crate::contain::logged("a subscriber", || shared.end(&cause));
    });
    task::spawn(async move { supervise(&client, ended).await })
}

async fn supervise(client: &Weak<Shared>, mut ended: Task<Error>) {
    let mut backoff = Backoff::default();
    backoff.succeeded(now());
    // The end of the reader, where it came while sessions were resumed.
    let mut lost = None;
    loop {
        let cause = match lost.take() {
            Some(cause) => cause,
            None => ended.join().await,
        };
        let cause = cause.unwrap_or_else(|| {
            Error::new(ErrorKind::Disconnected, "the task that reads from the CLI ended without a cause")
        });
        let Some(shared) = client.upgrade() else { return };
        if shared.is_shut_down() || !shared.options.auto_restart {
            return shared.end(&cause);
        }
        tracing::warn!(%cause, "the connection to the CLI was lost; the CLI is restarted");
        let (options, interrupted) = (Arc::clone(&shared.options), shared.interrupt(&cause));
        // Dropped, because the program may drop its client during the restart, which drops this task.
        drop(shared);
        let mut last = cause.clone();
        let connection;
        (connection, ended) = loop {
            let Some(pause) = backoff.next(now()) else {
                let Some(shared) = client.upgrade() else { return };
                tracing::error!(%last, failed_starts = backoff.failed(), "the CLI is not restarted again");
                return shared.end(&last);
            };
            sleep(pause).await;
            match Connection::open(&options).await {
                Ok(opened) => break opened,
                Err(error) => {
                    tracing::warn!(%error, "the CLI could not be restarted");
                    last = error;
                }
            }
        };
        let Some(shared) = client.upgrade() else { return };
        let (peer, router) = (connection.peer.clone(), Arc::clone(&shared.router));
        shared.connection.set_connected(Arc::new(connection));
        shared.state.set(ConnectionState::Connected);
        // Dropped for the time of the resumption too.
        drop(shared);
        options.observation.recorder.restarted();
        // The next round resumes the sessions whose resumption the end of the reader interrupts.
        lost = {
            let mut resumed = pin!(resume(&router, peer.clone(), &cause, interrupted));
            let mut end = pin!(ended.join());
            poll_fn(|cx| match resumed.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => end.as_mut().poll(cx).map(Some),
            })
            .await
        };
        if lost.is_none() && !peer.is_lost() {
            backoff.succeeded(now());
        }
    }
}

/// Returns the time on the clock of the pauses.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// Resumes all sessions on the new connection, concurrently. A session that cannot be resumed ends with its error.
async fn resume(
    router: &Router,
    peer: Peer,
    cause: &Error,
    interrupted: Vec<(Arc<SessionCore>, Vec<String>)>,
) {
    let mut resuming = JoinSet::new();
    for (inbox, cancelled) in interrupted {
        let (peer, cause) = (peer.clone(), cause.clone());
        resuming.spawn(async move {
            let resumed = inbox.resume(&peer, &cause, cancelled).await;
            (inbox, resumed)
        });
    }
    while let Some(resumed) = resuming.join_next().await {
        let Ok((inbox, resumed)) = resumed else { continue };
        match resumed {
            Ok(()) => {}
            // The connection is lost again: the next round resumes the session.
            Err(error) if error.is_disconnected() => {}
            Err(error) => {
                tracing::error!(%error, session = %inbox.id, "a session could not be resumed");
                router.unregister(&inbox);
                inbox.disconnect(&error);
            }
        }
    }
}
