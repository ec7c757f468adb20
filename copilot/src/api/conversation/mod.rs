//! The conversation of a session: its history, queue, log, usage and name.

pub(crate) mod history;
pub(crate) mod log;
pub(crate) mod pending;
pub(crate) mod queue;
pub(crate) mod resume;
pub(crate) mod sessions;
pub(crate) mod trace;
pub(crate) mod usage;
