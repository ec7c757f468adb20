//! Turns: a message to the agent, its events, its limits and its reply.
//!
//! `send` has a message until the CLI has accepted it, and `stream` the events after that. `tracker` decides when the
//! turn is over (pure), and `clock` when a limit of time has passed, `budget` when one of
//! cost has.

mod budget;
mod clock;
mod message;
mod open_calls;
mod reply;
mod send;
pub(crate) mod spans;
mod stream;
mod tool_usage;
mod tracker;
mod typed_reply;
mod usage;

pub use budget::Budget;
pub use message::Message;
pub use reply::Reply;
pub use send::{AskRequest, SendRequest, StreamRequest};
pub use stream::Turn;
pub use tool_usage::ToolUsage;
pub(crate) use tool_usage::by_tool;
pub use typed_reply::AskAsRequest;
pub use usage::Usage;
