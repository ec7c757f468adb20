//! Arguments of a call: description, decoding, validation, correction, and the report of mistakes.

pub(super) mod bound;
mod branch;
pub(crate) mod decode;
pub(crate) mod default;
pub(crate) mod describe;
pub(crate) mod described;
pub(crate) mod expected;
pub(crate) mod explain;
pub(crate) mod fault;
pub(crate) mod format;
pub(crate) mod node;
pub(crate) mod number;
pub(crate) mod object;
pub(crate) mod param;
pub(crate) mod param_def;
pub(crate) mod report;
pub(crate) mod suggest;
pub(crate) mod trial;
pub(crate) mod validate;
