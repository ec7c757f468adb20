//! What the behaviour tests and the benchmark share.

pub mod api;
pub mod counting;
pub mod fake;
pub mod faulty;
pub mod flood;
pub mod load;
pub mod mcp;
pub mod mcp_http;
pub mod random;
pub mod real;
pub mod status;
pub mod tested;
