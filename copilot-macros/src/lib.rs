//! The attribute macros of `copilot`; use them through that crate.
