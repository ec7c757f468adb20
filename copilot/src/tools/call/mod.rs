//! The run of a tool for one call.

pub(crate) mod dispatch;
