//! What the behaviour tests and the benchmark share.

pub mod api;
pub mod counting;
pub mod fake;
pub mod flood;
pub mod real;
pub mod tested;
