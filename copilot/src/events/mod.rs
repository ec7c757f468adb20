//! What happens in a session, as events.
//!
//! An [`Event`] is a cheap handle that all subscribers share. Its envelope is read when it arrives; its payload only
//! when somebody asks with [`Event::kind`], and then once for all of them. Knows no session.

/// Declares payloads. A member that was not sent has its default.
macro_rules! payload {
    ($(
        $(#[$doc:meta])*
        pub struct $name:ident { $($(#[$about:meta])* pub $member:ident: $type:ty,)* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$about])* pub $member: $type,)*
        }
    )*};
}

/// Declares a choice between payloads, which the member `type` makes.
macro_rules! tagged {
    ($(#[$doc:meta])* pub enum $name:ident {
        $($(#[$about:meta])* $variant:ident($payload:ty) = $word:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$about])* $variant($payload),)*
            /// A `type` that this version of the library does not know, as it is on the wire.
            Other(serde_json::Value),
        }

        #[cfg(test)]
        impl $name {
            /// Checks each payload; gives the names of the types in them.
            pub(super) fn check_absent() -> std::collections::BTreeSet<String> {
                let mut seen = std::collections::BTreeSet::new();
                $(seen.extend(crate::protocol::decode::tests::check_event::<$payload>());)*
                seen
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::Other(serde_json::Value::Null)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let raw: Box<serde_json::value::RawValue> = serde::Deserialize::deserialize(deserializer)?;
                if raw.get() == "null" {
                    return Err(serde::de::Error::custom("invalid type: null, expected an object"));
                }
                let read = match &*super::tag_of(raw.get()) {
                    $($word => crate::protocol::decode::event(raw.get()).map(Self::$variant),)*
                    _ => crate::protocol::decode::event(raw.get()).map(Self::Other),
                };
                read.map_err(serde::de::Error::custom)
            }
        }
    };
}

mod agent;
mod assistant;
mod attachment;
mod changes;
mod citation;
mod context;
mod kind;
mod local;
mod mcp;
mod permission;
mod question;
mod sandbox;
mod session;
mod shutdown;
mod stream;
mod subscribers;
mod tool;
mod tool_result;
mod usage;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::protocol::decode;
use crate::protocol::event::EventHead;
use crate::protocol::mcp_headers::HEADERS_REFRESH_REQUIRED;
use crate::protocol::mcp_login::OAUTH_REQUIRED;

pub use agent::{
    BackgroundAgent, BackgroundShell, CommandExecute, CommandQueued, CommandsChanged, CustomAgentsUpdated,
    DiscoveredInstruction, HookEnded, HookError, HookProgress, HookStarted, InboxMessage, NotificationKind,
    PromptBlock, PromptMetadata, SkillInvoked, SkillTrigger, SkillsLoaded, SubagentConfigured, SubagentEnded,
    SubagentSelected, SubagentStarted, SystemMessage, SystemNotification, WorkflowEnd,
};
pub use assistant::{
    AgentInterrupted, AssistantIdle, AssistantIntent, AssistantMessage, AssistantMessageDelta,
    AssistantMessageStart, AssistantReasoning, AssistantReasoningDelta, AssistantServerToolProgress,
    AssistantStreamingDelta, AssistantToolCallDelta, AssistantTurn, AssistantTurnRetry, InterruptedActivity,
    MessageDelivery, ServerTools, ToolCallKind, ToolCaller, ToolRequest, UserMessage,
};
pub use attachment::{
    BlobAttachment, DirectoryAttachment, ExtensionContextAttachment, FileAttachment,
    GithubActionsJobAttachment, GithubCommitAttachment, GithubComparisonAttachment, GithubFileAttachment,
    GithubFileDiffAttachment, GithubReferenceAttachment, GithubReleaseAttachment, GithubRepositoryAttachment,
    GithubSnippetAttachment, GithubUrlAttachment, LineRange, MessageAttachment, OmittedReason,
    SelectionAttachment, SelectionRange,
};
pub use changes::{
    AutoModeResolved, AutoTier, ManagedSettingsEnforced, ManagedSettingsResolved, ModeChanged, ModelChange,
    PermissionsChanged, PlanChanged, ScheduleCancelled, ScheduleCreated, ScheduleRearmed,
    ToolSearchActivated, ToolsUpdated, Verbosity, WorkspaceFileChanged,
};
pub use citation::{
    BlockRange, CharRange, CitableSource, CitationLocation, CitationReference, CitationSource, CitationSpan,
    Citations, PageRange,
};
pub use context::{
    CompactionComplete, CompactionStart, CompactionTrigger, CompactionUsage, ContextCleared, SnapshotRewind,
    Truncation, UsageInfo,
};
pub use kind::EventKind;
pub(crate) use local::TURN_SILENT;
pub use local::{HandlerFailure, MessageSkipped, Restarted, ToolProgress, TurnSilence};
pub use mcp::{
    AttachmentsPushed, AuthenticateParams, CanvasGone, CanvasRegistryChanged, ExtensionState,
    ExtensionStatus, ExtensionsLoaded, McpHeadersCompleted, McpHeadersRequired, McpHttpHeader,
    McpHttpResponse, McpListChanged, McpOauthCompleted, McpOauthRequired, McpServerStatus,
    McpServerStatusChanged, McpServersLoaded,
};
pub use permission::{
    PermissionCompleted, PermissionOutcome, PermissionOutcomeKind, PermissionRequested, PermissionRule,
};
pub use question::{
    AutoModeSwitchCompleted, AutoModeSwitchRequested, ElicitationCompleted, ElicitationRequested,
    ExitPlanModeCompleted, ExitPlanModeRequested, ExternalToolCompleted, ExternalToolRequested,
    LimitsDecision, LimitsExhaustedCompleted, LimitsExhaustedRequested, RequestCompleted, SamplingRequested,
    UserInputCompleted, UserInputRequested,
};
pub use sandbox::{SandboxDecision, SandboxDecisionKind, SandboxPaths};
pub use session::{
    Abort, AbortReason, AiCreditLimit, AutopilotObjectiveChanged, AutopilotStopped, BinaryAsset,
    CapabilitiesChanged, Changed, ContextChanged, CustomNotification, EphemeralQuery, FileOperation, Handoff,
    HandoffRepository, HandoffSource, Notice, RemoteSteerableChanged, SessionError, SessionIdle,
    SessionLimitsChanged, SessionResume, SessionStart, TaskComplete, TaskOutcome, TitleChanged,
    WorkingContext,
};
pub use shutdown::{AgentUsage, ProviderModelUsage, SessionShutdown, ShutdownKind};
pub(crate) use stream::DEFAULT_BUDGET;
pub use stream::EventStream;
pub(crate) use subscribers::{Idle, Subscribers};
pub use tool::{
    McpAppError, McpAppToolCall, ShellExecution, ShellToolInfo, ToolDescription, ToolExecutionComplete,
    ToolExecutionError, ToolExecutionPartialResult, ToolExecutionProgress, ToolExecutionStart,
    ToolShellOutput, ToolUserRequested,
};
pub use tool_result::{
    BinaryResult, EmbeddedResource, MediaContent, ResourceContent, ResourceIcon, ResourceLinkContent,
    ShellExitContent, TerminalContent, TextContent, ToolContent, ToolExecutionResult,
};
pub use usage::{
    AssistantUsage, CopilotUsage, FinishReason, ModelCacheState, ModelCallFailure, ModelCallFinished,
    ModelCallStart, ModelEndpoint, ModelFailureKind, ModelTransport, TokenCost, UsageCheckpoint,
};

/// One event of a session; clones share it.
///
/// # Examples
///
/// ```
/// use copilot::events::{Event, EventKind};
///
/// fn show(event: &Event) {
///     match event.kind() {
///         EventKind::AssistantMessageDelta(delta) => print!("{}", delta.delta_content),
///         EventKind::ToolExecutionStart(call) => println!("[{}]", call.tool_name),
///         _ => {}
///     }
/// }
/// ```
///
/// Wire: `session.event`, from the CLI.
#[derive(Clone)]
pub struct Event(Arc<Inner>);

struct Inner {
    /// Name, id, timestamp, parent, agent and data, one after the other: one allocation for all of them.
    text: Box<str>,
    /// Where each of the first five ends.
    ends: [u32; 5],
    ephemeral: bool,
    /// The data where it is large: it stays where it arrived, and `text` does not have it.
    large: Option<Box<Large>>,
    kind: OnceLock<EventKind>,
}

/// A part of a text that is kept as a whole.
struct Large {
    whole: Arc<String>,
    part: Range<usize>,
}

impl Event {
    pub(crate) fn new(head: &EventHead<'_>) -> Self {
        let data = head.data.map_or("null", RawValue::get);
        let large = head.whole.and_then(|whole| Large::find(whole, data)).map(Box::new);
        let parts = [
            head.name,
            head.id,
            head.timestamp,
            head.parent.unwrap_or_default(),
            head.agent.unwrap_or_default(),
            if large.is_none() { data } else { "" },
        ];
        let mut text = String::with_capacity(parts.iter().map(|part| part.len()).sum());
        let mut ends = [0; 5];
        for (at, part) in parts.iter().enumerate() {
            text.push_str(part);
            if let Some(end) = ends.get_mut(at) {
                *end = u32::try_from(text.len()).expect("a frame is shorter than 4 GiB");
            }
        }
        let (text, ephemeral) = (text.into_boxed_str(), head.ephemeral);
        Self(Arc::new(Inner { text, ends, ephemeral, large, kind: OnceLock::new() }))
    }

    /// The name of the event's type on the wire, such as `assistant.message`.
    pub fn name(&self) -> &str {
        &self.0.text[..self.0.ends[0] as usize]
    }

    /// The event's own id.
    pub fn id(&self) -> &str {
        self.part(1)
    }

    /// When it happened, as RFC 3339.
    pub fn timestamp(&self) -> &str {
        self.part(2)
    }

    /// The id of the persisted event before it.
    pub fn parent_id(&self) -> Option<&str> {
        Some(self.part(3)).filter(|part| !part.is_empty())
    }

    /// The sub-agent that it belongs to; `None` for the session's own agent.
    pub fn agent_id(&self) -> Option<&str> {
        Some(self.part(4)).filter(|part| !part.is_empty())
    }

    /// Whether the event is not kept in the session's history.
    pub fn is_ephemeral(&self) -> bool {
        self.0.ephemeral
    }

    /// Returns the payload as JSON text, exactly as it was received.
    pub fn raw_data(&self) -> &str {
        match &self.0.large {
            Some(large) => &large.whole[large.part.clone()],
            None => &self.0.text[self.0.ends[4] as usize..],
        }
    }

    /// The payload read as a type of your own.
    ///
    /// # Errors
    ///
    /// When the payload does not have that shape.
    pub fn data<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        serde_json::from_str(self.raw_data()).map_err(|source| {
            Error::decode(format!("{}: the payload has another shape", self.name()), source)
        })
    }

    /// The payload, typed. It is read at the first call and kept.
    pub fn kind(&self) -> &EventKind {
        self.0.kind.get_or_init(|| EventKind::read(self.name(), self.raw_data()))
    }

    fn part(&self, at: usize) -> &str {
        &self.0.text[self.0.ends[at - 1] as usize..self.0.ends[at] as usize]
    }

    /// What it costs to keep the event in a queue, in bytes.
    fn size(&self) -> usize {
        let large = self.0.large.as_ref().map_or(0, |large| large.whole.len());
        self.0.text.len() + large + size_of::<Inner>() + size_of::<Self>()
    }
}

/// The `type` of an object; empty where it has none.
fn tag_of(text: &str) -> String {
    #[derive(Deserialize)]
    struct Tagged {
        #[serde(rename = "type")]
        tag: String,
    }
    decode::event(text).map(|tagged: Tagged| tagged.tag).unwrap_or_default()
}

impl Large {
    /// Where `part` stands in `whole`, if it is a part of it and not a copy.
    fn find(whole: &Arc<String>, part: &str) -> Option<Self> {
        let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
        let range = start..start + part.len();
        let same = whole.get(range.clone()).is_some_and(|found| std::ptr::eq(found, part));
        same.then(|| Self { whole: Arc::clone(whole), part: range })
    }
}

/// Events whose payload repeats the URL of an MCP server and what the server answered, which may hold secrets.
const WITH_SECRETS: [&str; 2] = [OAUTH_REQUIRED, HEADERS_REFRESH_REQUIRED];

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = if WITH_SECRETS.contains(&self.name()) { "<redacted>" } else { self.raw_data() };
        f.debug_struct("Event")
            .field("name", &self.name())
            .field("id", &self.id())
            .field("agent_id", &self.agent_id())
            .field("data", &data)
            .finish_non_exhaustive()
    }
}

/// As it is on the wire, the payload exactly as it came.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Payloads come out of JSON and are kept as they are, so they are JSON.
        let data: &RawValue = serde_json::from_str(self.raw_data()).map_err(serde::ser::Error::custom)?;
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("type", self.name())?;
        members.serialize_entry("id", self.id())?;
        members.serialize_entry("timestamp", self.timestamp())?;
        members.serialize_entry("parentId", &self.parent_id())?;
        if let Some(agent) = self.agent_id() {
            members.serialize_entry("agentId", agent)?;
        }
        if self.is_ephemeral() {
            members.serialize_entry("ephemeral", &true)?;
        }
        members.serialize_entry("data", data)?;
        members.end()
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Histories arrive as a whole, so here the text is borrowed from the answer.
        EventHead::deserialize(deserializer).map(|head| Self::new(&head))
    }
}
