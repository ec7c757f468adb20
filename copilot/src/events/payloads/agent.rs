//! Payloads of sub-agents, skills, hooks, commands and prompts.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::protocol::agents::AgentInfo;
use crate::protocol::ai_units::AiUnits;
use crate::protocol::commands::CommandInfo;
use crate::protocol::config::ContextTier;
use crate::protocol::skills::SkillInfo;
use crate::protocol::vocabulary::vocabulary;
use crate::protocol::{RequestId, ToolCallId};

payload! {
    /// The start of a sub-agent.
    pub struct SubagentStarted {
        /// The call that started it.
        pub tool_call_id: ToolCallId,
        /// The agent's name, by which it is called.
        pub agent_name: String,
        /// The agent's name for people.
        pub agent_display_name: String,
        /// The agent's purpose, as the model reads it.
        pub agent_description: String,
        /// The agent's type, as the call chose it.
        pub agent_type: Option<String>,
        /// The model, if it is known yet.
        pub model: Option<String>,
        /// The origin of the choice of the model; CLI 1.0.102 and later.
        pub model_selection_source: Option<String>,
        /// The origin of the task's model; CLI 1.0.102 and later.
        pub task_model_source: Option<String>,
        /// Whether the agent runs in the background or its caller waits for it.
        pub execution_mode: Option<String>,
        /// The sub-agent that started it; `None` for the session's own agent.
        pub parent_id: Option<String>,
        /// Whether the agent can continue after its end.
        pub resumable: Option<bool>,
        /// The workflow run that started it, if one did.
        pub factory_run_id: Option<String>,
    }

    /// A sub-agent is about to work.
    pub struct SubagentConfigured {
        /// The id of the model.
        pub model: String,
        /// The model's reasoning effort.
        pub reasoning_effort: Option<String>,
        /// The model's context window; `None` for models with one.
        pub context_tier: Option<ContextTier>,
        /// Whether the agent takes further messages.
        pub multi_turn: bool,
    }

    /// The end of a sub-agent, with or without success.
    pub struct SubagentEnded {
        /// The call that started it.
        pub tool_call_id: ToolCallId,
        /// The agent's name, by which it is called.
        pub agent_name: String,
        /// The agent's name for people.
        pub agent_display_name: String,
        /// The error text; only where the agent failed.
        pub error: Option<String>,
        /// Whether the agent was stopped before its work was done.
        pub cancelled: bool,
        /// The id of the model; `None` if none was chosen.
        pub model: Option<String>,
        /// The first model that was asked.
        pub first_dispatched_model: Option<String>,
        /// The model that the user configured for the agent.
        pub configured_model_preference: Option<String>,
        /// The model that the call chose.
        pub explicit_model_override: Option<String>,
        /// Whether the call chose the configured model.
        pub explicit_model_matches_preference: Option<bool>,
        /// Whether the first model that was asked is the configured one.
        pub configured_model_matches_actual: Option<bool>,
        /// The origin of the choice of the model; CLI 1.0.102 and later.
        pub model_selection_source: Option<String>,
        /// The number of tool calls.
        pub total_tool_calls: Option<u64>,
        /// The number of tokens, sent and received.
        pub total_tokens: Option<u64>,
        /// The duration, in milliseconds.
        pub duration_ms: Option<u64>,
    }

    /// A custom agent was selected, or the selection undone.
    pub struct SubagentSelected {
        /// The agent's name, by which it is called.
        pub agent_name: String,
        /// The agent's name for people.
        pub agent_display_name: String,
        /// The tools that the agent may call; `None` for all.
        pub tools: Option<Vec<String>>,
    }

    /// The custom agents changed.
    pub struct CustomAgentsUpdated {
        /// All agents that there are now.
        pub agents: Vec<AgentInfo>,
        /// Problems that leave the agents usable.
        pub warnings: Vec<String>,
        /// Problems of agents that could not be read.
        pub errors: Vec<String>,
    }

    /// A skill was used.
    pub struct SkillInvoked {
        /// The name of the skill.
        pub name: String,
        /// The path of the skill's file; `None` where the CLI does not send it.
        pub path: Option<String>,
        /// The text that the skill adds to the conversation.
        pub content: Option<String>,
        /// The skill's description, as the model reads it.
        pub description: Option<String>,
        /// Tools that need no permission while the skill is in use.
        pub allowed_tools: Option<Vec<String>>,
        /// Where the skill was found, such as `project`.
        pub source: Option<String>,
        /// The plugin that brings the skill, if one does.
        pub plugin_name: Option<String>,
        /// The version of that plugin.
        pub plugin_version: Option<String>,
        /// The kind of use of the skill.
        pub trigger: Option<SkillTrigger>,
        /// The model that was working.
        pub model: Option<String>,
        /// The number of the agent's step; CLI 1.0.102 and later.
        pub invoked_at_turn: Option<u64>,
    }

    /// The skills were read.
    pub struct SkillsLoaded {
        /// All skills that there are now.
        pub skills: Vec<SkillInfo>,
    }

    /// The start of a hook.
    pub struct HookStarted {
        /// The run of the hook.
        pub hook_invocation_id: String,
        /// The hook's type, such as `preToolUse`.
        pub hook_type: String,
        /// The hook's input, whose shape depends on the type of hook.
        pub input: Value,
        /// The call that started the sub-agent that the hook runs for; `None` for the session's own agent.
        pub parent_tool_call_id: Option<ToolCallId>,
    }

    /// The end of a hook.
    pub struct HookEnded {
        /// The run of the hook.
        pub hook_invocation_id: String,
        /// The hook's type, such as `preToolUse`.
        pub hook_type: String,
        /// Whether the hook succeeded.
        pub success: bool,
        /// The hook's output, whose shape depends on the type of hook.
        pub output: Value,
        /// The error of a hook that failed.
        pub error: Option<HookError>,
        /// The call that started the sub-agent that the hook runs for; `None` for the session's own agent.
        pub parent_tool_call_id: Option<ToolCallId>,
    }

    /// The error of a hook.
    pub struct HookError {
        /// The error text, for people.
        pub message: String,
        /// The stack trace; `None` where the CLI has none.
        pub stack: Option<String>,
        /// The origin of the hook, such as a file or a program.
        pub source: Option<String>,
    }

    /// A hook reports its progress.
    pub struct HookProgress {
        /// The progress, for people.
        pub message: String,
        /// Whether the next report replaces this one.
        pub temporary: bool,
    }

    /// A slash command of a program is used.
    pub struct CommandExecute {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// The command as it was typed.
        pub command: String,
        /// The name of the command, without the slash.
        pub command_name: String,
        /// The text after the name.
        pub args: String,
    }

    /// The slash commands of programs changed.
    pub struct CommandsChanged {
        /// All commands that there are now.
        pub commands: Vec<CommandInfo>,
    }

    /// A slash command was queued.
    pub struct CommandQueued {
        /// The id of the request, by which it is answered.
        pub request_id: RequestId,
        /// The command as it was typed.
        pub command: String,
    }

    /// A prompt of the CLI for the model.
    pub struct SystemMessage {
        /// The role: `system` or `developer`.
        pub role: String,
        /// The text, as the model reads or writes it.
        pub content: String,
        /// The name of the prompt; `None` for one without a name.
        pub name: Option<String>,
        /// The interaction that the prompt belongs to.
        pub interaction_id: Option<String>,
        /// How the prompt was made.
        pub metadata: Option<PromptMetadata>,
        /// The text in parts; CLI 1.0.102 and later.
        pub content_blocks: Vec<PromptBlock>,
    }

    /// How a prompt was made.
    pub struct PromptMetadata {
        /// The version of the template.
        pub prompt_version: Option<String>,
        /// The values that were filled in.
        pub variables: BTreeMap<String, Value>,
    }

    /// A part of a prompt.
    pub struct PromptBlock {
        /// The text, as the model reads or writes it.
        pub content: String,
        /// Whether the part is the same in all sessions.
        pub is_static: bool,
    }

    /// A message of the CLI to the agent.
    pub struct SystemNotification {
        /// The text, as the model reads or writes it.
        pub content: String,
        /// The event that the message is about.
        pub kind: NotificationKind,
    }
}

