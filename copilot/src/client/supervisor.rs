//! What happens when a connection ends by itself: every waiter learns why, and the CLI is started again.
//!
//! One task per client, owned by it. It waits for the end of the reader; then sessions are interrupted (their turns
//! fail, their running tools are cancelled), the CLI is started again with growing pauses, and each live session is
//! resumed on it. After too many restarts in a row, or without `auto_restart`, the end is final.

use std::sync::{Arc, Weak};
use std::time::Instant;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Shared;
use super::backoff::Backoff;
use super::connection::Connection;
use super::router::Router;
use crate::error::Error;
use crate::rpc::Peer;
use crate::session::inbox::Inbox;
use crate::task::Task;

/// Watches over a client from its first connection on. `ended` is the reader's task, which ends with the cause.
pub(super) async fn supervise(client: Weak<Shared>, mut ended: Task<Error>) {
    let mut backoff = Backoff::default();
    loop {
        backoff.started(Instant::now());
        let cause = ended.join().await;
        let Some((cause, shared)) = cause.zip(client.upgrade()) else { return };
        if shared.is_shut_down() || !shared.options.auto_restart {
            return shared.end(&cause);
        }
        tracing::warn!(%cause, "the CLI is lost and will be started again");
        let (options, interrupted) = (Arc::clone(&shared.options), shared.interrupt(&cause));
        // While the CLI starts, the program may drop its client, which drops this task.
        drop(shared);
        let mut last = cause.clone();
        let (connection, reader) = loop {
            let Some(pause) = backoff.next(Instant::now()) else {
                let Some(shared) = client.upgrade() else { return };
                tracing::error!(%last, restarts = backoff.restarts(), "the CLI is given up");
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
        // Nor does it wait for the CLI to answer.
        drop(shared);
        resume(&router, peer, &cause, interrupted).await;
        ended = reader;
    }
}

/// Takes up all sessions on the new connection, at once. One that cannot be is ended with its own error.
async fn resume(router: &Router, peer: Peer, cause: &Error, interrupted: Vec<(Arc<Inbox>, Vec<String>)>) {
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
                router.unregister(&inbox.id);
                inbox.disconnect(&error);
            }
        }
    }
}
