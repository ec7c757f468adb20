//! Capabilities of the CLI and its other clients in a session.

use crate::session::topic::Topic;

pub(crate) const TOPIC: Topic = Topic {
    events: &[("capabilities.changed", |session, data| {
        session.read_event("capabilities.changed", data, |session, newer| session.learn(&newer));
    })],
    ..Topic::NONE
};
