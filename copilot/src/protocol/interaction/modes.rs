//! `exitPlanMode.request` and `autoModeSwitch.request`: the agent asks for a change of its mode or its model.

use serde::Serialize;

use crate::protocol::decode::Decode;
use crate::protocol::vocabulary::vocabulary;

vocabulary! {
    /// The action that follows a plan.
    PlanAction {
        /// The agent executes the plan without messages of the user.
        Autopilot = "autopilot",
        /// The agent executes the plan without messages of the user, with sub-agents in parallel.
        AutopilotFleet = "autopilot_fleet",
        /// The agent executes the plan step by step, with the user.
        Interactive = "interactive",
        /// The agent only leaves the plan mode.
        ExitOnly = "exit_only",
    }
}

/// The agent has a plan, and wants to leave the plan mode. Wire: `exitPlanMode.request`, from the CLI.
#[derive(Clone, Debug, Default, PartialEq, Eq, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ExitPlanModeRequest {
    /// A summary of the plan.
    pub summary: String,
    /// The text of the plan; `None` where it was not written down.
    pub plan_content: Option<String>,
    /// The actions to choose from.
    pub actions: Vec<PlanAction>,
    /// The action that the agent recommends.
    pub recommended_action: PlanAction,
}

/// The answer to `exitPlanMode.request`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExitPlanModeAnswer {
    pub(crate) approved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) selected_action: Option<PlanAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) feedback: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auto_approve_edits: Option<bool>,
}

/// An offer of another model: the model's service refuses further requests, and the CLI offers to continue with another
/// model. Wire: `autoModeSwitch.request`, from the CLI.
#[derive(Clone, Debug, Default, PartialEq, Eq, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AutoModeSwitchRequest {
    /// The service's code for the refusal; `None` where the CLI does not report it.
    pub error_code: Option<String>,
    /// The delay until the same model is available again, in seconds; `None` where the service does not report it.
    pub retry_after_seconds: Option<u64>,
}

vocabulary! {
    /// The answer to [`AutoModeSwitchRequest`].
    AutoModeSwitchResponse {
        /// The CLI selects the model, this time only.
        Yes = "yes",
        /// The CLI selects the model, now and in later cases.
        YesAlways = "yes_always",
        /// The session keeps its model.
        No = "no",
    }
}

/// The answer to `autoModeSwitch.request`.
#[derive(Debug, Serialize)]
pub(crate) struct AutoModeSwitchAnswer {
    pub(crate) response: AutoModeSwitchResponse,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_proposal_of_1_0_102_is_read() {
        let asked = json!({"sessionId": "s", "summary": "do it", "planContent": "",
            "actions": ["autopilot", "interactive", "exit_only", "new"], "recommendedAction": "interactive"});
        let proposal: ExitPlanModeRequest = serde_json::from_value(asked).unwrap();
        assert_eq!(proposal.recommended_action, PlanAction::Interactive);
        assert_eq!(
            proposal.actions,
            [
                PlanAction::Autopilot,
                PlanAction::Interactive,
                PlanAction::ExitOnly,
                PlanAction::Other("new".into())
            ]
        );
    }
}
