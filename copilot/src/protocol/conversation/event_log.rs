//! `session.eventLog.*`: the events of a session from a position on.

use serde::Serialize;

use crate::protocol::SessionId;
use crate::protocol::decode::Decode;
use crate::protocol::settings::settings;

settings! {
    /// The selection of events that are read, and their number in a page. Wire: `session.eventLog.read`.
    EventQuery {
        /// Sets the position to read from, as returned in [`EventPage::cursor`](crate::history::EventPage::cursor).
        /// Default: the beginning.
        cursor: text,
        /// Sets the largest number of events in a page.
        max: (u64),
        /// Sets the time to wait for an event where there is none yet, in milliseconds.
        wait_ms: (u64),
        /// Sets the types of the events that are read, by their names on the wire.
        types: list,
        /// Sets whether ephemeral events are included, as far as the CLI still has them.
        include_ephemeral: flag,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventQueryParams<'a> {
    pub(crate) session_id: &'a SessionId,
    #[serde(flatten)]
    pub(crate) query: &'a EventQuery,
}

#[derive(Debug, Decode)]
pub(crate) struct EventTail {
    pub(crate) cursor: String,
}

#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventPageResponse<E> {
    #[serde(default = "Vec::new")]
    pub(crate) events: Vec<E>,
    pub(crate) cursor: String,
    #[serde(default)]
    pub(crate) has_more: bool,
    #[serde(default)]
    pub(crate) cursor_status: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_query_reaches_the_wire() {
        let (session_id, query) = (&SessionId::from("s"), &EventQuery::new());
        assert_eq!(
            serde_json::to_value(EventQueryParams { session_id, query }).unwrap(),
            json!({"sessionId": "s"})
        );
        let query =
            &EventQuery::new().cursor("c").max(2).wait_ms(3).types(["abort"]).include_ephemeral(false);
        assert_eq!(
            serde_json::to_value(EventQueryParams { session_id, query }).unwrap(),
            json!({"sessionId": "s", "cursor": "c", "max": 2, "waitMs": 3, "types": ["abort"],
                   "includeEphemeral": false})
        );
    }
}
