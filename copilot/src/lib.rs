//! Turn plain Rust functions into tools of the GitHub Copilot agent, and talk to that agent.
//!
#![doc = include_str!("docs/crate.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

// The macro's output names this crate, and so do its own tests.
#[cfg(test)]
extern crate self as copilot;

// The path of a message, from bytes to tools; imports point only upward in this list.
mod error;

mod protocol;

mod input;
mod random;

mod hash;

mod sorted;

mod contain;

mod task;

#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(not(feature = "metrics"))]
#[path = "metrics/off.rs"]
mod metrics;

mod transport;

#[cfg(unix)]
mod trust;

#[cfg(feature = "install")]
pub mod install;

mod process;

mod rpc;

pub mod events;

pub mod trace;

pub mod tools;

pub mod deferred;

pub mod session;

mod compat;

pub mod host;

pub mod client;

mod api;

pub mod docs;

pub mod permissions;

#[cfg(feature = "toolbox")]
pub mod toolbox;

#[cfg(feature = "testing")]
pub mod testing;
#[cfg(not(feature = "testing"))]
mod without_testing;

#[cfg(feature = "cassette")]
pub mod cassette;

#[cfg(feature = "evals")]
pub mod evals;

// The promises that fuzz targets check; the package does not contain them.
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
#[path = "../../fuzz/promises/mod.rs"]
pub mod fuzzing;

#[doc(hidden)]
pub mod __private;

// One module for each topic of the CLI.
pub use api::conversation::{attachments, context, history, log, pending, queue, resume, sessions, usage};
pub use api::environment::{
    capabilities, diagnostics, discovery, instructions, managed, memory, sandbox, workspace,
};
pub use api::interaction::{elicitation, modes, permission_mode, plan, ui, user_input};
pub use api::{
    account, agents, canvas, commands, hooks, limits, mcp, models, providers, skills, system_message, tokens,
    tool_filter, unstable,
};

pub use client::Client;
pub use client::builder::ClientBuilder;
#[doc = include_str!("docs/link_all.md")]
pub use copilot_macros::link_all;
#[doc = include_str!("docs/tool.md")]
pub use copilot_macros::tool;
#[doc = include_str!("docs/tools.md")]
pub use copilot_macros::tools;
pub use error::{Error, ErrorKind, Result};
pub use events::event::Event;
pub use events::kind::EventKind;
pub use events::stream::EventStream;
pub use process::LogLevel;
pub use protocol::attachments::Attachment;
pub use protocol::session::{AgentMode, DeliveryMode};
pub use protocol::{MessageId, RequestId, SessionId, ToolCallId};
pub use session::builder::SessionBuilder;
pub use session::handle::Session;
pub use session::permissions::decision::Decision;
pub use session::permissions::policy::Permissions;
pub use session::permissions::request::PermissionRequest;
pub use session::turn::{Message, Reply, Turn};
pub use tools::context::ToolContext;
pub use tools::dynamic::DynTool;
pub use tools::output::content::{Content, Image};
pub use tools::output::error::{OrTell, ToolError};
pub use tools::output::outcome::Json;
pub use tools::output::result::ToolResult;
pub use tools::selection::toolset::Toolset;
pub use tools::selection::{group, tag};
pub use tools::state::State;
pub use tools::tool::Tool;

/// The examples of the README, compiled.
#[cfg(all(doctest, feature = "mcp", feature = "testing", feature = "toolbox"))]
#[doc = include_str!("../../README.md")]
struct Readme;