vocabulary! {
    /// The kind of use of a skill.
    SkillTrigger {
        /// The user typed a command.
        User = "user-invoked",
        /// The agent called the skill's tool.
        Agent = "agent-invoked",
        /// Another context that includes the skill.
        Context = "context-load",
    }
}

tagged! {
    /// The event that a [`SystemNotification`] is about.
    pub enum NotificationKind {
        /// A sub-agent in the background ended.
        AgentCompleted(BackgroundAgent) = "agent_completed",
        /// A sub-agent in the background waits for messages.
        AgentIdle(BackgroundAgent) = "agent_idle",
        /// A command in the background ended.
        ShellCompleted(BackgroundShell) = "shell_completed",
        /// A command that outlives the session ended.
        ShellDetachedCompleted(BackgroundShell) = "shell_detached_completed",
        /// A message is in the agent's inbox.
        NewInboxMessage(InboxMessage) = "new_inbox_message",
        /// A file with instructions was found.
        InstructionDiscovered(DiscoveredInstruction) = "instruction_discovered",
        /// A workflow of several agents ended.
        FactoryCompleted(WorkflowEnd) = "factory_completed",
    }
}

payload! {
    /// A sub-agent in the background.
    pub struct BackgroundAgent {
        /// The id of the agent, unique in the session.
        pub agent_id: String,
        /// The agent's name for people.
        pub display_name: Option<String>,
        /// The type of agent, such as `explore`.
        pub agent_type: String,
        /// `completed` or `failed`; only where the agent ended.
        pub status: Option<String>,
        /// The task in a few words.
        pub description: Option<String>,
        /// The task that the agent was given.
        pub prompt: Option<String>,
    }

    /// A command in the background.
    pub struct BackgroundShell {
        /// The id of the shell, unique in the session.
        pub shell_id: String,
        /// The exit code; `None` if a signal ended the command, and for commands that outlive the session.
        pub exit_code: Option<i64>,
        /// The command in a few words.
        pub description: Option<String>,
    }

    /// A message in an agent's inbox.
    pub struct InboxMessage {
        /// The id of the message in the inbox.
        pub entry_id: String,
        /// The name of the sender, for people.
        pub sender_name: String,
        /// The kind of sender, such as `plugin`.
        pub sender_type: String,
        /// The message in short.
        pub summary: String,
    }

    /// A file with instructions that was found.
    pub struct DiscoveredInstruction {
        /// The file, relative to the workspace.
        pub source_path: String,
        /// The file whose reading led to it.
        pub trigger_file: String,
        /// The tool that read that file.
        pub trigger_tool: String,
        /// A description for people.
        pub description: Option<String>,
    }

    /// The end of a workflow.
    pub struct WorkflowEnd {
        /// The id of the run.
        pub run_id: String,
        /// The name of the workflow.
        pub factory_name: String,
        /// `completed`, `halted`, `cancelled` or `error`.
        pub status: String,
        /// The number of the attempt.
        pub attempt: u64,
        /// The number of sub-agents that it used.
        pub consumed_subagents: u64,
        /// The time that it worked, in milliseconds.
        pub elapsed_ms: u64,
        /// The cost of the run.
        #[serde(rename = "consumedNanoAiu")]
        pub cost: AiUnits,
        /// The beginning of the result.
        pub result_preview: Option<String>,
        /// Details of a failure.
        pub failure: Option<Value>,
        /// Advice about another attempt.
        pub retry_guidance: Option<String>,
    }
}
