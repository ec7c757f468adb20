//! From the name of an event to its typed payload.

use super::agent::{
    AgentInterrupted, CommandExecute, CommandQueued, CommandsChanged, CustomAgentsUpdated, HookEnded,
    HookStarted, SkillInvoked, SkillsLoaded, SubagentEnded, SubagentSelected, SubagentStarted, SystemMessage,
    SystemNotification,
};
use super::assistant::{
    AssistantIdle, AssistantIntent, AssistantMessage, AssistantMessageDelta, AssistantMessageStart,
    AssistantReasoning, AssistantReasoningDelta, AssistantStreamingDelta, AssistantToolCallDelta,
    AssistantTurn, AssistantUsage, ModelCallFailure, UserMessage,
};
use super::canvas::{CanvasGone, CanvasRegistryChanged};
use super::local::{HandlerFailure, MessageSkipped, Restarted, ToolProgress, TurnSilence};
use super::session::{
    Abort, AutopilotStopped, CapabilitiesChanged, Changed, CompactionComplete, CompactionStart,
    ContextChanged, McpServerStatusChanged, McpServersLoaded, ModeChanged, ModelChange, Notice,
    PermissionsChanged, PlanChanged, SessionError, SessionIdle, SessionResume, SessionShutdown, SessionStart,
    TaskComplete, TitleChanged, ToolsUpdated, Truncation, UsageInfo, WorkspaceFileChanged,
};
use super::tool::{
    AutoModeSwitchRequested, ElicitationRequested, ExitPlanModeRequested, ExternalToolCompleted,
    ExternalToolRequested, PermissionCompleted, PermissionRequested, RequestCompleted, ToolExecutionComplete,
    ToolExecutionPartialResult, ToolExecutionProgress, ToolExecutionStart, ToolUserRequested,
    UserInputRequested,
};
use crate::error::Error;
use crate::protocol::canvas::OpenCanvas;
use crate::protocol::decode;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident($payload:ty) = $($name:literal)|+,)*) => {
        /// The payload of an [`Event`](super::Event), by type.
        ///
        /// A type that is not here is [`Other`](Self::Other); its name and payload are on the event.
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum EventKind {
            $($(#[$doc])* $variant($payload),)*
            /// A type that this version of the library has no payload for.
            Other,
            /// A known type whose payload cannot be read; it names the member and the reason. The payload itself is
            /// [`Event::raw_data`](super::Event::raw_data).
            ///
            /// A member of a wrong type makes a payload invalid only where it has no absent form, such as the text of
            /// a message. Any other is read as if it were absent.
            Invalid(String),
            /// This many events were dropped here because the subscriber was too slow. Local.
            Lagged(u64),
            /// A message of the CLI about the session was skipped. Local.
            MessageSkipped(MessageSkipped),
            /// The connection to the CLI ended, and with it what the agent was doing. The stream ends here, or
            /// goes on with [`Restarted`](Self::Restarted). Local.
            Disconnected(Error),
            /// The CLI was started again and the session taken up. Local.
            Restarted(Restarted),
            /// Nothing has happened in a turn for a while. Local.
            TurnSilent(TurnSilence),
            /// A tool of this program says how far it is. Local.
            ToolProgress(ToolProgress),
            /// A handler of this program failed. Local.
            HandlerFailed(HandlerFailure),
        }

        impl EventKind {
            pub(super) fn read(name: &str, data: &str) -> Self {
                let read = match name {
                    $($($name)|+ => decode::event(data).map(Self::$variant),)*
                    _ => return Self::Other,
                };
                read.unwrap_or_else(|error| Self::Invalid(error.to_string()))
            }

            /// The names on the wire that have a variant here.
            #[cfg(test)]
            const NAMES: &[&str] = &[$($($name),+),*];

            /// Checks each payload; gives the names of the types in them.
            #[cfg(test)]
            fn check_absent() -> std::collections::BTreeSet<String> {
                let mut seen = std::collections::BTreeSet::new();
                $(seen.extend(decode::tests::check_event::<$payload>());)*
                seen
            }
        }
    };
}

kinds! {
    /// The session began.
    SessionStart(SessionStart) = "session.start",
    /// The session was taken up again.
    SessionResume(SessionResume) = "session.resume",
    /// The agent has nothing left to do: the queue of messages is empty.
    SessionIdle(SessionIdle) = "session.idle",
    /// Work on a message failed; [`SessionIdle`](Self::SessionIdle) follows.
    SessionError(SessionError) = "session.error",
    /// The session warns.
    SessionWarning(Notice) = "session.warning",
    /// The session informs.
    SessionInfo(Notice) = "session.info",
    /// The session has a new title.
    TitleChanged(TitleChanged) = "session.title_changed",
    /// Another model answers from here on.
    ModelChange(ModelChange) = "session.model_change",
    /// The agent's mode changed.
    ModeChanged(ModeChanged) = "session.mode_changed",
    /// The plan was written or deleted.
    PlanChanged(PlanChanged) = "session.plan_changed",
    /// The CLI's own permission mode changed.
    PermissionsChanged(PermissionsChanged) = "session.permissions_changed",
    /// The directory or repository that the agent works in changed.
    ContextChanged(ContextChanged) = "session.context_changed",
    /// How full the context window is.
    UsageInfo(UsageInfo) = "session.usage_info",
    /// The conversation is being summarised to free context.
    CompactionStart(CompactionStart) = "session.compaction_start",
    /// The summary is in place, or it failed.
    CompactionComplete(CompactionComplete) = "session.compaction_complete",
    /// Old messages were cut off.
    Truncation(Truncation) = "session.truncation",
    /// The agent calls its task done.
    TaskComplete(TaskComplete) = "session.task_complete",
    /// The session ended in the CLI.
    SessionShutdown(SessionShutdown) = "session.shutdown",
    /// The agent no longer goes on by itself.
    AutopilotStopped(AutopilotStopped) = "session.autopilot_stopped",
    /// Something runs in the background now, or no longer.
    BackgroundTasksChanged(Changed) = "session.background_tasks_changed",
    /// The queue of messages changed.
    PendingMessagesModified(Changed) = "pending_messages.modified",
    /// The agent's list of things to do changed.
    TodosChanged(Changed) = "session.todos_changed",
    /// A file in the session's workspace was written.
    WorkspaceFileChanged(WorkspaceFileChanged) = "session.workspace_file_changed",
    /// The set of tools that the model sees changed.
    ToolsUpdated(ToolsUpdated) = "session.tools_updated",
    /// The skills were read.
    SkillsLoaded(SkillsLoaded) = "session.skills_loaded",
    /// There are other custom agents now.
    CustomAgentsUpdated(CustomAgentsUpdated) = "session.custom_agents_updated",
    /// The MCP servers were loaded.
    McpServersLoaded(McpServersLoaded) = "session.mcp_servers_loaded",
    /// An MCP server connected, failed or wants a login.
    McpServerStatusChanged(McpServerStatusChanged) = "session.mcp_server_status_changed",
    /// A canvas was opened, or is looked at again.
    CanvasOpened(OpenCanvas) = "session.canvas.opened",
    /// A canvas was closed.
    CanvasClosed(CanvasGone) = "session.canvas.closed",
    /// Whoever offers an open canvas is gone.
    CanvasUnavailable(CanvasGone) = "session.canvas.unavailable",
    /// The session remembers that a canvas is open, for when it is taken up again.
    CanvasRecorded(OpenCanvas) = "session.canvas.recorded",
    /// The session no longer remembers a canvas.
    CanvasRemoved(CanvasGone) = "session.canvas.removed",
    /// The canvases that are offered changed.
    CanvasRegistryChanged(CanvasRegistryChanged) = "session.canvas.registry_changed",
    /// What the host can show changed.
    CapabilitiesChanged(CapabilitiesChanged) = "capabilities.changed",
    /// Work was aborted.
    Abort(Abort) = "abort",
    /// A message reached the agent.
    UserMessage(UserMessage) = "user.message",
    /// A system prompt.
    SystemMessage(SystemMessage) = "system.message",
    /// Something that the CLI tells the agent.
    SystemNotification(SystemNotification) = "system.notification",
    /// The agent begins a step: one request to the model and the tools it asks for.
    AssistantTurnStart(AssistantTurn) = "assistant.turn_start",
    /// The agent ends a step.
    AssistantTurnEnd(AssistantTurn) = "assistant.turn_end",
    /// What the agent means to do, in a few words.
    AssistantIntent(AssistantIntent) = "assistant.intent",
    /// A message begins; deltas follow.
    AssistantMessageStart(AssistantMessageStart) = "assistant.message_start",
    /// A piece of a message's text; only in sessions with `streaming(true)`.
    AssistantMessageDelta(AssistantMessageDelta) = "assistant.message_delta",
    /// A whole message, with the tools it asks for.
    AssistantMessage(AssistantMessage) = "assistant.message",
    /// A piece of the model's reasoning.
    AssistantReasoningDelta(AssistantReasoningDelta) = "assistant.reasoning_delta",
    /// The model's reasoning as a whole.
    AssistantReasoning(AssistantReasoning) = "assistant.reasoning",
    /// How much of the answer has arrived.
    AssistantStreamingDelta(AssistantStreamingDelta) = "assistant.streaming_delta",
    /// A piece of the arguments that the model is writing.
    AssistantToolCallDelta(AssistantToolCallDelta) = "assistant.tool_call_delta",
    /// What one request to the model cost.
    AssistantUsage(AssistantUsage) = "assistant.usage",
    /// The agent is done with its work.
    AssistantIdle(AssistantIdle) = "assistant.idle",
    /// The agent was interrupted.
    AgentInterrupted(AgentInterrupted) = "agent.interrupted",
    /// A request to the model failed.
    ModelCallFailure(ModelCallFailure) = "model.call_failure",
    /// A tool begins.
    ToolExecutionStart(ToolExecutionStart) = "tool.execution_start",
    /// Output of a tool while it runs.
    ToolExecutionPartialResult(ToolExecutionPartialResult) = "tool.execution_partial_result",
    /// Progress of a tool of the CLI or of an MCP server while it runs; this program's own are
    /// [`ToolProgress`](Self::ToolProgress).
    ToolExecutionProgress(ToolExecutionProgress) = "tool.execution_progress",
    /// A tool ended.
    ToolExecutionComplete(ToolExecutionComplete) = "tool.execution_complete",
    /// The CLI asks whoever has the tool to run it. The library answers for its tools.
    ExternalToolRequested(ExternalToolRequested) = "external_tool.requested",
    /// An asked-for tool call was answered or dropped.
    ExternalToolCompleted(ExternalToolCompleted) = "external_tool.completed",
    /// The agent asks for permission. The library answers by the session's permissions.
    PermissionRequested(PermissionRequested) = "permission.requested",
    /// A permission was given or denied.
    PermissionCompleted(PermissionCompleted) = "permission.completed",
    /// The agent asks the user.
    UserInputRequested(UserInputRequested) = "user_input.requested",
    /// The agent, or an MCP server, wants a form filled in.
    ElicitationRequested(ElicitationRequested) = "elicitation.requested",
    /// The agent has a plan, and wants to leave the plan mode.
    ExitPlanModeRequested(ExitPlanModeRequested) = "exit_plan_mode.requested",
    /// The CLI offers to go on with another model.
    AutoModeSwitchRequested(AutoModeSwitchRequested) = "auto_mode_switch.requested",
    /// A slash command of a program is used. The library answers for its commands.
    CommandExecute(CommandExecute) = "command.execute",
    /// There are other slash commands now.
    CommandsChanged(CommandsChanged) = "commands.changed",
    /// A tool runs because the user said so.
    ToolUserRequested(ToolUserRequested) = "tool.user_requested",
    /// A question of the CLI was answered.
    RequestCompleted(RequestCompleted) =
        "user_input.completed" | "elicitation.completed" | "exit_plan_mode.completed" | "command.completed"
            | "auto_mode_switch.completed",
    /// A slash command was queued.
    CommandQueued(CommandQueued) = "command.queued",
    /// A sub-agent began.
    SubagentStarted(SubagentStarted) = "subagent.started",
    /// A sub-agent ended well.
    SubagentCompleted(SubagentEnded) = "subagent.completed",
    /// A sub-agent failed.
    SubagentFailed(SubagentEnded) = "subagent.failed",
    /// A custom agent was chosen.
    SubagentSelected(SubagentSelected) = "subagent.selected",
    /// The choice of a custom agent was undone.
    SubagentDeselected(SubagentSelected) = "subagent.deselected",
    /// A skill was used.
    SkillInvoked(SkillInvoked) = "skill.invoked",
    /// A hook began.
    HookStart(HookStarted) = "hook.start",
    /// A hook ended.
    HookEnd(HookEnded) = "hook.end",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_means_absent_in_every_payload() {
        let mut seen = EventKind::check_absent();
        seen.extend(decode::tests::check_event::<crate::events::subscribers::Idle<'static>>());
        let declared = decode::tests::derived("events");
        let missing: Vec<_> = declared.into_iter().filter(|name| !seen.contains(name)).collect();
        assert_eq!(missing, [""; 0], "every payload is the payload of an event");
    }

    #[test]
    fn every_name_reads_an_empty_payload() {
        for name in EventKind::NAMES {
            let kind = EventKind::read(name, "{}");
            assert!(!matches!(kind, EventKind::Other | EventKind::Invalid(_)), "{name}: {kind:?}");
        }
    }

    #[test]
    fn a_payload_of_another_shape_is_told_and_kept_apart_from_unknown_types() {
        let EventKind::Invalid(error) = EventKind::read("assistant.message", r#"{"content":5}"#) else {
            panic!("a number is no content");
        };
        assert!(error.contains("expected a string"), "{error}");
        assert!(matches!(EventKind::read("model.turn_started", "[]"), EventKind::Other));
    }
}
