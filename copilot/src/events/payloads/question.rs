//! Payloads of requests of the CLI to the program or the user, and of their answers.
//!
//! The library answers the requests that it has a handler for. The `…Completed` payloads say how a request was
//! answered, whichever client answered it; older CLIs send only its id.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::protocol::elicitation::{ElicitationAction, ElicitationMode};
use crate::protocol::modes::{
    AutoModeSwitchRequest, AutoModeSwitchResponse, ExitPlanModeRequest, PlanAction,
};
use crate::protocol::{RequestId, SessionId, ToolCallId};

payload! {
    /// The CLI asks for a tool to be run.
    pub struct ExternalToolRequested {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// The id of the session.
        pub session_id: SessionId,
        /// The id of the tool call.
        pub tool_call_id: ToolCallId,
        /// The name of the tool, as the model calls it.
        pub tool_name: String,
        /// The extension that has the tool; `None` for tools of programs.
        pub provider_id: Option<String>,
        /// The arguments, as JSON.
        pub arguments: Value,
        /// The directory that the agent works in.
        pub working_directory: Option<String>,
        /// The W3C trace context of the call.
        pub traceparent: Option<String>,
        /// The vendor's part of the trace context.
        pub tracestate: Option<String>,
    }

    /// A tool call was answered or dropped.
    pub struct ExternalToolCompleted {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
    }

    /// The agent asks the user.
    pub struct UserInputRequested {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// The question, for people.
        pub question: String,
        /// Answers to choose from.
        pub choices: Vec<String>,
        /// Whether any other answer is allowed; `None` means yes.
        pub allow_freeform: Option<bool>,
        /// The tool call that asks.
        pub tool_call_id: Option<ToolCallId>,
    }

    /// The user's answer to a question of the agent.
    pub struct UserInputCompleted {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// The answer; `None` without one.
        pub answer: Option<String>,
        /// Whether the answer is not one of the choices.
        pub was_freeform: Option<bool>,
    }

    /// The agent, or an MCP server, asks for a form to be filled in.
    pub struct ElicitationRequested {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// The purpose of the form.
        pub message: String,
        /// How the form is shown; `None` means as fields.
        pub mode: Option<ElicitationMode>,
        /// The fields, as a JSON Schema.
        pub requested_schema: Value,
        /// The page to open, in mode [`Url`](ElicitationMode::Url).
        pub url: Option<String>,
        /// The origin of the request: the name of an MCP server, for example.
        pub elicitation_source: Option<String>,
        /// The tool call that asks.
        pub tool_call_id: Option<ToolCallId>,
    }

    /// A form was filled in or refused.
    pub struct ElicitationCompleted {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// The user's action; `None` on CLIs that do not send it.
        pub action: Option<ElicitationAction>,
        /// The values by field, where the form was accepted.
        pub content: BTreeMap<String, Value>,
    }

    /// The agent has a plan and asks to leave the plan mode.
    pub struct ExitPlanModeRequested {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// The plan, with the actions to choose from.
        #[serde(flatten)]
        pub plan: ExitPlanModeRequest,
        /// The model that made the plan.
        pub model: Option<String>,
    }

    /// The user decided about a plan.
    pub struct ExitPlanModeCompleted {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// Whether the plan was approved.
        pub approved: Option<bool>,
        /// The action that follows the plan; `None` on CLIs that do not send it.
        pub selected_action: Option<PlanAction>,
        /// Whether the agent may edit files without permission requests.
        pub auto_approve_edits: Option<bool>,
        /// The user's feedback about the plan; `None` without any.
        pub feedback: Option<String>,
    }

    /// The CLI offers another model.
    pub struct AutoModeSwitchRequested {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// The offer of another model.
        #[serde(flatten)]
        pub offer: AutoModeSwitchRequest,
    }

    /// The user decided about the offer of another model.
    pub struct AutoModeSwitchCompleted {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// The user's answer; `None` on CLIs that do not send it.
        pub response: Option<AutoModeSwitchResponse>,
    }

    /// A session used up its AI credits.
    pub struct LimitsExhaustedRequested {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// The number of AI credits that the session has used.
        pub used_ai_credits: f64,
        /// The number that it may use.
        pub max_ai_credits: f64,
    }

    /// The user decided about a session that used up its AI credits.
    pub struct LimitsExhaustedCompleted {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// The user's decision.
        pub response: LimitsDecision,
    }

    /// The decision about a session that used up its AI credits. A program sends a
    /// [`LimitsResponse`](crate::limits::LimitsResponse).
    pub struct LimitsDecision {
        /// `add`, `set`, `unset` or `cancel`.
        pub action: String,
        /// The number of AI credits that the session may use in addition, for `add`.
        pub additional_ai_credits: Option<f64>,
        /// The number of AI credits that the session may use in all, for `set`.
        pub max_ai_credits: Option<f64>,
    }

    /// An MCP server asks for a model's answer.
    pub struct SamplingRequested {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// The name of the server in the configuration.
        pub server_name: String,
        /// The server's own id of the request: a number or a text.
        pub mcp_request_id: Value,
    }

    /// A request was answered.
    pub struct RequestCompleted {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
    }
}
