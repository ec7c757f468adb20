//! The wire as the CLI speaks it: structs and ids, one file per method prefix.
//!
//! Only serde here: no channel, no clock, no I/O. Field names are the wire's; what a field means to a user is
//! told by the type that the layers above build from it.

pub(crate) mod account;
pub(crate) mod agent_hooks;
pub(crate) mod agents;
pub(crate) mod ai_units;
pub(crate) mod attachments;
pub(crate) mod base64;
pub(crate) mod canvas;
pub(crate) mod capabilities;
pub(crate) mod commands;
pub(crate) mod config;
pub(crate) mod connection;
pub(crate) mod controls;
pub(crate) mod decode;
pub(crate) mod diagnostics;
pub(crate) mod elicitation;
pub(crate) mod event_log;
pub(crate) mod experiments;
pub(crate) mod github_telemetry;
pub(crate) mod hooks;
mod ids;
pub(crate) mod inference;
pub(crate) mod instructions;
pub(crate) mod lenient;
pub(crate) mod limits;
pub(crate) mod managed;
pub(crate) mod mcp;
pub(crate) mod mcp_headers;
pub(crate) mod mcp_login;
pub(crate) mod models;
pub(crate) mod modes;
pub(crate) mod permission_subjects;
pub(crate) mod permissions;
pub(crate) mod providers;
pub(crate) mod queue;
pub(crate) mod rewind;
pub(crate) mod sampling;
pub(crate) mod sandbox;
pub(crate) mod secret;
pub(crate) mod session;
pub(crate) mod session_fs;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod skill_provider;
pub(crate) mod skills;
pub(crate) mod system_message;
pub(crate) mod timestamp;
pub(crate) mod tokens;
pub(crate) mod tools;
pub(crate) mod trace;
pub(crate) mod user_input;
pub(crate) mod vocabulary;

pub use ids::{MessageId, RequestId, SessionId, ToolCallId};
