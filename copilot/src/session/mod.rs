//! Sessions: conversations with the agent.

pub(crate) mod builder;
pub(crate) mod call;
pub(crate) mod core;
mod handle;
pub(crate) mod link;
mod open;
pub(crate) mod paths;
mod permissions;
mod session_tools;
mod subscription;
mod tool_setters;
mod turn;

pub use self::core::handler::IntoAnswer;
pub use builder::SessionBuilder;
pub use handle::Session;
pub use permissions::policy::{Decision, Permissions};
pub use permissions::request::PermissionRequest;
pub use session_tools::SessionTools;
pub use subscription::Subscription;
pub use turn::send::{AskRequest, Message, SendRequest, StreamRequest};
pub use turn::structured::AskAsRequest;
pub use turn::tracker::Usage;
pub use turn::{Reply, Turn};
