//! Sessions: conversations with the agent.
//!
//! [`SessionBuilder`] opens a [`Session`], which sends messages with [`SendRequest`], [`AskRequest`], [`AskAsRequest`] and
//! [`StreamRequest`]. [`Budget`] limits a turn; [`Usage`] and [`ToolUsage`] are the amounts that a turn or a session has used.
//! [`SessionTools`] changes the tools of a running session, and a [`Subscription`] is a listener for its events.

// `core` is the session as the reader sees it, `handle` as the program does. `builder` and `open` open it, `turn` sends
// messages, `tool_calls` and `permissions` answer the CLI, `recovery` asks it for lost events. The needs of a session that
// its client implements are in `link`.

pub(crate) mod answers;
pub(crate) mod builder;
pub(crate) mod call;
pub(crate) mod core;
mod deferred;
pub(crate) mod handle;
pub(crate) mod link;
mod open;
pub(crate) mod paths;
pub(crate) mod permissions;
pub(crate) mod recovery;
mod session_tools;
mod subscription;
pub(crate) mod tool_calls;
mod tool_changes;
mod tool_setters;
pub(crate) mod turn;

pub use self::core::handler::IntoAnswer;
pub use permissions::decision::IntoDecision;
pub use session_tools::SessionTools;
pub use subscription::Subscription;
pub use turn::{AskAsRequest, AskRequest, Budget, SendRequest, StreamRequest, ToolUsage, Usage};

pub(crate) use builder::SessionBuilder;
pub(crate) use handle::Session;
pub(crate) use permissions::decision::Decision;
