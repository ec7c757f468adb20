//! The run of a tool for one call: decoding of the arguments, start, retries, timeout and cancellation.

pub(crate) mod approval;
pub(crate) mod dispatch;
pub(crate) mod start;
