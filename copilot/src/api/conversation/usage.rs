//! Usage of a session so far.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::Result;
use crate::protocol::decode::Decode;
use crate::protocol::lenient;
use crate::session::turn::by_tool;
use crate::session::{Session, ToolUsage};

pub use crate::protocol::ai_units::AiUnits;
pub use crate::protocol::controls::{
    CodeChanges, ModelMetrics, RequestMetrics, TokenCount, TokenMetrics, UsageMetrics,
};

/// The use of the model's context window, by source. Wire: `session.metadata.getContextAttribution`.
#[derive(Clone, Debug, Default, PartialEq, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ContextAttribution {
    /// The tokens in the context window: system message, conversation and definitions of tools.
    pub total_tokens: u64,
    /// The model whose tokens these are.
    #[decode(with = lenient::text)]
    pub model_id: String,
    /// The tokens that a prompt may have.
    pub limit: u64,
    /// The number of tokens at which the CLI begins to summarise the conversation.
    pub compaction_threshold: u64,
    /// The sources: tools, their definitions, skills, sub-agents, MCP servers, plugins and the system message.
    pub entries: Vec<ContextEntry>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// One source of tokens in the context window.
#[derive(Clone, Debug, Default, PartialEq, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ContextEntry {
    /// The category, such as `tool`, `toolDefinition`, `skill`, `mcpServer`, `subagent`, `system` or `plugin`.
    #[decode(with = lenient::text)]
    pub kind: String,
    /// The category and the name, such as `toolDefinition:bash`.
    #[decode(with = lenient::text)]
    pub id: String,
    /// A text for people.
    #[decode(with = lenient::text)]
    pub label: String,
    /// The tokens of this source.
    pub tokens: u64,
    /// The `id` of the entry that contains this one; `None` for a top-level entry.
    pub parent_id: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Decode)]
#[serde(rename_all = "camelCase")]
struct ContextAttributionResponse {
    context_attribution: Option<ContextAttribution>,
}

impl Session {
    /// Returns how many tokens of the model's context window each source takes; `None` before the first message. The
    /// CLI calls this experimental.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: copilot::Session) -> copilot::Result<()> {
    /// for entry in session.context_attribution().await?.into_iter().flat_map(|context| context.entries) {
    ///     println!("{:>8} {}", entry.tokens, entry.label);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Wire: `session.metadata.getContextAttribution`, a [query](crate#queries).
    pub async fn context_attribution(&self) -> Result<Option<ContextAttribution>> {
        let answer =
            self.ask_for::<ContextAttributionResponse>("session.metadata.getContextAttribution").await?;
        Ok(answer.context_attribution)
    }

    /// Returns the requests, tokens, cost and code changes of the session so far.
    ///
    /// Wire: `session.usage.getMetrics`, a [query](crate#queries).
    pub async fn usage(&self) -> Result<UsageMetrics> {
        self.ask_for("session.usage.getMetrics").await
    }

    /// Returns the calls, failures and time of each tool in the session so far, by the name that the model uses. It is
    /// counted from the [history](Self::history), which has the calls before a resumption too.
    ///
    /// # Errors
    ///
    /// As [`History::events`](crate::history::History::events).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future has no effect.
    pub async fn tool_usage(&self) -> Result<BTreeMap<String, ToolUsage>> {
        Ok(by_tool(&self.history().events().await?))
    }
}
