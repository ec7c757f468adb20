//! Turn plain Rust functions into tools of the GitHub Copilot agent, and talk to that agent.

#[cfg(test)]
extern crate self as copilot;

pub mod protocol;

mod error;
#[cfg_attr(not(test), allow(dead_code, reason = "the session layer arrives with the next commits"))]
mod task;
#[allow(dead_code, unused_imports, reason = "the session layer arrives with the next commits")]
mod tools;

#[doc(hidden)]
pub mod __private;

pub use copilot_macros::tool;
pub use error::{Error, ErrorKind, Result};
pub use protocol::{MessageId, RequestId, SessionId, ToolCallId};
pub use tools::{Json, OrTell, ResultType, State, Tool, ToolContext, ToolError, ToolResult};
