//! What tests and examples need in place of the world outside.
//!
//! [`ScriptedModel`] stands in for the language model: the agent is the real Copilot CLI, and what the model says is
//! written down. [`hermetic_client`] starts that CLI so that nothing of the user's is touched. No credentials and no
//! network are needed. [`FakeCli`] stands in for the CLI itself, inside the process: nothing is installed or started,
//! and a test decides every byte.
//! [`call`] runs one tool without any of that.

mod fake_cli;
mod hermetic;
mod pending;
mod scripted_model;
mod tools;

pub use fake_cli::{
    Answer, Asked, FakeCli, FakeTurn, FarEnd, HeldRequest, PendingQuestion, PermissionQuestion, RpcError,
    ToolCallQuestion, memory_client,
};
pub use hermetic::hermetic_client;
pub use pending::pending_calls;
pub use scripted_model::{
    Ending, LeftScript, ModelApi, RecordedCall, RecordedMessage, RecordedRequest, Role, Script,
    ScriptedModel, Scripts, Tokens, ToolUse,
};
pub use tools::{Called, ToolCall, assert_tools_snapshot, call, check_tools, context};
