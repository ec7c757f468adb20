//! Arguments of a call: decoding, validation, correction, and the report of mistakes.

pub(crate) mod decode;
pub(crate) mod param;
pub(crate) mod report;
pub(crate) mod suggest;
pub(crate) mod validate;
