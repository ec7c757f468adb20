//! The payload of the end of a session, with its whole usage.

use std::collections::BTreeMap;

use crate::protocol::ai_units::AiUnits;
use crate::protocol::controls::{CodeChanges, ModelMetrics, TokenCount};
use crate::protocol::timestamp::Timestamp;
use crate::protocol::vocabulary::vocabulary;

vocabulary! {
    /// How a session ended.
    ShutdownKind {
        /// The session was closed.
        Routine = "routine",
        /// An error ended the session.
        Error = "error",
    }
}

payload! {
    /// The session ended in the CLI.
    pub struct SessionShutdown {
        /// How the session ended.
        pub shutdown_type: ShutdownKind,
        /// The error text, if an error ended the session.
        pub error_reason: Option<String>,
        /// The cost of the session; `None` where the plan does not count AI units.
        #[serde(rename = "totalNanoAiu")]
        pub total: Option<AiUnits>,
        /// The number of premium requests.
        pub total_premium_requests: Option<f64>,
        /// The number of tokens by kind, such as `input`.
        pub token_details: BTreeMap<String, TokenCount>,
        /// The time that requests to models took, in milliseconds.
        pub total_api_duration_ms: Option<u64>,
        /// When the session began.
        pub session_start_time: Option<Timestamp>,
        /// The size of the history, in bytes.
        pub events_file_size_bytes: Option<u64>,
        /// The changes in files.
        pub code_changes: CodeChanges,
        /// The usage by model.
        pub model_metrics: BTreeMap<String, ModelMetrics>,
        /// The usage by model and provider; CLI 1.0.102 and later.
        pub provider_model_metrics: Vec<ProviderModelUsage>,
        /// The usage by agent; `main` is the session's own.
        pub agent_metrics: BTreeMap<String, AgentUsage>,
        /// The model at the end.
        pub current_model: Option<String>,
        /// Tokens in the context window at the end.
        pub current_tokens: Option<u64>,
        /// Tokens of the system prompt at the end.
        pub system_tokens: Option<u64>,
        /// Tokens of the conversation at the end.
        pub conversation_tokens: Option<u64>,
        /// Tokens of the tools' definitions at the end.
        pub tool_definitions_tokens: Option<u64>,
    }

    /// The usage of one model of one provider.
    pub struct ProviderModelUsage {
        /// The provider; `None` for Copilot or a provider without a name.
        pub provider: Option<String>,
        /// The id of the model.
        pub model_id: String,
        /// The model's name for people.
        pub model_display_name: Option<String>,
        /// The requests, tokens and cost.
        pub metrics: ModelMetrics,
    }

    /// The usage of one agent.
    pub struct AgentUsage {
        /// The agent's name; `None` for the session's own.
        pub agent_name: Option<String>,
        /// The agent's name for people.
        pub agent_display_name: Option<String>,
        /// The time that requests to models took, in milliseconds.
        pub total_api_duration_ms: u64,
        /// The cost, in AI units.
        #[serde(rename = "totalNanoAiu")]
        pub total: AiUnits,
        /// The usage by model.
        pub model_metrics: BTreeMap<String, ModelMetrics>,
    }
}
