//! What tests and examples need in place of the world outside.
//!
//! [`ScriptedModel`] stands in for the language model: the agent is the real Copilot CLI, and what the model says is
//! written down. No credentials and no network are needed.

mod scripted_model;

pub use scripted_model::{
    Ending, LeftScript, RecordedCall, RecordedMessage, RecordedRequest, Role, Script, ScriptedModel, Scripts,
    Tokens, ToolUse,
};
