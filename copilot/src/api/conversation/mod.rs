//! The conversation of a session: its history, queue, log, usage and name.

pub mod attachments;
pub mod context;
pub mod history;
pub mod log;
pub mod pending;
pub mod queue;
pub mod resume;
pub mod sessions;
pub mod usage;
