//! `gitHubTelemetry.event`: the telemetry that the CLI would send to GitHub.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::protocol::SessionId;
use crate::protocol::decode::Decode;

/// One event of telemetry for GitHub about the use of the CLI. Wire: `gitHubTelemetry.event`, from the CLI.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct GithubTelemetry {
    /// The session of the event; `None` for an event of the CLI itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// Whether the event may hold text of users, and must be stored separately.
    pub restricted: bool,
    /// The event, with its properties and measurements.
    pub event: GithubTelemetryEvent,
}

/// An event with its properties and measurements.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(default)]
#[non_exhaustive]
pub struct GithubTelemetryEvent {
    /// The kind of event, such as `session_start`.
    pub kind: String,
    /// The properties of the event, by name.
    pub properties: BTreeMap<String, Value>,
    /// The measurements of the event, by name.
    pub metrics: BTreeMap<String, f64>,
    /// Other members that the CLI sent, such as `created_at` and `client`.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_of_1_0_102_round_trips() {
        let wire = json!({"sessionId": "s", "restricted": false, "event": {
            "kind": "session_usage_info", "properties": {"is_initial": "true"}, "metrics": {"token_limit": 128_000.0},
            "features": {"ALT_SCREEN": "true"}, "session_id": "s"}});
        let read: GithubTelemetry = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(
            (read.event.kind.as_str(), read.event.metrics["token_limit"]),
            ("session_usage_info", 128_000.0)
        );
        assert_eq!(serde_json::to_value(read).unwrap(), wire);
    }
}
