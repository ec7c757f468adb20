//! `session.queue.*`: messages that wait for their turn.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::protocol::decode::Decode;
use crate::protocol::session::AgentMode;
use crate::protocol::vocabulary::vocabulary;
use crate::protocol::{MessageId, SessionId};

/// The items that wait for the agent. Wire: `session.queue.pendingItems`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct QueueContent {
    /// The items that wait for their turn, in the order of their turns.
    pub items: Vec<QueueItem>,
    /// The texts that will steer the agent's current work.
    pub steering_messages: Vec<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// An item that waits for its turn.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct QueueItem {
    /// The id of the item in the queue.
    pub id: String,
    /// The id of the message; `None` on CLIs that do not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// The kind of item.
    pub kind: QueueItemKind,
    /// The text of the item, for people.
    pub display_text: String,
    /// The mode in which the agent will work on the item.
    pub agent_mode: AgentMode,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

vocabulary! {
    /// The kind of an item in the queue.
    QueueItemKind {
        /// A message to the agent.
        Message = "message",
        /// A slash command of the user.
        Command = "command",
    }
}

/// The parameters of all methods of the queue that take any.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueParams<'a> {
    pub(crate) session_id: Option<&'a SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to_position: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) paused: Option<bool>,
}

#[derive(Debug, Decode)]
pub(crate) struct QueueRemoved {
    #[serde(default)]
    pub(crate) removed: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_queue_of_1_0_102_round_trips() {
        let wire = json!({
            "items": [{"id": "1", "messageId": "m", "kind": "message", "displayText": "two",
                       "agentMode": "interactive", "never": 1}],
            "steeringMessages": ["steer"], "inFlightSteeringCount": 0,
        });
        let content: QueueContent = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!((&content.items[0].kind, content.items[0].id.as_str()), (&QueueItemKind::Message, "1"));
        assert_eq!(serde_json::to_value(content).unwrap(), wire);
        let id = SessionId::from("s");
        let params = QueueParams { session_id: Some(&id), id: Some("1"), ..QueueParams::default() };
        assert_eq!(serde_json::to_value(params).unwrap(), json!({"sessionId": "s", "id": "1"}));
    }
}
