//! Turn plain Rust functions into tools of the GitHub Copilot agent, and talk to that agent.
//!
#![doc = include_str!("docs/crate.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

// The macro's output names this crate, and so do its own tests.
#[cfg(test)]
extern crate self as copilot;

// The path of a message, from bytes to tools; imports point only upward in this list.
mod protocol;

mod error;

mod input;
mod random;

mod contain;

mod task;

mod transport;

#[cfg(unix)]
mod trust;

#[cfg(feature = "install")]
pub mod install;

mod process;

mod rpc;

pub mod events;

mod tools;

mod session;

mod compat;

mod providers;

mod client;

mod api;

pub mod config;

pub mod docs;

pub mod info;

pub mod permissions;

#[cfg(feature = "testing")]
pub mod testing;

// The promises that fuzz targets check; the package does not contain them.
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
#[path = "../../fuzz/promises/mod.rs"]
pub mod fuzzing;

#[doc(hidden)]
pub mod __private;

pub use api::canvas::CanvasError;
pub use api::canvas::views::Canvases;
pub use api::commands::{CommandInvocation, Commands};
pub use api::conversation::queue::Queue;
pub use api::hooks;
pub use api::interaction::elicitation::ElicitationRequest;
pub use api::interaction::modes::PlanDecision;
pub use api::interaction::ui::{InputRequest, Ui};
pub use api::interaction::user_input::UserAnswer;
pub use api::mcp::headers::McpHeaders;
pub use api::mcp::login::McpLoginAnswer;
pub use api::mcp::sampling::{Sampled, SamplingRequest};
pub use api::models::providers::Provider;
pub use api::models::system_message::{CustomSystemMessage, SystemMessage};
pub use api::models::tokens::{GithubToken, GithubTokenRequest, ProviderTokenRequest, Secret};
pub use api::requests::UnknownRequest;
pub use client::{Client, ClientBuilder, TransportKind};
#[doc = include_str!("docs/tool.md")]
pub use copilot_macros::tool;
#[doc = include_str!("docs/tools.md")]
pub use copilot_macros::tools;
pub use error::{Error, ErrorKind, Result};
pub use events::{Event, EventKind, EventStream};
pub use process::LogLevel;
pub use protocol::attachments::{Attachment, Position};
pub use protocol::canvas::{CanvasCall, CanvasOpen, CanvasView, OpenCanvas};
pub use protocol::commands::{CommandInfo, CommandKind, CommandOutcome};
pub use protocol::connection::{CliVersion, Pong};
pub use protocol::elicitation::{ElicitationAction, ElicitationMode, Elicited, TextFormat};
pub use protocol::limits::{LimitsAnswer, LimitsExhausted};
pub use protocol::mcp_headers::{McpHeadersReason, McpHeadersWanted};
pub use protocol::mcp_login::{McpClientConfig, McpLogin, McpLoginReason};
pub use protocol::modes::{AutoModeAnswer, AutoModeSwitch, PlanAction, PlanProposal};
pub use protocol::permissions::{Approval, PermissionKind};
pub use protocol::sampling::{SamplingMessage, SamplingRole};
pub use protocol::session::{AgentMode, DeliveryMode};
pub use protocol::system_message::Section;
pub use protocol::tokens::TokenReason;
pub use protocol::user_input::UserQuestion;
pub use protocol::{MessageId, RequestId, SessionId, ToolCallId};
pub use providers::{inference, session_fs};
pub use session::{
    AskAsRequest, AskRequest, Decision, IntoAnswer, Message, PermissionRequest, Permissions, Reply,
    SendRequest, Session, SessionBuilder, SessionTools, StreamRequest, Subscription, Turn, Usage,
};
pub use tools::{
    Audio, Choice, Content, Defer, DynTool, FromCall, Image, Json, Needs, OrTell, Resource, ResultType,
    SchemaProfile, SelectionContext, State, Tool, ToolContext, ToolError, ToolErrors, ToolResult, Toolset,
    group, tag,
};

/// The examples of the README, compiled.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../../README.md")]
struct Readme;
