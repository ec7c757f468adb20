//! What a session, a message or a client can be configured with, beside the builders themselves.

pub use crate::api::canvas::Canvas;
pub use crate::api::models::ModelRequest;
pub use crate::api::skills::Skill;
pub use crate::api::tool_filter::ToolFilter;
pub use crate::process::{Telemetry, TelemetryExporter, TelemetryProtocol};
pub use crate::protocol::agent_hooks::{AgentHook, AgentHookEvent};
pub use crate::protocol::agents::{CustomAgent, ModelPolicy};
pub use crate::protocol::attachments::{GithubFileVersion, GithubReferenceKind, GithubRepo, GithubRevision};
pub use crate::protocol::config::{
    AskUserVariant, Autopilot, ContextTier, CopilotApi, ImageGeneration, InfiniteSessions, LargeOutput,
    Memory, MemoryMode, ReasoningSummary, RemoteSession, ToolSearch, Trust,
};
pub use crate::protocol::controls::{LogKind, LogOptions};
pub use crate::protocol::diagnostics::{DiagnosticLevel, LifecycleDiagnostics};
pub use crate::protocol::event_log::EventQuery;
pub use crate::protocol::experiments::Experiments;
pub use crate::protocol::instructions::PermissionMode;
pub use crate::protocol::managed::{BypassMode, ManagedPermissions};
pub use crate::protocol::mcp::{GithubMcp, McpServer, RemoteServer, StdioServer, Storage};
pub use crate::protocol::providers::{
    ModelLimits, ModelMaker, ModelOverrides, ModelSupports, ProviderModel, ProviderTransport, VisionLimits,
};
pub use crate::protocol::rewind::RewindMode;
pub use crate::protocol::sandbox::{Sandbox, SandboxFiles, SandboxLogins, SandboxNetwork, SandboxProxy};
pub use crate::protocol::sessions::SessionFilter;
pub use crate::protocol::trace::TraceContext;
