//! The bytes that wait in the queues of a client, for the gauges.

use std::sync::{Arc, Weak};

use super::Shared;
use crate::metrics::Queues;

impl Queues for Shared {
    fn bytes(&self) -> (u64, u64) {
        let events = self.router.all().iter().map(|session| session.subscribers.queued_bytes()).sum();
        let requests = self.connection.current().map_or(0, |connection| connection.peer.queued());
        (events, requests as u64)
    }
}

/// Adds a client to the gauges of its measurements.
pub(super) fn watch(client: &Arc<Shared>) {
    let client_queues: Weak<Shared> = Arc::downgrade(client);
    client.options.observation.recorder.watch(client_queues);
}
