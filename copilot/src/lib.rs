//! Turn plain Rust functions into tools of the GitHub Copilot agent, and talk to that agent.

#[cfg(test)]
extern crate self as copilot;

pub mod protocol;

mod error;
pub mod events;
#[allow(dead_code)]
mod process;
#[allow(dead_code)]
mod rpc;
#[allow(dead_code)]
mod task;
#[allow(dead_code, unused_imports)]
mod tools;
#[allow(dead_code)]
mod transport;
#[cfg(feature = "install")]
pub mod install;

#[doc(hidden)]
pub mod __private;

pub use copilot_macros::tool;
pub use error::{Error, ErrorKind, Result};
pub use events::{Event, EventKind, EventStream};
pub use process::LogLevel;
pub use protocol::{MessageId, RequestId, SessionId, ToolCallId};
pub use tools::{Json, OrTell, ResultType, State, Tool, ToolContext, ToolError, ToolResult};
