//! Payloads about requests to models: what they cost, and how they failed.

use std::collections::BTreeMap;

use crate::protocol::ToolCallId;
use crate::protocol::account::Quota;
use crate::protocol::ai_units::AiUnits;
use crate::protocol::config::ReasoningSummary;
use crate::protocol::inference::InferenceTransport;
use crate::protocol::timestamp::Timestamp;
use crate::protocol::vocabulary::vocabulary;

vocabulary! {
    /// Why a model stopped.
    FinishReason {
        /// The answer is complete.
        Stop = "stop",
        /// The answer reached its largest length.
        Length = "length",
        /// The model calls tools.
        ToolCalls = "tool_calls",
        /// A content filter cut the answer off.
        ContentFilter = "content_filter",
    }
}

vocabulary! {
    /// The path of a model's service.
    ModelEndpoint {
        /// Chat completions of OpenAI.
        ChatCompletions = "/chat/completions",
        /// The messages API of Anthropic.
        Messages = "/v1/messages",
        /// The responses API of OpenAI.
        Responses = "/responses",
        /// Responses of OpenAI by a web socket.
        WebsocketResponses = "ws:/responses",
    }
}

payload! {
    /// One request to a model: tokens, cost and times.
    pub struct AssistantUsage {
        /// The id of the model.
        pub model: String,
        /// The model's name for people; CLI 1.0.102 and later.
        pub model_display_name: Option<String>,
        /// The company that made the model; CLI 1.0.102 and later.
        pub model_provider: Option<String>,
        /// Tokens of the prompt; `None` where the provider does not count them.
        pub input_tokens: Option<u64>,
        /// Tokens received, those of the reasoning included.
        pub output_tokens: Option<u64>,
        /// Tokens received that are reasoning; `None` where the provider does not count them.
        pub reasoning_tokens: Option<u64>,
        /// Tokens read from the prompt cache.
        pub cache_read_tokens: Option<u64>,
        /// Tokens written to the prompt cache.
        pub cache_write_tokens: Option<u64>,
        /// When the prompt cache expires; `None` where the request did not change that.
        pub cache_expires_at: Option<Timestamp>,
        /// How long the prompt cache lives, in seconds.
        pub cache_ttl_seconds: Option<u64>,
        /// Whether the provider reported its use of the prompt cache.
        pub cache_details_reported: Option<bool>,
        /// The number of premium requests that the request counts for.
        pub cost: Option<f64>,
        /// The cost in AI units, with its parts; `None` for providers other than Copilot.
        pub copilot_usage: Option<CopilotUsage>,
        /// Whether the cost is known, on plans with AI credits; CLI 1.0.102 and later.
        pub ai_credits_status: Option<String>,
        /// The duration of the request, in milliseconds.
        pub duration: Option<u64>,
        /// The time to the first event of a streamed answer, in milliseconds.
        pub time_to_first_token_ms: Option<f64>,
        /// The time to the first text, reasoning or tool call of a streamed answer, in milliseconds.
        pub output_ttft_ms: Option<f64>,
        /// The average time between tokens of a streamed answer, in milliseconds.
        pub inter_token_latency_ms: Option<f64>,
        /// Why the model stopped.
        pub finish_reason: Option<FinishReason>,
        /// Whether a content filter cut the answer off.
        pub content_filter_triggered: bool,
        /// The origin of the request, such as `sub-agent`; `None` for the user.
        pub initiator: Option<String>,
        /// The kind of work that the request belongs to, such as `conversation-agent`.
        pub interaction_type: Option<String>,
        /// The call that started the sub-agent that made the request; `None` for the session's own agent.
        pub parent_tool_call_id: Option<ToolCallId>,
        /// Whether the program's own provider was asked, and not Copilot.
        pub is_byok: Option<bool>,
        /// Whether the CLI chose the model.
        pub is_auto: Option<bool>,
        /// The kind of the program's own provider; CLI 1.0.102 and later.
        pub provider_type: Option<String>,
        /// How the program's own provider is configured; CLI 1.0.102 and later.
        pub byok_kind: Option<String>,
        /// The path of the model's service.
        pub api_endpoint: Option<ModelEndpoint>,
        /// How the model's service was reached.
        pub transport: Option<InferenceTransport>,
        /// The reasoning effort that was asked for.
        pub reasoning_effort: Option<String>,
        /// The summary of the reasoning that was asked for.
        pub reasoning_summary: Option<ReasoningSummary>,
        /// The largest prompt that the request could have had, in tokens.
        pub max_prompt_tokens: Option<u64>,
        /// The longest answer that was asked for, in tokens.
        pub max_output_tokens: Option<u64>,
        /// Tokens that were predicted correctly.
        pub accepted_prediction_tokens: Option<u64>,
        /// Tokens that were predicted wrongly.
        pub rejected_prediction_tokens: Option<u64>,
        /// The number of tools that the model could call.
        pub available_tool_count: Option<u64>,
        /// Tokens of the definitions of these tools.
        pub tool_token_count: Option<u64>,
        /// The number of tools that the model called.
        pub num_tool_calls: Option<u64>,
        /// The number of calls by tool.
        pub tool_counts: BTreeMap<String, u64>,
        /// How much of the plan is used, by what is counted.
        pub quota_snapshots: Option<BTreeMap<String, Quota>>,
        /// The provider's id of the answer.
        pub api_call_id: Option<String>,
        /// GitHub's id of the request, for support.
        pub provider_call_id: Option<String>,
        /// The Copilot service's id of the request, for support.
        pub service_request_id: Option<String>,
        /// The size of the request, in bytes; CLI 1.0.102 and later.
        pub request_body_bytes: Option<u64>,
        /// The size of the request as it was sent, in bytes; CLI 1.0.102 and later.
        pub request_body_wire_bytes: Option<u64>,
        /// The compression of the request; CLI 1.0.102 and later.
        pub request_body_encoding: Option<String>,
    }

    /// The cost of a request, as Copilot bills it.
    pub struct CopilotUsage {
        /// The cost, in AI units.
        #[serde(rename = "totalNanoAiu")]
        pub total: AiUnits,
        /// The parts of the cost.
        pub token_details: Vec<TokenCost>,
    }

    /// The cost of one kind of tokens.
    pub struct TokenCost {
        /// The kind, such as `input` or `output`.
        pub token_type: String,
        /// The number of tokens.
        pub token_count: u64,
        /// The number of tokens in a batch.
        pub batch_size: u64,
        /// The price of a batch.
        pub cost_per_batch: u64,
    }
}

