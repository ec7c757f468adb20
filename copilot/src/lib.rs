//! Turn plain Rust functions into tools of the GitHub Copilot agent, and talk to that agent.

pub mod protocol;

mod error;
#[allow(dead_code)]
mod rpc;
#[allow(dead_code)]
mod task;
#[allow(dead_code)]
mod transport;

pub use error::{Error, ErrorKind, Result};
pub use protocol::{MessageId, RequestId, SessionId, ToolCallId};
