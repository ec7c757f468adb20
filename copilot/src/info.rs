//! What the CLI tells when it is asked: about itself, its user, its sessions and what they have.

pub use crate::api::conversation::history::EventPage;
pub use crate::client::{
    ConnectionState, ConnectionStates, GithubTelemetryEvents, LifecycleEvent, LifecycleEvents,
};
pub use crate::protocol::account::{AuthStatus, Quota, Status, ToolInfo};
pub use crate::protocol::agents::AgentInfo;
pub use crate::protocol::ai_units::AiUnits;
pub use crate::protocol::canvas::{CanvasActionInfo, CanvasInfo};
pub use crate::protocol::capabilities::{Capabilities, UiCapabilities};
pub use crate::protocol::controls::{
    CodeChanges, Compaction, ModelMetrics, Plan, RequestMetrics, TokenCount, TokenMetrics, UsageMetrics,
};
pub use crate::protocol::github_telemetry::{GithubTelemetry, GithubTelemetryEvent};
pub use crate::protocol::instructions::{InstructionSource, PendingToolCall};
pub use crate::protocol::mcp::{McpServerInfo, McpStatus};
pub use crate::protocol::models::{
    CurrentModel, ModelBilling, ModelCapabilities, ModelChanged, ModelFeatures, ModelInfo,
    ModelLongContextPrices, ModelMessage, ModelPermission, ModelPromo, ModelTokenLimits, ModelTokenPrices,
    ModelVisionLimits,
};
pub use crate::protocol::queue::{QueueContent, QueueItem, QueueItemKind};
pub use crate::protocol::rewind::{RewindOutcome, RewindPoint, RewindPoints, Rewound};
pub use crate::protocol::sessions::{LifecycleKind, LifecycleMetadata, SessionContext, SessionInfo};
pub use crate::protocol::skills::{SkillInfo, SkillProblems};
