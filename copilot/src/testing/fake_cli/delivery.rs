//! Events that are lost, repeated or late on their way to the program.

use std::sync::Arc;

use serde_json::{Value, json};

use super::exchange::Shared;
use crate::protocol::SessionId;

/// The function that decides about the delivery of each event.
pub(super) type Deliver = Arc<dyn Fn(&Value) -> Delivery + Send + Sync>;

/// The way of an event to the program. Returned by the closure of [`FakeCli::on_event`](super::FakeCli::on_event).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// The event is sent once, in order.
    Once,
    /// The event is sent twice.
    Twice,
    /// The event is sent after the next event of its session. Without a next one it is lost.
    Late,
    /// The event is not sent.
    Lost,
}

impl Shared {
    /// Sends an event of a session, as the test has decided.
    pub(super) fn send_event(&self, session: &SessionId, event: Value) {
        // Not under the lock, because the closure belongs to the test.
        let deliver = self.state().deliver.clone();
        let delivery = deliver.map_or(Delivery::Once, |deliver| deliver(&event));
        let send = |event: &Value| {
            let params = json!({"sessionId": session, "event": event});
            self.send(&json!({"jsonrpc": "2.0", "method": "session.event", "params": params}));
        };
        match delivery {
            Delivery::Once => send(&event),
            Delivery::Twice => [&event, &event].into_iter().for_each(send),
            Delivery::Lost => {}
            Delivery::Late => {
                let earlier = self.state().late.insert(session.to_string(), event);
                return earlier.iter().for_each(send);
            }
        }
        let late = self.state().late.remove(session.as_str());
        late.iter().for_each(send);
    }
}