vocabulary! {
    /// Where a request to a model failed.
    ModelFailureKind {
        /// The model's service answered with an error.
        Api = "api",
        /// The service could not be reached, or the connection broke.
        Transport = "transport",
    }
}

payload! {
    /// A request to a model failed.
    pub struct ModelCallFailure {
        /// The id of the model; `None` if none was chosen.
        pub model: Option<String>,
        /// The company that made the model; CLI 1.0.102 and later.
        pub model_provider: Option<String>,
        /// The HTTP status; `None` without an answer.
        pub status_code: Option<u64>,
        /// The error text of the model's service.
        pub error_message: Option<String>,
        /// Where the request failed.
        pub failure_kind: Option<ModelFailureKind>,
        /// `bodyless` or `structured_error`; only for status 400.
        pub bad_request_kind: Option<String>,
        /// The service's code for the error; only for status 400.
        pub error_code: Option<String>,
        /// The service's type of the error; only for status 400.
        pub error_type: Option<String>,
        /// The agent that made the request: `top_level`, `subagent` or `mcp_sampling`.
        pub source: Option<String>,
        /// The origin of the request, such as `sub-agent`; `None` for the user.
        pub initiator: Option<String>,
        /// The kind of work that the request belongs to, such as `conversation-agent`.
        pub interaction_type: Option<String>,
        /// The duration of the request, in milliseconds.
        pub duration_ms: Option<u64>,
        /// The number of earlier attempts; CLI 1.0.102 and later.
        pub retry_attempt: Option<u64>,
        /// Whether the program's own provider was asked, and not Copilot.
        pub is_byok: Option<bool>,
        /// Whether the CLI chose the model.
        pub is_auto: Option<bool>,
        /// The kind of the program's own provider; CLI 1.0.102 and later.
        pub provider_type: Option<String>,
        /// How the program's own provider is configured; CLI 1.0.102 and later.
        pub byok_kind: Option<String>,
        /// The path of the model's service.
        pub api_endpoint: Option<ModelEndpoint>,
        /// How the model's service was reached.
        pub transport: Option<InferenceTransport>,
        /// The reasoning effort that was asked for.
        pub reasoning_effort: Option<String>,
        /// The largest prompt that the request could have had, in tokens.
        pub max_prompt_tokens: Option<u64>,
        /// The longest answer that was asked for, in tokens.
        pub max_output_tokens: Option<u64>,
        /// How much of the plan is used, by what is counted.
        pub quota_snapshots: Option<BTreeMap<String, Quota>>,
        /// The provider's id of the answer.
        pub api_call_id: Option<String>,
        /// GitHub's id of the request, for support.
        pub provider_call_id: Option<String>,
        /// The Copilot service's id of the request, for support.
        pub service_request_id: Option<String>,
        /// The size of the request, in bytes; CLI 1.0.102 and later.
        pub request_body_bytes: Option<u64>,
        /// The size of the request as it was sent, in bytes; CLI 1.0.102 and later.
        pub request_body_wire_bytes: Option<u64>,
        /// The compression of the request; CLI 1.0.102 and later.
        pub request_body_encoding: Option<String>,
    }

    /// A request is sent to a model.
    pub struct ModelCallStart {
        /// The step that it belongs to.
        pub turn_id: String,
        /// The id of the model; `None` if none was chosen.
        pub model: Option<String>,
        /// The answer that the request continues, for services that keep answers.
        pub previous_response_id: Option<String>,
        /// The call that started the sub-agent that makes the request; CLI 1.0.102 and later.
        pub parent_tool_call_id: Option<ToolCallId>,
    }

    /// A request to a model has ended.
    pub struct ModelCallFinished {
        /// The step that it belongs to.
        pub turn_id: String,
        /// The interaction that it belongs to.
        pub interaction_id: Option<String>,
        /// The duration without waits before retries, in milliseconds.
        pub dispatch_duration_ms: f64,
        /// `success`, `error`, `cancelled` or `rejected`.
        pub outcome: String,
        /// Whether the answer calls a tool of the CLI that edits files; `None` without an accepted answer.
        pub contains_built_in_file_edit_request: Option<bool>,
        /// The version of the rule for that.
        pub edit_classifier_version: u64,
    }

    /// The cost of the session so far. It is in the history, so that a resumed session keeps counting.
    pub struct UsageCheckpoint {
        /// The cost, in AI units.
        #[serde(rename = "totalNanoAiu")]
        pub total: AiUnits,
        /// The number of premium requests.
        pub total_premium_requests: Option<f64>,
        /// The state of the prompt cache by model.
        pub model_cache_state: Vec<ModelCacheState>,
    }

    /// The state of a model's prompt cache.
    pub struct ModelCacheState {
        /// The id of the model.
        pub model_id: String,
        /// When the cache expires.
        pub cache_expires_at: Option<Timestamp>,
        /// How long the cache lives after it was used, in seconds.
        pub cache_ttl_seconds: u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_of_a_request_is_read_in_ai_units() {
        let text = r#"{"model":"m","copilotUsage":{"totalNanoAiu":2500000000,"tokenDetails":[
            {"tokenType":"input","tokenCount":10,"batchSize":1000000,"costPerBatch":3}]}}"#;
        let usage: AssistantUsage = serde_json::from_str(text).unwrap();
        let cost = usage.copilot_usage.unwrap();
        assert_eq!((cost.total.units(), cost.token_details[0].batch_size), (2.5, 1_000_000));
    }
}
