//! What the behaviour tests and the benchmark share.

pub mod counting;
pub mod fake;
pub mod flood;
pub mod mcp_http;
pub mod real;
pub mod tested;
