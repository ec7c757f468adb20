//! What happens when a connection ends by itself: every waiter learns why, and the CLI is started again.
//!
//! One task per client, owned by it. It waits for the end of the reader; then sessions are interrupted (their turns
//! fail, their running tools are cancelled), the CLI is started again with growing pauses, and each live session is
//! resumed on it. After five starts in a row that fail, or without `auto_restart`, the end is final. So it is when the
//! supervisor itself ends early, with its runtime or by a panic.

use std::sync::{Arc, Weak};

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
use crate::task::{self, Task};

/// Starts to watch over a client from its first connection on. `ended` is the reader's task, which ends with the cause.
pub(super) fn start(client: Weak<Shared>, ended: Task<Error>) -> Task {
    // Made here, so that it is dropped also with a task that is never polled.
    let ending = Ending(client);
    task::spawn(async move { supervise(&ending.0, ended).await })
}

/// Ends the client together with its supervisor: without one, a lost connection would be waited for indefinitely.
struct Ending(Weak<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        // After an orderly end, or with the client gone, this changes nothing: the first cause stays.
        let Some(shared) = self.0.upgrade() else { return };
        let cause = if std::thread::panicking() {
            Error::new(ErrorKind::Disconnected, "a panic ended the supervision of the CLI")
        } else {
            runtime_gone()
        };
        crate::contain::logged("a subscriber", || shared.end(&cause));
    }
}

async fn supervise(client: &Weak<Shared>, mut ended: Task<Error>) {
    let mut backoff = Backoff::default();
    backoff.succeeded(now());
    loop {
        let cause = ended.join().await.unwrap_or_else(|| {
            Error::new(ErrorKind::Disconnected, "the task that reads from the CLI ended without a cause")
        });
        let Some(shared) = client.upgrade() else { return };
        if shared.is_shut_down() || !shared.options.auto_restart {
            return shared.end(&cause);
        }
        tracing::warn!(%cause, "the CLI is lost and will be started again");
        let (options, interrupted) = (Arc::clone(&shared.options), shared.interrupt(&cause));
        // While the CLI starts, the program may drop its client, which drops this task.
        drop(shared);
        let mut last = cause.clone();
        let (connection, reader) = loop {
            let Some(pause) = backoff.next(now()) else {
                let Some(shared) = client.upgrade() else { return };
                tracing::error!(%last, failed_starts = backoff.failed(), "the CLI is given up");
                return shared.end(&last);
            };
            sleep(pause).await;
            match Connection::open(&options).await {
                Ok(opened) => break opened,
                Err(error) => {
                    tracing::warn!(%error, "the CLI could not be started again");
                    last = error;
                }
            }
        };
        let Some(shared) = client.upgrade() else { return };
        let (peer, router) = (connection.peer.clone(), Arc::clone(&shared.router));
        shared.line.up(Arc::new(connection));
        shared.state.set(ConnectionState::Connected);
        // Nor does it wait for the CLI to answer.
        drop(shared);
        resume(&router, peer.clone(), &cause, interrupted).await;
        if !peer.is_lost() {
            backoff.succeeded(now());
        }
        ended = reader;
    }
}

/// The time, on the clock that the pauses are slept by.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// Resumes all sessions on the new connection, concurrently. One that cannot be is ended with its own error.
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
            // The connection is lost again: the next round takes the session up.
            Err(error) if error.is_disconnected() => {}
            Err(error) => {
                tracing::error!(%error, session = %inbox.id, "a session could not be resumed");
                router.unregister(&inbox);
                inbox.disconnect(&error);
            }
        }
    }
}
