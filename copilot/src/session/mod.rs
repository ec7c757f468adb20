//! Sessions: conversations with the agent.
//!
//! `core` is the session as the reader sees it, `handle` as the program does. `builder` and `open` open it, `turn` sends
//! messages, `tool_calls` and `permissions` answer the CLI. The needs of a session that its client implements are
//! in `link`.

pub(crate) mod builder;
pub(crate) mod call;
pub(crate) mod core;
mod handle;
pub(crate) mod link;
mod open;
pub(crate) mod paths;
pub(crate) mod permissions;
mod session_tools;
mod subscription;
pub(crate) mod tool_calls;
mod tool_setters;
mod turn;

pub use self::core::handler::IntoAnswer;
pub use builder::SessionBuilder;
pub use handle::Session;
pub use permissions::decision::Decision;
pub use permissions::policy::Permissions;
pub use permissions::request::PermissionRequest;
pub use session_tools::SessionTools;
pub use subscription::Subscription;
pub use turn::{AskAsRequest, AskRequest, Message, Reply, SendRequest, StreamRequest, Turn, Usage};
