//! The wire of messages, events and histories.

pub(crate) mod ai_units;
pub(crate) mod attachments;
pub(crate) mod commands;
pub(crate) mod event_log;
pub(crate) mod queue;
pub(crate) mod rewind;
pub(crate) mod session;
pub(crate) mod sessions;
pub(crate) mod trace;
