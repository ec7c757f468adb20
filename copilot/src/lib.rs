//! Turn plain Rust functions into tools of the GitHub Copilot agent, and talk to that agent.

pub mod protocol;

mod error;
#[cfg(feature = "install")]
pub mod install;
#[cfg(feature = "testing")]
mod task;
#[cfg(feature = "testing")]
pub mod testing;

pub use error::{Error, ErrorKind, Result};
pub use protocol::{MessageId, RequestId, SessionId, ToolCallId};
