//! From the name of an event to its typed payload.

use super::local::{
    AnswerDeferred, EventsRecovered, HandlerFailure, MessageSkipped, Restarted, ToolProgress, TurnStalled,
};
use super::payloads::{
    agent, assistant, changes, context, mcp, permission, question, sandbox, session, shutdown, tool, usage,
};
use crate::error::Error;
use crate::protocol::canvas::OpenCanvas;
use crate::protocol::decode::{self, Decode};

/// Decodes a payload. Not inlined, so that one kind takes no room on the stack for all others.
#[inline(never)]
pub(super) fn payload<'a, T: Decode<'a>>(data: &'a str) -> serde_json::Result<Box<T>> {
    decode::event(data).map(Box::new)
}

macro_rules! kinds {
    ($dollar:tt $($(#[$doc:meta])* $variant:ident($payload:ty) = $name:literal,)*) => {
        /// The type of an event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub(crate) enum EventName {
            $($variant,)*
            /// A type that this version of the library does not know; its text is on the event.
            Other,
            // Local; see `is_local`.
            Lagged,
            MessageSkipped,
            Disconnected,
            Restarted,
            TurnStalled,
            ToolProgress,
            AnswerDeferred,
            HandlerFailed,
            EventsRecovered,
        }

        impl EventName {
            /// The names that the CLI sends.
            pub(super) const NAMES: &[(&str, Self)] = &[$(($name, Self::$variant),)*];

            /// Returns the name on the wire; empty for [`Other`](Self::Other).
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other => "",
                    Self::Lagged => "copilot.lagged",
                    Self::MessageSkipped => "copilot.message_skipped",
                    Self::Disconnected => "copilot.disconnected",
                    Self::Restarted => "copilot.restarted",
                    Self::TurnStalled => "copilot.turn_stalled",
                    Self::ToolProgress => "copilot.tool_progress",
                    Self::AnswerDeferred => "copilot.answer_deferred",
                    Self::HandlerFailed => "copilot.handler_failed",
                    Self::EventsRecovered => "copilot.events_recovered",
                }
            }
        }

        /// The payload of an [`Event`](super::Event), by type.
        ///
        /// Each payload is boxed, so that an event is as small as its payload allows.
        ///
        /// A type that is not here is [`Other`](Self::Other); its name and payload are on the event.
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum EventKind {
            $($(#[$doc])* $variant(Box<$payload>),)*
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
            MessageSkipped(Box<MessageSkipped>),
            /// The connection to the CLI ended, and with it what the agent was doing. The stream ends here, or
            /// continues with [`Restarted`](Self::Restarted). Local.
            Disconnected(Error),
            /// The CLI was started again and the session resumed. Local.
            Restarted(Box<Restarted>),
            /// Nothing has happened in a turn for a while. Local.
            TurnStalled(Box<TurnStalled>),
            /// A tool of this program reports its progress. Local.
            ToolProgress(Box<ToolProgress>),
            /// A call of this program's tools was deferred, or a permission left for later. Local.
            AnswerDeferred(Box<AnswerDeferred>),
            /// A handler of this program failed. Local.
            HandlerFailed(HandlerFailure),
            /// Events of the CLI were lost on their way, and have been recovered. Local.
            EventsRecovered(Box<EventsRecovered>),
        }

        /// Drops a kind that can only have one of the given types. Every other type is named, because the compiler adds
        /// the code to drop it otherwise.
        macro_rules! drop_only {
            ($dollar kind:expr, $dollar($dollar given:ident)|+) => {
                #[expect(unreachable_patterns, reason = "the given types are among all types")]
                match $dollar kind {
                    $dollar(EventKind::$dollar given(payload) => drop(payload),)+
                    $(EventKind::$variant(payload) => std::mem::forget(payload),)*
                    EventKind::Invalid(why) => std::mem::forget(why),
                    EventKind::MessageSkipped(payload) => std::mem::forget(payload),
                    EventKind::Disconnected(cause) => std::mem::forget(cause),
                    EventKind::Restarted(payload) => std::mem::forget(payload),
                    EventKind::TurnStalled(payload) => std::mem::forget(payload),
                    EventKind::ToolProgress(payload) => std::mem::forget(payload),
                    EventKind::AnswerDeferred(payload) => std::mem::forget(payload),
                    EventKind::HandlerFailed(failure) => std::mem::forget(failure),
                    EventKind::EventsRecovered(payload) => std::mem::forget(payload),
                    EventKind::Other | EventKind::Lagged(_) => {}
                }
            };
        }
        pub(super) use drop_only;

        impl EventKind {
            pub(super) fn read(name: EventName, data: &str) -> Self {
                let read = match name {
                    $(EventName::$variant => payload(data).map(Self::$variant),)*
                    _ => return Self::Other,
                };
                read.unwrap_or_else(|error| Self::Invalid(error.to_string()))
            }

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

kinds! { $
    /// The session began.
    SessionStart(session::SessionStart) = "session.start",
    /// The session was resumed.
    SessionResume(session::SessionResume) = "session.resume",
    /// The queue of messages is empty.
    SessionIdle(session::SessionIdle) = "session.idle",
    /// Work on a message failed; [`SessionIdle`](Self::SessionIdle) follows.
    SessionError(session::SessionError) = "session.error",
    /// A warning about the session.
    SessionWarning(session::Notice) = "session.warning",
    /// Information about the session.
    SessionInfo(session::Notice) = "session.info",
    /// The session has a new title.
    TitleChanged(session::TitleChanged) = "session.title_changed",
    /// The model changed, or how it works.
    ModelChange(changes::ModelChange) = "session.model_change",
    /// The agent's mode changed.
    ModeChanged(changes::ModeChanged) = "session.mode_changed",
    /// The plan was written or deleted.
    PlanChanged(changes::PlanChanged) = "session.plan_changed",
    /// The CLI's own permission mode changed.
    PermissionsChanged(changes::PermissionsChanged) = "session.permissions_changed",
    /// The directory or repository that the agent works in changed.
    ContextChanged(session::ContextChanged) = "session.context_changed",
    /// How full the context window is.
    UsageInfo(context::UsageInfo) = "session.usage_info",
    /// The conversation is being summarised to free context.
    CompactionStart(context::CompactionStart) = "session.compaction_start",
    /// The summary is in place, or it failed.
    CompactionComplete(context::CompactionComplete) = "session.compaction_complete",
    /// Old messages were cut off.
    Truncation(context::Truncation) = "session.truncation",
    /// The agent finished its task.
    TaskComplete(session::TaskComplete) = "session.task_complete",
    /// The session ended in the CLI.
    SessionShutdown(shutdown::SessionShutdown) = "session.shutdown",
    /// Autopilot stopped.
    AutopilotStopped(session::AutopilotStopped) = "session.autopilot_stopped",
    /// The work in the background changed.
    BackgroundTasksChanged(session::Changed) = "session.background_tasks_changed",
    /// The queue of messages changed.
    PendingMessagesModified(session::Changed) = "pending_messages.modified",
    /// The agent's list of things to do changed.
    TodosChanged(session::Changed) = "session.todos_changed",
    /// A file in the session's workspace was written.
    WorkspaceFileChanged(changes::WorkspaceFileChanged) = "session.workspace_file_changed",
    /// The set of tools that the model sees changed.
    ToolsUpdated(changes::ToolsUpdated) = "session.tools_updated",
    /// The skills were read.
    SkillsLoaded(agent::SkillsLoaded) = "session.skills_loaded",
    /// The custom agents changed.
    CustomAgentsUpdated(agent::CustomAgentsUpdated) = "session.custom_agents_updated",
    /// The MCP servers were loaded.
    McpServersLoaded(mcp::McpServersLoaded) = "session.mcp_servers_loaded",
    /// An MCP server connected, failed or wants a login.
    McpServerStatusChanged(mcp::McpServerStatusChanged) = "session.mcp_server_status_changed",
    /// A canvas was opened, or is looked at again.
    CanvasOpened(OpenCanvas) = "session.canvas.opened",
    /// A canvas was closed.
    CanvasClosed(mcp::CanvasGone) = "session.canvas.closed",
    /// The program that offers an open canvas is gone.
    CanvasUnavailable(mcp::CanvasGone) = "session.canvas.unavailable",
    /// The session remembers that a canvas is open, for its resumption.
    CanvasRecorded(OpenCanvas) = "session.canvas.recorded",
    /// The session no longer remembers a canvas.
    CanvasRemoved(mcp::CanvasGone) = "session.canvas.removed",
    /// The canvases that are offered changed.
    CanvasRegistryChanged(mcp::CanvasRegistryChanged) = "session.canvas.registry_changed",
    /// The capabilities of the user interface changed.
    CapabilitiesChanged(session::CapabilitiesChanged) = "capabilities.changed",
    /// Work was aborted.
    Abort(session::Abort) = "abort",
    /// A message reached the agent.
    UserMessage(assistant::UserMessage) = "user.message",
    /// A system prompt.
    SystemMessage(agent::SystemMessage) = "system.message",
    /// A message of the CLI to the agent.
    SystemNotification(agent::SystemNotification) = "system.notification",
    /// A step of the agent begins: one request to the model and the tools it calls.
    AssistantTurnStart(assistant::AssistantTurn) = "assistant.turn_start",
    /// A step of the agent ends.
    AssistantTurnEnd(assistant::AssistantTurn) = "assistant.turn_end",
    /// The agent's intention in a few words.
    AssistantIntent(assistant::AssistantIntent) = "assistant.intent",
    /// A message begins; deltas follow.
    AssistantMessageStart(assistant::AssistantMessageStart) = "assistant.message_start",
    /// A piece of a message's text; only in sessions with `streaming(true)`.
    AssistantMessageDelta(assistant::AssistantMessageDelta) = "assistant.message_delta",
    /// A whole message, with the tools it calls.
    AssistantMessage(assistant::AssistantMessage) = "assistant.message",
    /// A piece of the model's reasoning.
    AssistantReasoningDelta(assistant::AssistantReasoningDelta) = "assistant.reasoning_delta",
    /// The model's reasoning as a whole.
    AssistantReasoning(assistant::AssistantReasoning) = "assistant.reasoning",
    /// The size of an answer that is being received.
    AssistantStreamingDelta(assistant::AssistantStreamingDelta) = "assistant.streaming_delta",
    /// A piece of the arguments that the model is writing.
    AssistantToolCallDelta(assistant::AssistantToolCallDelta) = "assistant.tool_call_delta",
    /// The tokens, cost and times of one request to a model.
    AssistantUsage(usage::AssistantUsage) = "assistant.usage",
    /// The agent has finished its work.
    AssistantIdle(assistant::AssistantIdle) = "assistant.idle",
    /// The agent was interrupted.
    AgentInterrupted(assistant::AgentInterrupted) = "agent.interrupted",
    /// A request to the model failed.
    ModelCallFailure(usage::ModelCallFailure) = "model.call_failure",
    /// A tool begins.
    ToolExecutionStart(tool::ToolExecutionStart) = "tool.execution_start",
    /// Output of a tool while it runs.
    ToolExecutionPartialResult(tool::ToolExecutionPartialResult) = "tool.execution_partial_result",
    /// Progress of a tool of the CLI or of an MCP server while it runs; this program's own are
    /// [`ToolProgress`](Self::ToolProgress).
    ToolExecutionProgress(tool::ToolExecutionProgress) = "tool.execution_progress",
    /// A tool ended.
    ToolExecutionComplete(tool::ToolExecutionComplete) = "tool.execution_complete",
    /// The CLI asks for a tool to be run. The library answers for its tools.
    ExternalToolRequested(question::ExternalToolRequested) = "external_tool.requested",
    /// A tool call was answered or dropped.
    ExternalToolCompleted(question::ExternalToolCompleted) = "external_tool.completed",
    /// The agent asks for permission. The library answers by the session's permissions.
    PermissionRequested(permission::PermissionRequested) = "permission.requested",
    /// A permission was granted or denied.
    PermissionCompleted(permission::PermissionCompleted) = "permission.completed",
    /// The agent asks the user.
    UserInputRequested(question::UserInputRequested) = "user_input.requested",
    /// The agent, or an MCP server, asks for a form to be filled in.
    ElicitationRequested(question::ElicitationRequested) = "elicitation.requested",
    /// The agent has a plan and asks to leave the plan mode.
    ExitPlanModeRequested(question::ExitPlanModeRequested) = "exit_plan_mode.requested",
    /// The CLI offers another model.
    AutoModeSwitchRequested(question::AutoModeSwitchRequested) = "auto_mode_switch.requested",
    /// A slash command of a program is used. The library answers for its commands.
    CommandExecute(agent::CommandExecute) = "command.execute",
    /// The slash commands of programs changed.
    CommandsChanged(agent::CommandsChanged) = "commands.changed",
    /// A tool runs because the user asked for it.
    ToolUserRequested(tool::ToolUserRequested) = "tool.user_requested",
    /// A slash command was queued.
    CommandQueued(agent::CommandQueued) = "command.queued",
    /// A sub-agent began.
    SubagentStarted(agent::SubagentStarted) = "subagent.started",
    /// A sub-agent completed its work.
    SubagentCompleted(agent::SubagentEnded) = "subagent.completed",
    /// A sub-agent failed.
    SubagentFailed(agent::SubagentEnded) = "subagent.failed",
    /// A custom agent was selected.
    SubagentSelected(agent::SubagentSelected) = "subagent.selected",
    /// The selection of a custom agent was undone.
    SubagentDeselected(agent::SubagentSelected) = "subagent.deselected",
    /// A skill was used.
    SkillInvoked(agent::SkillInvoked) = "skill.invoked",
    /// A hook began.
    HookStart(agent::HookStarted) = "hook.start",
    /// A hook ended.
    HookEnd(agent::HookEnded) = "hook.end",
    /// Autopilot's objective changed.
    AutopilotObjectiveChanged(session::AutopilotObjectiveChanged) = "session.autopilot_objective_changed",
    /// The CLI chose a model.
    AutoModeResolved(changes::AutoModeResolved) = "session.auto_mode_resolved",
    /// The conversation was cleared.
    ContextCleared(context::ContextCleared) = "session.context_cleared",
    /// The history was rewound.
    SnapshotRewind(context::SnapshotRewind) = "session.snapshot_rewind",
    /// A session was handed over from elsewhere.
    Handoff(session::Handoff) = "session.handoff",
    /// The cost of the session so far.
    UsageCheckpoint(usage::UsageCheckpoint) = "session.usage_checkpoint",
    /// The limits of the session changed.
    SessionLimitsChanged(session::SessionLimitsChanged) = "session.session_limits_changed",
    /// The session can be steered from GitHub, or no longer.
    RemoteSteerableChanged(session::RemoteSteerableChanged) = "session.remote_steerable_changed",
    /// The agent's memory changed.
    MemoryChanged(session::Changed) = "session.memory_changed",
    /// Bytes that other events refer to.
    BinaryAsset(session::BinaryAsset) = "session.binary_asset",
    /// A message of an extension, in its own format.
    CustomNotification(session::CustomNotification) = "session.custom_notification",
    /// A message was scheduled.
    ScheduleCreated(changes::ScheduleCreated) = "session.schedule_created",
    /// A schedule was cancelled.
    ScheduleCancelled(changes::ScheduleCancelled) = "session.schedule_cancelled",
    /// The agent set the next time of a schedule.
    ScheduleRearmed(changes::ScheduleRearmed) = "session.schedule_rearmed",
    /// The settings that an organization or a device prescribes were read.
    ManagedSettingsResolved(changes::ManagedSettingsResolved) = "session.managed_settings_resolved",
    /// A prescribed setting has forbidden something.
    ManagedSettingsEnforced(changes::ManagedSettingsEnforced) = "session.managed_settings_enforced",
    /// The extensions were loaded.
    ExtensionsLoaded(mcp::ExtensionsLoaded) = "session.extensions_loaded",
    /// An extension offers attachments for the next message.
    AttachmentsPushed(mcp::AttachmentsPushed) = "session.extensions.attachments_pushed",
    /// The request of a step is sent to the model again, after a failure.
    AssistantTurnRetry(assistant::AssistantTurnRetry) = "assistant.turn_retry",
    /// Progress of a tool that the provider runs by itself.
    AssistantServerToolProgress(assistant::AssistantServerToolProgress) = "assistant.server_tool_progress",
    /// A request is sent to a model.
    ModelCallStart(usage::ModelCallStart) = "model.call_start",
    /// A request to a model has ended.
    ModelCallFinished(usage::ModelCallFinished) = "model.call_finished",
    /// A piece of the output of a shell command; CLI 1.0.102 and later.
    ToolShellOutput(tool::ToolShellOutput) = "tool.shell_output",
    /// Tools were found by a search.
    ToolSearchActivated(changes::ToolSearchActivated) = "tool_search.activated",
    /// A user interface of an MCP server called a tool.
    McpAppToolCallComplete(tool::McpAppToolCall) = "mcp_app.tool_call_complete",
    /// A decision about the sandbox.
    SandboxDecision(sandbox::SandboxDecision) = "sandbox.decision",
    /// A sub-agent is about to work.
    SubagentConfigured(agent::SubagentConfigured) = "subagent.configured",
    /// A hook reports its progress.
    HookProgress(agent::HookProgress) = "hook.progress",
    /// The text or the state of a question beside the conversation.
    EphemeralQuery(session::EphemeralQuery) = "ui.ephemeral_query",
    /// The user answered.
    UserInputCompleted(question::UserInputCompleted) = "user_input.completed",
    /// A form was filled in or refused.
    ElicitationCompleted(question::ElicitationCompleted) = "elicitation.completed",
    /// The user decided about a plan.
    ExitPlanModeCompleted(question::ExitPlanModeCompleted) = "exit_plan_mode.completed",
    /// The user decided about the offer of another model.
    AutoModeSwitchCompleted(question::AutoModeSwitchCompleted) = "auto_mode_switch.completed",
    /// The session used up its AI credits.
    LimitsExhaustedRequested(question::LimitsExhaustedRequested) = "session_limits_exhausted.requested",
    /// The user decided about a session that used up its AI credits.
    LimitsExhaustedCompleted(question::LimitsExhaustedCompleted) = "session_limits_exhausted.completed",
    /// An MCP server asks for a model's answer.
    SamplingRequested(question::SamplingRequested) = "sampling.requested",
    /// An MCP server asks for a login.
    McpOauthRequired(mcp::McpOauthRequired) = "mcp.oauth_required",
    /// A login to an MCP server was completed.
    McpOauthCompleted(mcp::McpOauthCompleted) = "mcp.oauth_completed",
    /// The requests to an MCP server need new headers.
    McpHeadersRequired(mcp::McpHeadersRequired) = "mcp.headers_refresh_required",
    /// New headers for an MCP server were given or refused.
    McpHeadersCompleted(mcp::McpHeadersCompleted) = "mcp.headers_refresh_completed",
    /// The tools of an MCP server changed.
    McpToolsChanged(mcp::McpListChanged) = "mcp.tools.list_changed",
    /// The resources of an MCP server changed.
    McpResourcesChanged(mcp::McpListChanged) = "mcp.resources.list_changed",
    /// The prompts of an MCP server changed.
    McpPromptsChanged(mcp::McpListChanged) = "mcp.prompts.list_changed",
    /// A slash command of a program was run.
    CommandCompleted(question::RequestCompleted) = "command.completed",
    /// A model's answer was given to an MCP server, or refused.
    SamplingCompleted(question::RequestCompleted) = "sampling.completed",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_means_absent_in_every_payload() {
        let mut seen = EventKind::check_absent();
        seen.extend(crate::events::MessageAttachment::check_absent());
        seen.extend(crate::events::NotificationKind::check_absent());
        seen.extend(crate::events::ToolContent::check_absent());
        seen.extend(crate::events::CitationLocation::check_absent());
        seen.extend(decode::tests::check_event::<crate::events::subscribers::Idle<'static>>());
        seen.extend(decode::tests::check_event::<crate::events::EventHead<'static>>());
        seen.extend(decode::tests::check_event::<crate::events::Reached<'static>>());
        seen.extend(decode::tests::check_event::<crate::events::decoded::Ids<'static>>());
        let mut declared = decode::tests::derived("events/payloads");
        declared.extend(decode::tests::derived("events"));
        let missing: Vec<_> = declared.into_iter().filter(|name| !seen.contains(name)).collect();
        assert_eq!(missing, [""; 0], "every payload is the payload of an event");
    }

    #[test]
    fn every_name_reads_an_empty_payload() {
        for (text, name) in EventName::NAMES {
            let kind = EventKind::read(*name, "{}");
            assert!(!matches!(kind, EventKind::Other | EventKind::Invalid(_)), "{text}: {kind:?}");
        }
    }

    #[test]
    fn a_payload_of_another_shape_is_invalid_and_an_unknown_type_is_not() {
        let EventKind::Invalid(error) = EventKind::read(EventName::AssistantMessage, r#"{"content":5}"#)
        else {
            panic!("a number is not a text");
        };
        assert!(error.contains("expected a string"), "{error}");
        assert!(matches!(EventKind::read(EventName::read("model.turn_started"), "[]"), EventKind::Other));
    }
}
