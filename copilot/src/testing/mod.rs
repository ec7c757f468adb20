//! Test doubles for the model and the CLI, and calls of single tools.
//!
//! [`ScriptedModel`] replaces the language model: the agent is the real Copilot CLI, and a script has the answers of
//! the model. [`hermetic_client`] starts that CLI isolated from the user's files. Neither needs credentials or a
//! network. [`FakeCli`] replaces the CLI itself, in the process: no CLI is installed or started, and the test controls
//! every byte. [`call`] runs a single tool without a CLI, and [`fuzz_tools`] runs
//! tools with generated arguments.

mod fake_cli;
mod fuzz;
mod hermetic;
mod pending;
mod scripted_model;
mod tools;
mod wire;

pub use fake_cli::{
    Answer, Asked, Delivery, FakeCli, FakeTurn, FarEnd, HeldRequest, PendingQuestion, PermissionQuestion,
    RpcError, ToolCallQuestion, memory_client,
};
pub use fuzz::{FuzzFailure, FuzzFault, FuzzReport, FuzzTools, fuzz_tools};
pub use hermetic::hermetic_client;
pub use pending::pending_calls;
pub use scripted_model::{
    Ending, LeftScript, ModelApi, RecordedCall, RecordedMessage, RecordedRequest, Role, Script,
    ScriptedModel, Scripts, Tokens, ToolUse,
};
pub use tools::{
    Called, ToolCall, assert_tools_snapshot, assert_tools_snapshot_of, call, check_tools, check_tools_of,
    context,
};
#[doc(hidden)]
pub use wire::open_members;
