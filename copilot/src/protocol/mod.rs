//! The wire as the CLI speaks it: structs and ids, one file per method prefix.
//!
//! Only serde here: no channel, no clock, no I/O. Field names are the wire's; what a field means to a user is
//! told by the type that the layers above build from it.

pub(crate) mod commands;
pub(crate) mod connection;
pub(crate) mod elicitation;
pub(crate) mod event;
pub(crate) mod hooks;
mod ids;
pub(crate) mod lenient;
pub(crate) mod mcp_login;
pub(crate) mod modes;
pub(crate) mod offers;
pub(crate) mod permissions;
pub(crate) mod session;
pub(crate) mod system_message;
pub(crate) mod tokens;
pub(crate) mod tools;
pub(crate) mod user_input;
pub(crate) mod vocabulary;

pub use ids::{MessageId, RequestId, SessionId, ToolCallId};
