//! Payloads about the model's context window and the history: how full it is, and what was taken out.

use super::usage::CopilotUsage;
use crate::protocol::vocabulary::vocabulary;

vocabulary! {
    /// Why a conversation is summarised.
    CompactionTrigger {
        /// The context window is nearly full.
        Threshold = "threshold",
        /// A request was too long for the model.
        ContextLimitRetry = "context_limit_retry",
        /// The user or the program asked for it.
        Manual = "manual",
        /// The CLI is short of memory.
        MemoryPressure = "memory_pressure",
        /// The next model has a smaller context window.
        ModelSwitch = "model_switch",
    }
}

payload! {
    /// How full the context window is.
    pub struct UsageInfo {
        /// The size of the context window, in tokens.
        pub token_limit: u64,
        /// The tokens in the context window.
        pub current_tokens: u64,
        /// Messages in the conversation.
        pub messages_length: u64,
        /// Tokens of the system prompt.
        pub system_tokens: Option<u64>,
        /// Tokens of the conversation.
        pub conversation_tokens: Option<u64>,
        /// Tokens of the tools' definitions.
        pub tool_definitions_tokens: Option<u64>,
        /// Whether it is the first event of its kind in the session.
        pub is_initial: bool,
    }

    /// The conversation is being summarised. Tokens are counted before that.
    pub struct CompactionStart {
        /// Why it is summarised.
        pub trigger: Option<CompactionTrigger>,
        /// The model that the summary is for.
        pub model: Option<String>,
        /// Tokens that fit in the context window.
        pub token_limit: Option<u64>,
        /// The tokens in the context window; `None` where the CLI does not count them.
        pub current_tokens: Option<u64>,
        /// Tokens of the system prompt.
        pub system_tokens: Option<u64>,
        /// Tokens of the conversation.
        pub conversation_tokens: Option<u64>,
        /// Tokens of the tools' definitions.
        pub tool_definitions_tokens: Option<u64>,
        /// The attempt, as in [`CompactionComplete::compaction_attempt_id`].
        pub compaction_attempt_id: Option<String>,
    }

    /// The conversation was summarised, or that failed.
    pub struct CompactionComplete {
        /// Whether it was summarised.
        pub success: bool,
        /// The error text of a failure.
        pub error: Option<String>,
        /// The HTTP status of a failure; `None` without an answer.
        pub status_code: Option<u64>,
        /// How it ended, in a word; CLI 1.0.102 and later.
        pub outcome: Option<String>,
        /// Why it was summarised.
        pub trigger: Option<CompactionTrigger>,
        /// Tokens of the conversation before.
        pub pre_compaction_tokens: Option<u64>,
        /// Tokens of the conversation after.
        pub post_compaction_tokens: Option<u64>,
        /// Messages in the conversation before.
        pub pre_compaction_messages_length: Option<u64>,
        /// Tokens that were freed.
        pub tokens_removed: Option<u64>,
        /// Messages that were replaced.
        pub messages_removed: Option<u64>,
        /// The summary; `None` if the attempt failed.
        pub summary_content: Option<String>,
        /// The user's instructions for the summary; `None` without any.
        pub custom_instructions: Option<String>,
        /// The number of the file with what was replaced.
        pub checkpoint_number: Option<u64>,
        /// The file with what was replaced.
        pub checkpoint_path: Option<String>,
        /// The cost of the summary.
        pub compaction_tokens_used: Option<CompactionUsage>,
        /// Tokens of the system prompt after.
        pub system_tokens: Option<u64>,
        /// Tokens of the messages after.
        pub conversation_tokens: Option<u64>,
        /// Tokens of the tools' definitions.
        pub tool_definitions_tokens: Option<u64>,
        /// Tokens that fit in the context window.
        pub token_limit: Option<u64>,
        /// How the tokens were counted; CLI 1.0.102 and later.
        pub token_accounting_basis: Option<String>,
        /// The model whose rules apply when the history is read again.
        pub behavior_model_id: Option<String>,
        /// The attempt, as in [`CompactionStart::compaction_attempt_id`]; CLI 1.0.102 and later.
        pub compaction_attempt_id: Option<String>,
        /// GitHub's id of the request, for support.
        pub request_id: Option<String>,
        /// The Copilot service's id of the request, for support.
        pub service_request_id: Option<String>,
    }

    /// The cost of a summary.
    pub struct CompactionUsage {
        /// The model that wrote the summary.
        pub model: Option<String>,
        /// The model's name for people; CLI 1.0.102 and later.
        pub model_display_name: Option<String>,
        /// Tokens of the prompt; `None` where the provider does not count them.
        pub input_tokens: Option<u64>,
        /// Tokens of the answer; `None` where the provider does not count them.
        pub output_tokens: Option<u64>,
        /// Tokens read from the prompt cache.
        pub cache_read_tokens: Option<u64>,
        /// Tokens written to the prompt cache.
        pub cache_write_tokens: Option<u64>,
        /// The cost in AI units; `None` for providers other than Copilot.
        pub copilot_usage: Option<CopilotUsage>,
        /// Whether the cost is known, on plans with AI credits; CLI 1.0.102 and later.
        pub ai_credits_status: Option<String>,
        /// The duration, in milliseconds.
        pub duration: Option<u64>,
        /// The number of requests; CLI 1.0.102 and later.
        pub request_count: Option<u64>,
    }

    /// Old messages were cut off.
    pub struct Truncation {
        /// Tokens that fit in the context window.
        pub token_limit: u64,
        /// Tokens of the messages before.
        pub pre_truncation_tokens_in_messages: u64,
        /// The number of messages before the truncation.
        pub pre_truncation_messages_length: u64,
        /// Tokens of the messages after.
        pub post_truncation_tokens_in_messages: u64,
        /// The number of messages after the truncation.
        pub post_truncation_messages_length: u64,
        /// Tokens that were freed.
        pub tokens_removed_during_truncation: u64,
        /// Messages that were cut off.
        pub messages_removed_during_truncation: u64,
        /// The part of the CLI that cut them off.
        pub performed_by: String,
    }

    /// The conversation was cleared.
    pub struct ContextCleared {
        /// Messages that were removed.
        pub messages_cleared: u64,
        /// The message that the conversation starts with instead.
        pub initial_message: Option<String>,
    }

    /// The history was rewound.
    pub struct SnapshotRewind {
        /// The first event that was removed.
        pub up_to_event_id: String,
        /// The number of events that were removed.
        pub events_removed: u64,
    }
}
