//! Rewinding a session: `session.history.rewind` and `session.history.listRewindPoints`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::protocol::SessionId;
use crate::protocol::decode::Decode;
use crate::protocol::vocabulary::vocabulary;

/// The positions that a session can be reset to. Wire: `session.history.listRewindPoints`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct RewindPoints {
    /// Whether changes to files are tracked; without it only the conversation can be reset. See
    /// [`Workspace::file_change_tracking`](crate::workspace::Workspace::file_change_tracking).
    pub file_change_tracking_enabled: bool,
    /// The reason for having no positions, such as `session-busy`; `None` where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable_reason: Option<String>,
    /// The positions, one for each message of the user.
    pub points: Vec<RewindPoint>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// A message of the user that a session can be reset to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct RewindPoint {
    /// The id of the message's event.
    pub event_id: String,
    /// The text of the user's message.
    pub user_message: String,
    /// The time at which the message was sent, as RFC 3339.
    pub timestamp: String,
    /// Whether files can be reset too.
    pub can_restore_files: bool,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

vocabulary! {
    /// The parts of a session that are reset.
    RewindMode {
        /// Only the conversation is reset.
        Conversation = "conversation",
        /// The conversation and the agent's changes to files are reset.
        ConversationAndFiles = "conversation-and-files",
    }
}

vocabulary! {
    /// Whether a session was reset, and if not, the reason.
    RewindOutcome {
        /// The session was reset.
        Success = "success",
        /// The session was not reset, because its agent works.
        SessionBusy = "session-busy",
        /// The session was not reset, because changes to files are not tracked.
        FileChangeTrackingDisabled = "file-change-tracking-disabled",
    }
}

/// The result of a rewind. Wire: `session.history.rewind`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Rewound {
    /// Whether the session was reset, and if not, the reason.
    pub outcome: RewindOutcome,
    /// The number of events that were removed; `None` where the CLI does not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events_removed: Option<u64>,
    /// The paths of the files that were restored.
    pub restored_files: Vec<String>,
    /// The text of the error; `None` where the rewind succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RewindParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) event_id: &'a str,
    pub(crate) mode: RewindMode,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_of_1_0_102_round_trip() {
        let wire =
            json!({"fileChangeTrackingEnabled": true, "unavailableReason": "session-busy", "points": []});
        let points: RewindPoints = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(points).unwrap(), wire);
        let wire = json!({"outcome": "success", "eventsRemoved": 5, "restoredFiles": [], "skippedFiles": []});
        let rewound: Rewound = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(rewound.outcome, RewindOutcome::Success);
        assert_eq!(serde_json::to_value(rewound).unwrap(), wire);
    }
}
