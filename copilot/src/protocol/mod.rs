//! The types of the wire that the spine and the topics share, with the names that the CLI uses.
//!
//! Only JSON here, read by `primitives/decode/` and written by serde: no channel, no clock, no I/O. The meaning of a member
//! for users is documented where it is public. The groups follow those of the topics in `api/`; events carry many of the
//! types, so they stand below both.

pub(crate) mod agent_hooks;
pub(crate) mod agents;
pub(crate) mod config;
pub(crate) mod controls;
mod conversation;
mod environment;
pub(crate) mod inference;
mod interaction;
pub(crate) mod limits;
pub(crate) mod models;
mod permission;
mod primitives;
pub(crate) mod providers;
mod servers;
pub(crate) mod session_fs;
pub(crate) mod skill_provider;
pub(crate) mod skills;
pub(crate) mod system_message;
pub(crate) mod tokens;

pub(crate) use conversation::{
    ai_units, attachments, commands, event_log, queue, rewind, session, sessions, trace,
};
pub(crate) use environment::{
    account, connection, diagnostics, experiments, github_telemetry, instructions, managed, sandbox,
};
pub(crate) use interaction::{canvas, capabilities, elicitation, modes, user_input};
pub(crate) use permission::{dialogs, hooks, permission_subjects, permissions, tools};
pub use primitives::ids::{MessageId, RequestId, SessionId, ToolCallId};
pub(crate) use primitives::{base64, decode, encode, lenient, scan, secret, settings, timestamp, vocabulary};
pub(crate) use servers::{mcp, mcp_headers, mcp_login, sampling};
