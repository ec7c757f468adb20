//! The values that a tool returns, and their conversion to the result that the model reads.

pub(crate) mod content;
pub(crate) mod error;
mod mcp;
pub(crate) mod outcome;
pub(crate) mod result;
pub(crate) mod returned;
pub(crate) mod ticket;
