//! Turn plain Rust functions into tools of the GitHub Copilot agent, and talk to that agent.

pub mod protocol;

mod error;
pub mod events;
#[allow(dead_code)]
mod process;
#[allow(dead_code)]
mod rpc;
#[allow(dead_code)]
mod task;
#[allow(dead_code)]
mod transport;

pub use error::{Error, ErrorKind, Result};
pub use events::{Event, EventKind, EventStream};
pub use process::LogLevel;
pub use protocol::{MessageId, RequestId, SessionId, ToolCallId};
