//! Payloads of sub-agents, skills, hooks and commands.

use serde::Deserialize;
use serde_json::Value;

use crate::protocol::agents::AgentInfo;
use crate::protocol::commands::CommandInfo;
use crate::protocol::skills::SkillInfo;
use crate::protocol::{RequestId, ToolCallId, lenient};

/// A sub-agent began.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SubagentStarted {
    /// The call that started it.
    pub tool_call_id: ToolCallId,
    /// The agent.
    pub agent_name: String,
    /// The agent's name for people.
    pub agent_display_name: String,
    /// The model it uses.
    pub model: Option<String>,
}

/// A sub-agent ended.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SubagentEnded {
    /// The call that started it.
    pub tool_call_id: ToolCallId,
    /// The agent.
    pub agent_name: String,
    /// The agent's name for people.
    pub agent_display_name: String,
    /// Why it failed.
    pub error: Option<String>,
    /// Tokens that it used.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub total_tokens: Option<u64>,
    /// How long it took, in milliseconds.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub duration_ms: Option<u64>,
}

/// A custom agent was chosen, or the choice undone.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SubagentSelected {
    /// The agent.
    pub agent_name: String,
    /// The agent's name for people.
    pub agent_display_name: String,
    /// The tools it may use; `None` for all.
    pub tools: Option<Vec<String>>,
}

/// A skill was used.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SkillInvoked {
    /// The skill.
    pub name: String,
    /// Its file.
    pub path: Option<String>,
    /// Its text.
    pub content: Option<String>,
    /// Tools that it may use.
    pub allowed_tools: Option<Vec<String>>,
}

/// The skills were read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SkillsLoaded {
    /// Each skill.
    pub skills: Vec<SkillInfo>,
}

/// There are other custom agents now.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct CustomAgentsUpdated {
    /// Each agent.
    pub agents: Vec<AgentInfo>,
    /// What may be wrong with them.
    pub warnings: Vec<String>,
    /// What is wrong with them.
    pub errors: Vec<String>,
}

/// A hook began.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct HookStarted {
    /// The run of the hook.
    pub hook_invocation_id: String,
    /// Its type.
    pub hook_type: String,
    /// What it was given.
    pub input: Value,
}

/// A hook ended.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct HookEnded {
    /// The run of the hook.
    pub hook_invocation_id: String,
    /// Its type.
    pub hook_type: String,
    /// Whether it worked.
    pub success: bool,
    /// What it gave.
    pub output: Value,
    /// Why it failed.
    pub error: Value,
}

/// A system prompt.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SystemMessage {
    /// The role it was given.
    pub role: String,
    /// The text.
    pub content: String,
}

/// Something that the CLI tells the agent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SystemNotification {
    /// The text.
    pub content: String,
    /// What it is about.
    pub kind: Value,
}

/// The agent was interrupted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AgentInterrupted {
    /// What it was doing.
    pub activity: String,
    /// Tools that were running.
    pub tool_names: Vec<String>,
    /// Their calls.
    pub tool_call_ids: Vec<ToolCallId>,
    /// How long it had taken, in milliseconds.
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub elapsed_ms: Option<u64>,
}

/// A slash command of a program is used.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CommandExecute {
    /// The question.
    pub request_id: RequestId,
    /// The command as it was typed.
    pub command: String,
    /// Its name.
    pub command_name: String,
    /// What follows the name.
    pub args: String,
}

/// There are other slash commands now.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct CommandsChanged {
    /// The programs' commands.
    pub commands: Vec<CommandInfo>,
}

/// A slash command was queued.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CommandQueued {
    /// The question.
    pub request_id: RequestId,
    /// The command as it was typed.
    pub command: String,
}
