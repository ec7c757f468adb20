//! The behaviours that `tests/matrix/run` checks on every generation of the real CLI.

mod agents_and_skills;
mod attachments;
mod basics;
mod callbacks;
mod cassettes;
mod providers;
mod session_state;
mod system_message;
mod tool_sets;
