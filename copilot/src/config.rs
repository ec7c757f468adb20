//! What a session, a message or a client can be configured with, beside the builders themselves.

pub use crate::client::{Telemetry, TelemetryExporter, TelemetryProtocol};
pub use crate::protocol::agents::{CustomAgent, ModelPolicy};
pub use crate::protocol::attachments::{GithubReferenceKind, GithubRepo};
pub use crate::protocol::config::{
    Autopilot, ContextTier, CopilotApi, ImageGeneration, InfiniteSessions, LargeOutput, Memory, MemoryMode,
    ReasoningSummary, RemoteSession, ToolSearch, Trust,
};
pub use crate::protocol::controls::{LogKind, LogOptions};
pub use crate::protocol::mcp::{GithubMcp, McpServer, RemoteServer, StdioServer, Storage};
pub use crate::protocol::providers::{
    ModelLimits, ModelOverrides, ModelSupports, ProviderModel, ProviderTransport, VisionLimits,
};
pub use crate::protocol::sessions::SessionFilter;
pub use crate::protocol::trace::TraceContext;
pub use crate::session::{Canvas, ModelRequest, Skill, ToolFilter};
