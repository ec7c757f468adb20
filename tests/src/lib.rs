//! What the behaviour tests share.

pub mod fake;
pub mod real;
