//! Helpers of the behaviour tests and of the benchmark.
//!
//! There are no tools here: a tool of this crate would be linked into each test binary and change the set of linked tools,
//! which `linking.rs`, `linked_tools.rs`, `allocations.rs` and `sdk-bench` depend on. Tests share a tool within a binary.

pub mod api;
pub mod counting;
pub mod events;
pub mod fake;
pub mod faulty;
#[cfg(unix)]
pub mod fight;
pub mod files;
pub mod flood;
pub mod load;
pub mod mcp;
pub mod mcp_http;
pub mod otlp;
pub mod panics;
pub mod proxy;
pub mod random;
pub mod real;
pub mod status;
#[cfg(unix)]
pub mod terminal;
pub mod tested;
