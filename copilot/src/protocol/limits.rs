//! `session_limits_exhausted.requested` and its response: a session has used up its AI credits.

use serde::Serialize;

use crate::protocol::decode::Decode;
use crate::protocol::{RequestId, SessionId};

/// A session has used up its AI credits. Wire: `session_limits_exhausted.requested`, from the CLI.
#[derive(Clone, Debug, Default, PartialEq, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct LimitsRequest {
    pub(crate) request_id: RequestId,
    /// The number of AI credits that the session has used.
    pub used_ai_credits: f64,
    /// The number of AI credits that the session may use.
    pub max_ai_credits: f64,
}

/// The response for a session that has used up its limits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum LimitsResponse {
    /// The limit rises by this number of AI credits.
    Add {
        /// The number of AI credits to add.
        additional_ai_credits: f64,
    },
    /// The limit becomes this number of AI credits. CLI 1.0.102 requires 30 or more.
    Set {
        /// The number of AI credits in total.
        max_ai_credits: f64,
    },
    /// The session continues without a limit.
    Unset,
    /// The session stops at its limit.
    Cancel,
}

/// The parameters of `session.ui.handlePendingSessionLimitsExhausted`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LimitsAnswerParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) request_id: &'a RequestId,
    pub(crate) response: LimitsResponse,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_written_as_the_schema_of_1_0_102_wants_them() {
        let wire = |answer: LimitsResponse| serde_json::to_value(answer).unwrap();
        assert_eq!(
            wire(LimitsResponse::Add { additional_ai_credits: 10.0 }),
            json!({"action": "add", "additionalAiCredits": 10.0})
        );
        assert_eq!(
            wire(LimitsResponse::Set { max_ai_credits: 60.0 }),
            json!({"action": "set", "maxAiCredits": 60.0})
        );
        assert_eq!(wire(LimitsResponse::Unset), json!({"action": "unset"}));
        assert_eq!(wire(LimitsResponse::Cancel), json!({"action": "cancel"}));
    }
}
