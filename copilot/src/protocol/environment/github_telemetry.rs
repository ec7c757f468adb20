//! `gitHubTelemetry.event`: what the CLI would tell GitHub about itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::protocol::SessionId;

/// Something that the CLI tells GitHub about how it is used. Wire: `gitHubTelemetry.event`, from the CLI.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct GithubTelemetry {
    /// The session that it is about; `None` for the CLI itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// Whether it may hold what users have written, and must be kept apart.
    pub restricted: bool,
    /// What happened.
    pub event: GithubTelemetryEvent,
}

/// What happened, as the CLI counts it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct GithubTelemetryEvent {
    /// What kind of event it is, such as `session_start`.
    pub kind: String,
    /// What is known about it.
    pub properties: BTreeMap<String, Value>,
    /// What was measured.
    pub metrics: BTreeMap<String, f64>,
    /// Everything else that came with it, such as `created_at` and `client`.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_1_0_102_tells_round_trips() {
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
