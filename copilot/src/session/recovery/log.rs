//! The event log of the CLI, which has the events of a session whether they have reached this program or not.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::ControlFlow;

use serde_json::value::RawValue;

use crate::error::Result;
use crate::events::{EventHead, EventName};
use crate::protocol::decode::{self, Decode};
use crate::protocol::event_log::{EventPageResponse, EventQuery, EventQueryParams};
use crate::rpc::Peer;
use crate::session::core::SessionCore;

/// The number of events that are read at a time.
const PAGE: u64 = 200;

/// The events that ask, each with the event that settles its question.
const QUESTIONS: &[(EventName, EventName)] = &[
    (EventName::ExternalToolRequested, EventName::ExternalToolCompleted),
    (EventName::PermissionRequested, EventName::PermissionCompleted),
    (EventName::ElicitationRequested, EventName::ElicitationCompleted),
    (EventName::CommandExecute, EventName::CommandCompleted),
    (EventName::SamplingRequested, EventName::SamplingCompleted),
    (EventName::LimitsExhaustedRequested, EventName::LimitsExhaustedCompleted),
    (EventName::McpOauthRequired, EventName::McpOauthCompleted),
    (EventName::McpHeadersRequired, EventName::McpHeadersCompleted),
];

/// The events after which no earlier question is open.
const BARRIERS: &[EventName] =
    &[EventName::SessionStart, EventName::SessionResume, EventName::SessionIdle, EventName::Abort];

/// The member of a question, and of its end, that names the request.
#[derive(Decode)]
#[serde(rename_all = "camelCase")]
struct Asked<'a> {
    #[serde(default)]
    request_id: Cow<'a, str>,
}

/// An event that asks and is not settled.
pub(super) struct Open {
    pub(super) request_id: String,
    pub(super) name: EventName,
    /// The event as it is on the wire.
    pub(super) event: Box<RawValue>,
}

/// Reads the envelope of a logged event.
pub(super) fn head(event: &RawValue) -> Option<EventHead<'_>> {
    decode::event(event.get()).ok()
}

/// Returns the id of the request that an event names.
fn request_id(head: &EventHead<'_>) -> Option<String> {
    let asked = decode::question::<Asked<'_>>(head.data().get()).ok()?;
    Some(asked.request_id.into_owned()).filter(|id| !id.is_empty())
}

/// Returns the questions that are open after these events.
fn open_after(events: Vec<Box<RawValue>>) -> Vec<Open> {
    let mut open = Vec::<Open>::new();
    let mut settled = HashSet::new();
    for event in events {
        let Some(head) = head(&event) else { continue };
        let name = head.name();
        if BARRIERS.contains(&name) && head.agent().is_none() {
            open.clear();
        } else if let Some(request_id) = request_id(&head) {
            if QUESTIONS.iter().any(|(asks, _)| *asks == name) {
                open.push(Open { request_id, name, event });
            } else {
                settled.insert(request_id);
            }
        }
    }
    open.retain(|question| !settled.contains(&question.request_id));
    open
}

impl SessionCore {
    /// Reads the events of these types, the oldest first, until `visit` has seen enough.
    ///
    /// `since` is the id of a persisted event: earlier ones are left out, as far as the CLI knows it.
    ///
    /// Wire: `session.eventLog.read`, to the CLI.
    pub(in crate::session) async fn read_log(
        &self,
        peer: &Peer,
        types: &[EventName],
        since: Option<&str>,
        mut visit: impl FnMut(Box<RawValue>) -> ControlFlow<()> + Send,
    ) -> Result<()> {
        let mut query =
            EventQuery::new().max(PAGE).types(types.iter().map(|name| name.as_str())).include_ephemeral(true);
        if let Some(id) = since {
            // After the colon stands the number of the first ephemeral event.
            query = query.cursor(format!("{id}|0"));
        }
        let mut position = None::<String>;
        loop {
            let params = EventQueryParams { session_id: &self.id, query: &query };
            let page: EventPageResponse<Box<RawValue>> =
                peer.request("session.eventLog.read", &params).decoded().await?;
            let stands_still = page.events.is_empty() && position.as_ref() == Some(&page.cursor);
            for event in page.events {
                if visit(event).is_break() {
                    return Ok(());
                }
            }
            if !page.has_more || stands_still {
                return Ok(());
            }
            query = query.cursor(page.cursor.as_str());
            position = Some(page.cursor);
        }
    }

    /// Returns the events that ask and are not settled.
    pub(super) async fn open_questions(&self, peer: &Peer) -> Result<Vec<Open>> {
        let pairs = QUESTIONS.iter().flat_map(|(asks, settles)| [*asks, *settles]);
        let types: Vec<EventName> = pairs.chain(BARRIERS.iter().copied()).collect();
        let mut events = Vec::new();
        self.read_log(peer, &types, None, |event| {
            events.push(event);
            ControlFlow::Continue(())
        })
        .await?;
        Ok(open_after(events))
    }

    /// Returns the last `session.idle` where the agent has not begun with another message since.
    pub(super) async fn last_idle(&self, peer: &Peer) -> Result<Option<Box<RawValue>>> {
        let types = [EventName::UserMessage, EventName::AssistantTurnStart, EventName::SessionIdle];
        let mut last = None;
        self.read_log(peer, &types, None, |event| {
            match head(&event).filter(|head| head.agent().is_none()).map(|head| head.name()) {
                Some(EventName::SessionIdle) => last = Some(event),
                Some(_) => last = None,
                None => {}
            }
            ControlFlow::Continue(())
        })
        .await?;
        Ok(last)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::to_raw_value;

    use super::*;

    #[test]
    fn questions_are_open_until_they_are_settled_or_the_agent_stops() {
        let event = |name: &str, id: &str| {
            to_raw_value(&json!({"type": name, "id": "e", "data": {"requestId": id}})).unwrap()
        };
        let sub_agent =
            |name: &str| to_raw_value(&json!({"type": name, "agentId": "a", "data": {}})).unwrap();
        let events = vec![
            event("external_tool.requested", "before"),
            event("abort", ""),
            event("external_tool.requested", "open"),
            event("permission.requested", "settled"),
            sub_agent("session.idle"),
            event("elicitation.requested", "asked"),
            event("permission.completed", "settled"),
            event("external_tool.requested", ""),
        ];
        let open = open_after(events);
        let ids: Vec<&str> = open.iter().map(|open| open.request_id.as_str()).collect();
        assert_eq!(ids, ["open", "asked"]);
    }
}
