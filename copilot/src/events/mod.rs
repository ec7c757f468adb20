//! The events of a session, with typed payloads.
//!
//! An [`Event`] is a cheap handle that all subscribers share. Its envelope is decoded when it arrives; its payload at
//! the first call of [`Event::kind`], once for all subscribers. This module does not depend on sessions.

mod decoded;
pub(crate) mod event;
mod head;
pub(crate) mod kind;
mod local;
mod name;
mod payloads;
mod sent_messages;
pub(crate) mod stream;
mod subscribers;

pub use crate::protocol::timestamp::{InvalidTimestamp, Timestamp};
pub(crate) use decoded::Reached;
pub(crate) use event::Event;
pub(crate) use head::EventHead;
pub(crate) use kind::EventKind;
pub(crate) use kind::EventName;
pub use local::{
    AnswerDeferred, EventsRecovered, HandlerFailure, MessageSkipped, RecoveredEvent, RecoveryCause,
    Restarted, ToolProgress, TurnStalled,
};
pub use payloads::agent::{
    BackgroundAgent, BackgroundShell, CommandExecute, CommandQueued, CommandsChanged, CustomAgentsUpdated,
    DiscoveredInstruction, HookEnded, HookError, HookProgress, HookStarted, InboxMessage, NotificationKind,
    PromptBlock, PromptMetadata, SkillInvoked, SkillTrigger, SkillsLoaded, SubagentConfigured, SubagentEnded,
    SubagentSelected, SubagentStarted, SystemMessage, SystemNotification, WorkflowEnd,
};
pub use payloads::assistant::{
    AgentInterrupted, AssistantIdle, AssistantIntent, AssistantMessage, AssistantMessageDelta,
    AssistantMessageStart, AssistantReasoning, AssistantReasoningDelta, AssistantServerToolProgress,
    AssistantStreamingDelta, AssistantToolCallDelta, AssistantTurn, AssistantTurnRetry, InterruptedActivity,
    MessageDelivery, ServerTools, ToolCallKind, ToolCaller, ToolRequest, UserMessage,
};
pub use payloads::attachment::{
    BlobAttachment, DirectoryAttachment, ExtensionContextAttachment, FileAttachment,
    GithubActionsJobAttachment, GithubCommitAttachment, GithubComparisonAttachment, GithubFileAttachment,
    GithubFileDiffAttachment, GithubReferenceAttachment, GithubReleaseAttachment, GithubRepositoryAttachment,
    GithubSnippetAttachment, GithubUrlAttachment, LineRange, MessageAttachment, OmittedReason,
    SelectionAttachment, SelectionRange,
};
pub use payloads::changes::{
    AutoModeResolved, AutoTier, FileOperation, ManagedSettingsEnforced, ManagedSettingsResolved, ModeChanged,
    ModelChange, PermissionsChanged, PlanChanged, ScheduleCancelled, ScheduleCreated, ScheduleRearmed,
    ToolSearchActivated, ToolsUpdated, Verbosity, WorkspaceFileChanged,
};
pub use payloads::citation::{
    BlockRange, CharRange, CitableSource, CitationLocation, CitationReference, CitationSource, CitationSpan,
    Citations, PageRange,
};
pub use payloads::context::{
    CompactionComplete, CompactionStart, CompactionTrigger, CompactionUsage, ContextCleared, SnapshotRewind,
    Truncation, UsageInfo,
};
pub use payloads::mcp::{
    AttachmentsPushed, AuthenticateParams, CanvasGone, CanvasRegistryChanged, ExtensionState,
    ExtensionStatus, ExtensionsLoaded, McpHeadersCompleted, McpHeadersRequired, McpHttpHeader,
    McpHttpResponse, McpListChanged, McpOauthCompleted, McpOauthRequired, McpServerStatus,
    McpServerStatusChanged, McpServersLoaded,
};
pub use payloads::permission::{
    PermissionCompleted, PermissionOutcome, PermissionOutcomeKind, PermissionRequested, PermissionRule,
};
pub use payloads::question::{
    AutoModeSwitchCompleted, AutoModeSwitchRequested, ElicitationCompleted, ElicitationRequested,
    ExitPlanModeCompleted, ExitPlanModeRequested, ExternalToolCompleted, ExternalToolRequested,
    LimitsDecision, LimitsExhaustedCompleted, LimitsExhaustedRequested, RequestCompleted, SamplingRequested,
    UserInputCompleted, UserInputRequested,
};
pub use payloads::sandbox::{SandboxDecision, SandboxDecisionKind, SandboxPaths};
pub use payloads::session::{
    Abort, AbortReason, AiCreditLimit, AutopilotObjectiveChanged, AutopilotStopped, BinaryAsset,
    CapabilitiesChanged, Changed, ContextChanged, CustomNotification, EphemeralQuery, Handoff,
    HandoffRepository, HandoffSource, Notice, RemoteSteerableChanged, SessionError, SessionIdle,
    SessionLimitsChanged, SessionResume, SessionStart, TaskComplete, TaskOutcome, TitleChanged,
    WorkingContext,
};
pub use payloads::shutdown::{AgentUsage, ProviderModelUsage, SessionShutdown, ShutdownKind};
pub use payloads::tool::{
    McpAppError, McpAppToolCall, ShellExecution, ShellToolInfo, ToolDescription, ToolExecutionComplete,
    ToolExecutionError, ToolExecutionPartialResult, ToolExecutionProgress, ToolExecutionStart,
    ToolShellOutput, ToolUserRequested,
};
pub use payloads::tool_result::{
    BinaryResult, EmbeddedResource, MediaContent, ResourceContent, ResourceIcon, ResourceLinkContent,
    ShellExitContent, TerminalContent, TextContent, ToolContent, ToolExecutionResult,
};
pub use payloads::usage::{
    AssistantUsage, CopilotUsage, FinishReason, ModelCacheState, ModelCallFailure, ModelCallFinished,
    ModelCallStart, ModelEndpoint, ModelFailureKind, TokenCost, UsageCheckpoint,
};
pub(crate) use stream::EventStream;
pub(crate) use stream::{DEFAULT_BUDGET, Interest};
pub(crate) use subscribers::{Idle, Subscribers, wake_all};
