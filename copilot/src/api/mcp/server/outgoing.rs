//! Notifications of a call on their way to its client.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rmcp::model::ServerNotification;
use rmcp::service::{Peer, RoleServer};
use tokio::sync::Notify;

use crate::task::lock;

/// The number of notifications of a call that wait for the client; past it the oldest are dropped.
const QUEUE: usize = 64;

/// Notifications on their way to the client.
#[derive(Default)]
pub(super) struct Outgoing {
    queue: Mutex<VecDeque<ServerNotification>>,
    closed: AtomicBool,
    ready: Notify,
}

impl Outgoing {
    pub(super) fn push(&self, notification: ServerNotification) {
        let mut queue = lock(&self.queue);
        if queue.len() == QUEUE {
            queue.pop_front();
        }
        queue.push_back(notification);
        self.ready.notify_one();
    }

    /// Ends [`send`](Self::send) after the waiting notifications.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.ready.notify_one();
    }

    /// Sends notifications, until the queue is closed and empty.
    pub(super) async fn send(&self, peer: &Peer<RoleServer>) {
        loop {
            let next = lock(&self.queue).pop_front();
            match next {
                Some(notification) => {
                    if let Err(error) = peer.send_notification(notification).await {
                        tracing::debug!(%error, "a notification was not sent to the MCP client");
                    }
                }
                None if self.closed.load(Ordering::Acquire) => return,
                None => self.ready.notified().await,
            }
        }
    }
}
